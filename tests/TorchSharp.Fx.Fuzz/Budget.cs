using System.Globalization;

namespace TorchSharp.Fx.Fuzz;

/// <summary>
/// How many programs are tried, from which seed on: few by default. FX_FUZZ_PROGRAMS=20000 runs as many, FX_FUZZ_SEED=7 starts elsewhere; a failure names the seed that repeats it alone.
/// </summary>
internal static class Budget
{
    internal static int Seed { get; } = Read("FX_FUZZ_SEED", 1);

    internal static int Programs(int standard) => Read("FX_FUZZ_PROGRAMS", standard);

    private static int Read(string name, int standard)
        => Environment.GetEnvironmentVariable(name) is { } given ? int.Parse(given, CultureInfo.InvariantCulture) : standard;
}

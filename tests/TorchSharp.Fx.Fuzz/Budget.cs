using System.Diagnostics;
using System.Globalization;

namespace TorchSharp.Fx.Fuzz;

/// <summary>
/// How many programs are tried, from which seed on. By default as many as some seconds allow; FX_FUZZ_PROGRAMS=20000 runs that many, however long it takes, and FX_FUZZ_SEED=7 starts
/// elsewhere. A failure names the seed that repeats it alone.
/// </summary>
internal static class Budget
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(8);

    /// <summary>The seeds of one batch after the other.</summary>
    internal static IEnumerable<int[]> Batches(int size)
    {
        var first = Read("FX_FUZZ_SEED") ?? 1;
        var programs = Read("FX_FUZZ_PROGRAMS");
        var watch = Stopwatch.StartNew();
        for (var done = 0; programs is null ? done < 3000 && watch.Elapsed < Limit : done < programs; done += size)
            yield return [.. Enumerable.Range(first + done, Math.Min(size, (programs ?? int.MaxValue) - done))];
    }

    private static int? Read(string name) => Environment.GetEnvironmentVariable(name) is { } given ? int.Parse(given, CultureInfo.InvariantCulture) : null;
}

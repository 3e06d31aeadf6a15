using System.Globalization;

namespace TorchSharp.Fx.Fuzz;

/// <summary>
/// Runs generated programs, batch by batch: by default the first few seeds, which are the same every time; FX_FUZZ_PROGRAMS=20000 runs that many and FX_FUZZ_SEED=7 starts elsewhere, and FX_FUZZ_SEED=7,9 runs those two.
/// A failure shows the program and says how to run it alone.
/// </summary>
/// <param name="test">The test class, for who repeats a failure.</param>
/// <param name="programs">How many run by default.</param>
/// <param name="kind">What is run.</param>
internal sealed class Campaign(Type test, int programs, IProgramKind kind)
{
    private const int BatchSize = 100;

    private readonly int[] chosen = Seeds(Setting("FX_FUZZ_PROGRAMS") ?? programs);
    private readonly int reported = Setting("FX_FUZZ_REPORTS") ?? 3;
    private readonly string? log = Environment.GetEnvironmentVariable("FX_FUZZ_LOG");
    private readonly List<int> failures = [];

    internal void Run()
    {
        foreach (var batch in chosen.Chunk(BatchSize))
            RunBatch(batch);
        Assert.True(failures.Count == 0, $"{failures.Count} of {chosen.Length} programs differ: seeds {string.Join(", ", failures.Take(20))}.\n{string.Concat(failures.Take(reported).Select(Report))}");
    }

    private void RunBatch(int[] seeds)
    {
        using var builds = kind.TryCompile(seeds, out var errors);
        if (builds is null)
            Divide(seeds, errors);
        else
            Compare(seeds, builds);
    }

    /// <summary>A program that doesn't compile is the grammar's fault, and keeps no other from running.</summary>
    private void Divide(int[] seeds, string errors)
    {
        if (seeds.Length > 1)
            foreach (var seed in seeds)
                RunBatch([seed]);
        else
            Fail(seeds[0], $"does not compile: {errors}");
    }

    private void Compare(int[] seeds, Builds builds)
    {
        foreach (var seed in seeds)
        {
            // A program may end the process.
            if (log is not null)
                File.WriteAllText(log, $"{seed}\n");
            if (kind.Difference(seed, builds) is { } found)
                Fail(seed, found);
        }
    }

    private void Fail(int seed, string found)
    {
        failures.Add(seed);
        TestContext.Current.TestOutputHelper?.WriteLine($"Seed {seed}: {found}");
        if (log is not null)
            File.AppendAllText(log + ".failures", $"Seed {seed}: {found.Trim()}\n");
    }

    private string Report(int seed)
        => $"\nSeed {seed}: {kind.Report(seed)}\nAgain: FX_FUZZ_SEED={seed} FX_FUZZ_PROGRAMS=1 dotnet run --project tests/TorchSharp.Fx.Fuzz -- -class {test.FullName}\n";

    private static int[] Seeds(int count) => Environment.GetEnvironmentVariable("FX_FUZZ_SEED") is { } list && list.Contains(',', StringComparison.Ordinal)
        ? [.. list.Split(',').Select(seed => int.Parse(seed, CultureInfo.InvariantCulture))]
        : [.. Enumerable.Range(Setting("FX_FUZZ_SEED") ?? 1, count)];

    private static int? Setting(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } given ? int.Parse(given, CultureInfo.InvariantCulture) : null;
}

namespace TorchSharp.Fx.Mutation;

/// <summary>What each class of a test assembly reaches, and which mutants it notices.</summary>
/// <remarks>Both are kept in files, so that a run goes on where one stopped.</remarks>
internal sealed class Suite(string folder, string assembly)
{
    private readonly string coverage = Path.Combine(folder, $"reached.{assembly}.tsv");
    private readonly string results = Path.Combine(folder, "results.tsv");

    /// <summary>Runs each class by itself, without a mutant: a process of its own also reaches what runs once a process.</summary>
    internal void Cover(Func<string, bool> wanted)
    {
        var known = ClassRun.Read(coverage).Select(row => row.Name).ToHashSet();
        foreach (var name in TestRun.Classes(folder, assembly).Where(name => wanted(name) && !known.Contains(name)))
        {
            var run = TestRun.Of(folder, assembly, [name], mutant: 0, limit: 600);
            if (!run.Passed)
                Console.WriteLine($"{name} fails without a mutant: {run.FirstFailure}");
            File.AppendAllLines(coverage, [new ClassRun(name, run.Passed, run.Seconds, run.Reached).Written()]);
        }
    }

    /// <summary>Tries each mutant that nobody noticed yet with the classes that reach it and take no longer than <paramref name="seconds"/>.</summary>
    internal void Run(double seconds)
    {
        var done = File.Exists(results) ? File.ReadAllLines(results).Select(line => line.Split('\t')).ToArray() : [];
        var over = done.Where(row => row[1] == assembly || row[2] == "noticed").Select(row => int.Parse(row[0])).ToHashSet();
        var classes = ClassRun.Read(coverage).Where(row => row.Passed && row.Seconds <= seconds).OrderBy(row => row.Seconds * row.Reached.Length).ToArray();
        foreach (var mutant in Mutant.Read(folder).Where(mutant => !over.Contains(mutant.Id)))
        {
            var (outcome, by) = Try(mutant.Id, [.. classes.Where(row => row.Reached.Contains(mutant.Id))]);
            Console.WriteLine($"{mutant.Id} {outcome} {by}  {mutant.File}:{mutant.Line} {mutant.Before} -> {mutant.After}");
            File.AppendAllLines(results, [string.Join('\t', mutant.Id, assembly, outcome, by)]);
        }
    }

    /// <summary>A few narrow and quick classes first, then more at once.</summary>
    private (string Outcome, string By) Try(int mutant, ClassRun[] classes)
    {
        if (classes.Length == 0)
            return ("not reached", "");
        for (int from = 0, count = 4; from < classes.Length; from += count, count *= 3)
        {
            var some = classes.Skip(from).Take(count).ToArray();
            var run = TestRun.Of(folder, assembly, some.Select(row => row.Name), mutant, limit: 60 + 4 * some.Sum(row => row.Seconds));
            if (!run.Passed)
                return ("noticed", run.FirstFailure);
        }
        return ("survived", $"{classes.Length} classes");
    }
}

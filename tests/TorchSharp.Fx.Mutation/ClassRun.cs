namespace TorchSharp.Fx.Mutation;

/// <summary>A test class without a mutant: how long it takes, and which mutants it reaches.</summary>
/// <remarks>One that fails in the copy, as it reads the sources, notices nothing.</remarks>
internal sealed record ClassRun(string Name, bool Passed, double Seconds, int[] Reached)
{
    internal static ClassRun[] Read(string path) => File.Exists(path) ? [.. File.ReadAllLines(path).Select(Parsed)] : [];

    internal string Written() => string.Join('\t', Name, Passed, Seconds.ToString("F1"), string.Join(' ', Reached));

    private static ClassRun Parsed(string line) => line.Split('\t') is [var name, var passed, var seconds, var reached]
        ? new(name, bool.Parse(passed), double.Parse(seconds), Numbers(reached))
        : throw new FormatException(line);

    private static int[] Numbers(string text) => [.. text.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(int.Parse)];
}

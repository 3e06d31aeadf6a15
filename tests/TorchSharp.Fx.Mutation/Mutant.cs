namespace TorchSharp.Fx.Mutation;

/// <summary>One change to one place of a source file.</summary>
internal sealed record Mutant(int Id, string File, int Line, string Kind, string Before, string After)
{
    internal static Mutant[] Read(string folder) => [.. System.IO.File.ReadLines(PathIn(folder)).Select(Parsed)];

    internal static void Write(string folder, IEnumerable<Mutant> mutants)
        => System.IO.File.WriteAllLines(PathIn(folder), mutants.Select(mutant => mutant.Written()));

    private static string PathIn(string folder) => Path.Combine(folder, "mutants.tsv");

    private string Written() => string.Join('\t', Id, File, Line, Kind, Before, After);

    private static Mutant Parsed(string line) => line.Split('\t') is [var id, var file, var row, var kind, var before, var after]
        ? new(int.Parse(id), file, int.Parse(row), kind, before, after)
        : throw new FormatException(line);
}

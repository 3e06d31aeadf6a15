namespace TorchSharp.Fx.Fuzz;

/// <summary>Programs in C#: reported in the smallest form that still shows the difference.</summary>
/// <param name="write">The program of a seed.</param>
/// <param name="difference">What is different in a seed's program.</param>
/// <param name="compile">Makes builds of a source; both compilers' unless given.</param>
internal sealed class CSharpKind(Func<int, string> write, Func<int, Builds, string?> difference, CSharpKind.Compiler? compile = null) : IProgramKind
{
    private readonly Compiler compile = compile ?? Builds.TryCompile;

    internal delegate Builds? Compiler(string source, out string errors);

    public Builds? TryCompile(int[] seeds, out string errors) => compile(string.Concat(seeds.Select(write)), out errors);

    public string? Difference(int seed, Builds builds) => difference(seed, builds);

    public string Report(int seed)
    {
        var source = write(seed);
        var compared = DifferenceIn(seed, source) is { } found ? Compared(found) : "";
        source = Shrinker.Shrink(source, smaller => DifferenceIn(seed, smaller) is { } other && Compared(other) == compared);
        return $"{DifferenceIn(seed, source)}\n{string.Join('\n', source.Split('\n').Where(line => line.Trim().Length > 0))}";
    }

    /// <summary>Which two differ, lest a smaller program shows something else.</summary>
    private static string Compared(string difference)
        => string.Join(" ", difference.Split('\n').Where(line => line.StartsWith("  ", StringComparison.Ordinal) && line.Length > 2 && line[2] != ' ').Select(line => line.Split(':')[0]));

    private string? DifferenceIn(int seed, string source)
    {
        using var builds = compile(source, out _);
        return builds is null ? null : difference(seed, builds);
    }
}

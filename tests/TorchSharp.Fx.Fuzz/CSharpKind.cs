namespace TorchSharp.Fx.Fuzz;

/// <summary>Programs in C#: reported in the smallest form that still shows the difference.</summary>
internal sealed class CSharpKind(Func<int, string> write, Func<int, Builds, string?> difference) : IProgramKind
{
    public Builds? TryCompile(int[] seeds, out string errors) => Builds.TryCompile(string.Concat(seeds.Select(write)), out errors);

    public string? Difference(int seed, Builds builds) => difference(seed, builds);

    public string Report(int seed)
    {
        var source = Shrinker.Shrink(write(seed), smaller => DifferenceIn(seed, smaller) is not null);
        return $"{DifferenceIn(seed, source)}\n{source}";
    }

    private string? DifferenceIn(int seed, string source)
    {
        using var builds = Builds.TryCompile(source, out _);
        return builds is null ? null : difference(seed, builds);
    }
}

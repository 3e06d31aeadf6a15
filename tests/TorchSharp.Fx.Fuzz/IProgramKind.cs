namespace TorchSharp.Fx.Fuzz;

/// <summary>One kind of generated programs, and what they are held to. A seed always gives the same program.</summary>
internal interface IProgramKind
{
    /// <summary>The programs of some seeds; null and what is wrong if one doesn't compile.</summary>
    Builds? TryCompile(int[] seeds, out string errors);

    /// <summary>What is different in a seed's program; null if nothing is.</summary>
    string? Difference(int seed, Builds builds);

    /// <summary>A difference and the program that shows it.</summary>
    string Report(int seed);
}

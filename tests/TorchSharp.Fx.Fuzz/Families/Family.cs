namespace TorchSharp.Fx.Fuzz;

/// <summary>A part of the language: what its programs share, and the templates of <see cref="Grammar"/> that use it.</summary>
internal sealed record Family(string Declarations, IReadOnlyDictionary<string, string[]> Expressions, string[] Statements)
{
    internal static Family[] All { get; } = [Generics.Family, Structs.Family, Exceptions.Family, Iterators.Family, Closures.Family, Patterns.Family, Spans.Family, Texts.Family, Collections.Family, Numerics.Family];
}

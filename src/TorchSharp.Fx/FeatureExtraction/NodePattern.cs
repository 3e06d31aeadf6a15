using System.Text.RegularExpressions;

namespace TorchSharp.Fx;

/// <summary>
/// A pattern of qualified names: <c>?</c> matches one character and <c>*</c> any number of characters within one part of a name; <c>**</c>
/// matches any number of characters, including dots. <c>layer*.?.conv2</c> is the second convolution of every block, <c>layer?</c> every
/// layer, <c>**.relu</c> every ReLU.
/// </summary>
public sealed class NodePattern
{
    private readonly Regex regex;

    /// <summary>Parses a pattern. A pattern without <c>*</c> and <c>?</c> matches only that name.</summary>
    /// <param name="pattern">The pattern.</param>
    public NodePattern(string pattern)
    {
        ArgumentNullException.ThrowIfNull(pattern);
        var escaped = Regex.Escape(pattern).Replace(@"\*\*", ".*", StringComparison.Ordinal)
            .Replace(@"\*", "[^.]*", StringComparison.Ordinal).Replace(@"\?", "[^.]", StringComparison.Ordinal);
        regex = new Regex($"^{escaped}$", RegexOptions.CultureInvariant | RegexOptions.NonBacktracking);
    }

    /// <summary>
    /// The names that match, of nodes and of the modules that contain them, each once and in the order of first appearance.
    /// </summary>
    /// <param name="nodes">Names of nodes, as <see cref="feature_extraction.get_graph_node_names"/> lists them.</param>
    public IEnumerable<string> Matches(IEnumerable<string> nodes)
        => nodes.SelectMany(WithModules).Distinct(StringComparer.Ordinal).Where(name => regex.IsMatch(name));

    internal static bool IsPattern(string name) => name.AsSpan().ContainsAny('*', '?');

    /// <summary><c>a.b.c</c> → <c>a</c>, <c>a.b</c>, <c>a.b.c</c></summary>
    internal static IEnumerable<string> WithModules(string name)
    {
        for (var dot = name.IndexOf('.', StringComparison.Ordinal); dot >= 0; dot = name.IndexOf('.', dot + 1))
            yield return name[..dot];
        yield return name;
    }
}

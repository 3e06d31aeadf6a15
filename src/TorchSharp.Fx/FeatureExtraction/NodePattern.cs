using System.Text.RegularExpressions;

namespace TorchSharp.Fx;

/// <summary>
/// A pattern of qualified names: <c>?</c> is any one letter and <c>*</c> any number of letters within one part of a name, <c>**</c> any
/// number of letters, dots included. <c>layer*.?.conv2</c> is the second convolution of every block, <c>layer?</c> every layer,
/// <c>**.relu</c> every ReLU.
/// </summary>
public sealed class NodePattern
{
    private readonly Regex regex;

    /// <summary>Reads a pattern; a name without <c>*</c> and <c>?</c> is one that only it fits.</summary>
    /// <param name="pattern">The pattern.</param>
    public NodePattern(string pattern)
    {
        ArgumentNullException.ThrowIfNull(pattern);
        var escaped = Regex.Escape(pattern).Replace(@"\*\*", ".*", StringComparison.Ordinal)
            .Replace(@"\*", "[^.]*", StringComparison.Ordinal).Replace(@"\?", "[^.]", StringComparison.Ordinal);
        regex = new Regex($"^{escaped}$", RegexOptions.CultureInvariant | RegexOptions.NonBacktracking);
    }

    /// <summary>Which names fit: nodes, and the modules that they lie in, each once and where it first comes up.</summary>
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

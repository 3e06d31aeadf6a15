using static TorchSharp.torch;

namespace TorchSharp.Fx.FeatureExtraction;

/// <summary>
/// The requests of one recorded run, found among its values as they come up: by the rules of <see cref="NodeSelection"/>, which has
/// all of them before it.
/// </summary>
internal sealed class RecordedRequests(nn.Module model, ReturnNodes requested)
{
    private const string Input = ":in";

    private readonly ModuleHierarchy modules = new(model);
    private readonly List<RecordedRequest> requests =
        [.. requested.Where(node => !NodePattern.IsPattern(node.Name)).Select(node => Plain(node.Name, node.Key))];
    private readonly (NodePattern Pattern, string Suffix, ReturnNode Node)[] patterns =
        [.. requested.Where(node => NodePattern.IsPattern(node.Name)).Select(Pattern)];
    private readonly HashSet<string> matched = new(StringComparer.Ordinal);
    // A condition is asked of a node, which no graph has here.
    private readonly Graph scratch = new();

    internal IReadOnlyList<RecordedRequest> All => requests;

    /// <summary>
    /// Whether later values of the run can't be an answer: each name is that of one node, and has come up. A module's last value is known
    /// at the end.
    /// </summary>
    internal bool AreFinal => patterns.Length == 0 && requested.Predicate is null && requests.TrueForAll(request => request.IsFinal);

    /// <summary>Whether a name leads to a module that is no leaf, so that further nodes inside may follow.</summary>
    internal bool HoldsNodes(string name, string? leaf) => leaf != name && modules.Find(name) is nn.Module;

    /// <summary>The requests that a node answers.</summary>
    internal IEnumerable<RecordedRequest> Answered(string name, string? leaf, in Recorded operation)
    {
        foreach (var (pattern, suffix, node) in patterns)
            foreach (var match in pattern.Matches(leaf is null || leaf == name ? [name] : modules.Find(name) is nn.Module
                ? [leaf] : [name]))
                Add(match + suffix, node.Key == node.Name ? match + suffix : node.Key);
        if (requested.Predicate is { } predicate && operation.Type != typeof(void)
            && predicate(scratch.create_node(operation.Op, operation.Target, [], operation.Type),
                leaf is null ? null : modules.Find(leaf) as nn.Module))
            Add(name, name);
        return requests.Where(request => request.IsAnsweredBy(name, leaf));
    }

    private void Add(string name, string key)
    {
        if (matched.Add(name))
            requests.Add(Plain(name, key));
    }

    private static RecordedRequest Plain(string name, string key)
        => name.EndsWith(Input, StringComparison.Ordinal) ? new(name[..^Input.Length], key, isInput: true) : new(name, key, isInput: false);

    private static (NodePattern, string, ReturnNode) Pattern(ReturnNode node)
        => node.Name.EndsWith(Input, StringComparison.Ordinal)
            ? (new(node.Name[..^Input.Length]), Input, node) : (new(node.Name), "", node);
}

/// <summary>One name that is asked for, and the values that may be its answer.</summary>
/// <param name="name">A node's name or a module's path.</param>
/// <param name="key">The key in the result.</param>
/// <param name="isInput">Whether the first input of the node or module is meant.</param>
internal sealed class RecordedRequest(string name, string key, bool isInput)
{
    private readonly HashSet<object> inside = new(ReferenceEqualityComparer.Instance);
    private KeptValue? byName;
    private KeptValue? byPath;
    private bool isNumbered;
    private bool isModule;

    internal string Name => name;

    internal string Key => key;

    internal bool IsInput => isInput;

    /// <summary>Whether no later node can be the answer.</summary>
    internal bool IsFinal { get; set; }

    /// <summary>The answer: the value by the name in the list, but by a module's own path where the name only counts.</summary>
    internal KeptValue? Value => isNumbered && isModule ? byPath ?? byName : byName ?? byPath;

    internal bool IsAnsweredBy(string node, string? leaf)
    {
        isModule |= leaf is null ? IsInside(node) && node.Length > name.Length : IsInside(leaf);
        isNumbered |= node == name && leaf != name;
        return IsInside(node) || IsInside(leaf);
    }

    /// <summary>Whether the value of a node would be looked at: of the inputs the first is the answer.</summary>
    internal bool IsOpen(string node) => !isInput || (IsInside(node) ? byName : byPath) is null;

    internal void Keep(KeptValue value, string node, string? leaf)
    {
        if (IsInside(node) && !(isInput && byName is not null))
            KeptValue.Replace(ref byName, value);
        if ((leaf is null ? IsInside(node) && node != name : IsInside(leaf)) && !(isInput && byPath is not null))
            KeptValue.Replace(ref byPath, value);
    }

    /// <summary>Notes what was computed inside, which is no input.</summary>
    internal void NoteInside(object? value)
    {
        foreach (var tensor in Structure.Tensors(value))
            inside.Add(tensor);
    }

    internal bool IsFromInside(object value) => inside.Contains(value);

    internal void Release()
    {
        KeptValue.Replace(ref byName, null);
        KeptValue.Replace(ref byPath, null);
    }

    private bool IsInside(string? node)
        => node is not null && node.StartsWith(name, StringComparison.Ordinal) && (node.Length == name.Length || node[name.Length] == '.');
}

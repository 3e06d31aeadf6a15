namespace TorchSharp.Fx.Drawing;

/// <summary>A part of a picture: a node, or a module with the nodes of one call. The hierarchy is closed.</summary>
internal abstract class Part
{
    private protected Part() { }

    /// <summary>The values it reads that are made outside, each once.</summary>
    internal abstract IReadOnlyList<Node> Inputs { get; }

    /// <summary>The values it makes that are read outside.</summary>
    internal abstract IReadOnlyList<Node> Outputs { get; }
}

/// <summary>A node of the graph.</summary>
internal sealed class NodePart(Node node, IReadOnlyList<Node> inputs, bool isRead) : Part
{
    internal Node Node => node;

    internal override IReadOnlyList<Node> Inputs => inputs;

    internal override IReadOnlyList<Node> Outputs { get; } = isRead ? [node] : [];
}

/// <summary>
/// A module's stretch of the graph: nodes that follow each other in execution, so that no path leads out of it and in again. A module that
/// is called twice has two.
/// </summary>
internal sealed class ModulePart(string path, int call) : Part
{
    private readonly List<Part> parts = [];
    private readonly OrderedDictionary<Node, bool> inputs = [];
    private readonly OrderedDictionary<Node, bool> outputs = [];

    /// <summary>The module's qualified name; empty for the root.</summary>
    internal string Path => path;

    /// <summary>The path; from the second call on with its number.</summary>
    internal string Name => call == 1 ? path : $"{path} {call}";

    /// <summary>The class whose code ran in it; null where no node tells.</summary>
    internal string? CodeOf { get; private set; }

    /// <summary>How many modules it lies in.</summary>
    internal int Depth => path.Length == 0 ? 0 : path.Count(letter => letter == '.') + 1;

    /// <summary>Nodes and modules, in order of execution.</summary>
    internal IReadOnlyList<Part> Parts => parts;

    internal override IReadOnlyList<Node> Inputs => inputs.Keys;

    internal override IReadOnlyList<Node> Outputs => outputs.Keys;

    internal IEnumerable<Node> Nodes => parts.SelectMany(part => part is ModulePart module ? module.Nodes : [((NodePart)part).Node]);

    /// <summary>The parts of a graph, those of the nodes that <paramref name="isShown"/> admits.</summary>
    internal static ModulePart Of(Graph graph, Func<Node, bool> isShown)
    {
        var open = new Stack<ModulePart>([new ModulePart("", 1)]);
        var calls = new Dictionary<string, int>(StringComparer.Ordinal);
        var shown = graph.nodes.Where(isShown).ToHashSet();
        foreach (var node in graph.nodes.Where(shown.Contains))
        {
            Enter(open, ModuleOf(node), calls);
            open.Peek().parts.Add(new NodePart(node, [.. node.all_input_nodes.Where(shown.Contains)], node.users.Any(shown.Contains)));
            if (node.origin?.module_path == open.Peek().Path)
                open.Peek().CodeOf ??= node.origin.method?.Split('.')[0];
        }
        var root = open.Last();
        root.Connect();
        return root;
    }

    /// <summary>
    /// The module around a node: that of a module it calls, else the one whose code made it. An argument of a module stands outside it.
    /// </summary>
    private static string ModuleOf(Node node)
    {
        var code = node.origin?.module_path;
        return node.target switch
        {
            ModuleTarget module => ModuleHierarchy.Split(module.Path).Prefix,
            AttributeTarget { Path: var path } when ModuleHierarchy.Split(path).Prefix is { Length: > 0 } owner
                && Holds(owner, code ?? owner) => owner,
            _ => code ?? "",
        };
    }

    /// <summary>Leaves and opens modules until the innermost open one is that of the path.</summary>
    private static void Enter(Stack<ModulePart> open, string path, Dictionary<string, int> calls)
    {
        while (!Holds(open.Peek().Path, path))
            open.Pop();
        while (open.Peek().Path.Length < path.Length)
        {
            var start = open.Peek().Path.Length == 0 ? 0 : open.Peek().Path.Length + 1;
            // A name has at least one letter, were it a dot: every step comes nearer to the end.
            var end = path.IndexOf('.', Math.Min(start + 1, path.Length));
            var name = end < 0 ? path : path[..end];
            var inner = new ModulePart(name, calls[name] = calls.GetValueOrDefault(name) + 1);
            open.Peek().parts.Add(inner);
            open.Push(inner);
        }
    }

    private static bool Holds(string outer, string inner)
        => outer.Length == 0
            || (inner.StartsWith(outer, StringComparison.Ordinal) && (inner.Length == outer.Length || inner[outer.Length] == '.'));

    /// <summary>Finds what goes in and out, here and in all modules inside.</summary>
    private HashSet<Node> Connect()
    {
        var made = new HashSet<Node>();
        foreach (var part in parts)
        {
            made.UnionWith(part is ModulePart module ? module.Connect() : [((NodePart)part).Node]);
            foreach (var value in part.Inputs.Where(value => !made.Contains(value)))
                inputs.TryAdd(value, true);
        }
        foreach (var value in parts.SelectMany(part => part.Outputs).Where(value => value.users.Any(user => !made.Contains(user))))
            outputs.TryAdd(value, true);
        return made;
    }
}

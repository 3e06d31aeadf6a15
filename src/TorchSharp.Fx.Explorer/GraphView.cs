using static TorchSharp.torch;

namespace TorchSharp.Fx.Explorers;

/// <summary>Which graph of the model is looked at.</summary>
/// <param name="Mode">eval or train.</param>
/// <param name="Form">plain, optimised or quantised.</param>
internal readonly record struct ViewKey(string Mode, string Form)
{
    internal const string Eval = "eval", Train = "train", Plain = "plain", Optimised = "optimised", Quantised = "quantised";

    /// <inheritdoc/>
    public override string ToString() => Form == Plain ? Mode : $"the {Form} copy";
}

/// <summary>A graph of the model, with what is known of its nodes.</summary>
/// <param name="Key">Which one.</param>
/// <param name="Module">The graph module.</param>
/// <param name="OwnsModule">Whether it was made for the view alone.</param>
internal sealed record GraphView(ViewKey Key, nn.Module Module, bool OwnsModule) : IDisposable
{
    private readonly Lazy<OrderedDictionary<Node, string>> names = new(() => NodeLookup.Names(((IGraphModule)Module).graph));
    private readonly Lazy<ModulePart> parts = new(() => ModulePart.Of(((IGraphModule)Module).graph, _ => true));
    private Dictionary<string, Node>? nodes;
    private Dictionary<Node, string[]>? around;

    internal Graph Graph => ((IGraphModule)Module).graph;

    /// <summary>The qualified names, in the order of execution; the output has none.</summary>
    internal IReadOnlyDictionary<Node, string> Names => names.Value;

    internal ModulePart Parts => parts.Value;

    /// <summary>How long each node takes; empty until it was measured.</summary>
    internal IReadOnlyDictionary<Node, double> Milliseconds { get; set; } = new Dictionary<Node, double>();

    internal bool IsMeasured { get; set; }

    /// <summary>The modules around each node, the outermost first, by the names of their parts.</summary>
    internal IReadOnlyDictionary<Node, string[]> Around => around ??= Inside(Parts, [])
        .ToDictionary(entry => entry.Node, entry => entry.Path);

    internal string NameOf(Node node) => Names.TryGetValue(node, out var name) ? name : node.name;

    /// <summary>The node of a name; for a module's the last one inside.</summary>
    internal Node Find(string name) => Nodes.TryGetValue(name, out var node) ? node : Graph.find_node(name);

    internal bool Has(string name) => Nodes.ContainsKey(name) || NodeLookup.TryFind(Graph, name) is not null;

    private Dictionary<string, Node> Nodes => nodes ??= Graph.nodes.Reverse().GroupBy(NameOf, StringComparer.Ordinal)
        .ToDictionary(group => group.Key, group => group.Last(), StringComparer.Ordinal);

    /// <summary>The node whose value the page shows under a name; of a module it is the last one inside.</summary>
    internal Node Shown(string name) => FindPart(name) is not { } part ? Find(name)
        : Find(part.Name == part.Path ? part.Path : NameOf(part.Nodes.Last()));

    /// <summary>The module of a name, where it is no node's.</summary>
    internal ModulePart? FindPart(string name) => PartIn(Parts, name);

    public void Dispose()
    {
        if (OwnsModule)
            Module.Dispose();
    }

    private static ModulePart? PartIn(ModulePart within, string name) => within.Parts.OfType<ModulePart>()
        .Select(part => part.Name == name ? part : PartIn(part, name)).FirstOrDefault(part => part is not null);

    private static IEnumerable<(Node Node, string[] Path)> Inside(ModulePart module, string[] path) => module.Parts.SelectMany(part
        => part is ModulePart inner ? Inside(inner, [.. path, inner.Name]) : [(((NodePart)part).Node, path)]);
}

namespace TorchSharp.Fx;

/// <summary>
/// Draws a graph module, and each graph module that it calls: <c>new FxGraphDrawer(traced,
/// "resnet18").get_dot_graph().write_svg("resnet18.svg")</c>. Counterpart: <c>torch.fx.passes.graph_drawer.FxGraphDrawer</c>.
/// </summary>
public sealed class FxGraphDrawer
{
    private readonly Dictionary<string, GraphPicture> pictures = new(StringComparer.Ordinal);
    private readonly string name;

    /// <summary>Draws a graph module.</summary>
    /// <param name="graph_module">The graph module, e.g. of <c>fx.symbolic_trace</c> or <c>create_feature_extractor</c>.</param>
    /// <param name="name">The drawing's name.</param>
    /// <param name="ignore_getattr">Whether to leave out parameters and buffers.</param>
    public FxGraphDrawer(IGraphModule graph_module, string name, bool ignore_getattr = false)
    {
        ArgumentNullException.ThrowIfNull(graph_module);
        this.name = name;
        Draw(name, graph_module);
        foreach (var path in graph_module.graph.find_nodes(Opcode.call_module).Select(node => node.target.name).Distinct())
            if (graph_module.Program.Source.Find(path) is IGraphModule inner)
                Draw($"{name}_{path}", inner);

        void Draw(string key, IGraphModule drawn)
            => pictures.Add(key,
                new(ModulePart.Of(drawn.graph, node => !ignore_getattr || node.op != Opcode.get_attr), key,
                    new(drawn.Program.Source.Root)));
    }

    /// <summary>The drawing of the module itself, or of one that it calls. Counterpart: <c>FxGraphDrawer.get_dot_graph</c>.</summary>
    /// <param name="submod_name">The qualified name of a graph module inside; null for the whole.</param>
    public GraphPicture get_dot_graph(string? submod_name = null)
        => submod_name is null ? get_main_dot_graph() : get_submod_dot_graph(submod_name);

    /// <summary>The drawing of the module itself. Counterpart: <c>FxGraphDrawer.get_main_dot_graph</c>.</summary>
    public GraphPicture get_main_dot_graph() => pictures[name];

    /// <summary>The drawing of a graph module inside. Counterpart: <c>FxGraphDrawer.get_submod_dot_graph</c>.</summary>
    /// <param name="submod_name">Its qualified name.</param>
    public GraphPicture get_submod_dot_graph(string submod_name) => pictures.TryGetValue($"{name}_{submod_name}", out var picture)
        ? picture
        : throw new ArgumentException(
            $"There is no drawing of '{submod_name}': the graph calls no graph module of that name. get_all_dot_graphs() has those there "
                + "are.", nameof(submod_name));

    /// <summary>
    /// All drawings by name. An inner module's name is the drawing's name, <c>_</c> and the module's path. Counterpart:
    /// <c>FxGraphDrawer.get_all_dot_graphs</c>.
    /// </summary>
    public IReadOnlyDictionary<string, GraphPicture> get_all_dot_graphs() => pictures;
}

/// <summary>One drawing. Counterpart: <c>pydot.Dot</c>.</summary>
public sealed class GraphPicture
{
    private readonly string dot;
    private readonly string svg;

    internal GraphPicture(ModulePart module, string name, Captions captions)
        => (dot, svg) = (Dot.Of(module, name, captions), Svg.Of(module, name, captions, _ => true));

    /// <summary>The drawing in Graphviz's DOT language. Counterpart: <c>pydot.Dot.to_string</c>.</summary>
    public string to_string() => dot;

    /// <summary>Writes the drawing in Graphviz's DOT language. Counterpart: <c>pydot.Dot.write_raw</c>.</summary>
    public void write_raw(string path) => File.WriteAllText(path, dot);

    /// <summary>Writes the drawing as an SVG picture, without Graphviz. Counterpart: <c>pydot.Dot.write_svg</c>.</summary>
    public void write_svg(string path) => File.WriteAllText(path, svg);

    /// <inheritdoc/>
    public override string ToString() => dot;
}

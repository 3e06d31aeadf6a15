using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>Pictures of graphs. Counterpart: <c>torch.fx.passes.graph_drawer</c>.</summary>
public static class GraphDrawing
{
    /// <summary>
    /// The graph in Graphviz's DOT language: one box per node, coloured by kind; a frame around the nodes of each module call; an edge from
    /// every value to each of its readers.
    /// </summary>
    /// <param name="graph">The graph to draw.</param>
    /// <param name="name">The drawing's name.</param>
    /// <param name="root">The module that the graph came from; with it, the drawing shows the classes of the modules.</param>
    public static string to_dot(this Graph graph, string name = "graph", nn.Module? root = null)
    {
        ArgumentNullException.ThrowIfNull(graph);
        return Dot.Of(ModulePart.Of(graph, _ => true), name, new(root));
    }

    /// <summary>
    /// The graph as an SVG picture for any browser; no other program is needed. It has the boxes, frames and edges of <see cref="to_dot"/>.
    /// A box's tooltip shows the node's line of the graph's text and its C# line.
    /// </summary>
    /// <param name="graph">The graph to draw.</param>
    /// <param name="name">The picture's title.</param>
    /// <param name="root">The module that the graph came from; with it, the drawing shows the classes of the modules.</param>
    /// <param name="depth">The number of module levels to open; deeper modules are one box each. Null opens all.</param>
    public static string to_svg(this Graph graph, string name = "graph", nn.Module? root = null, int? depth = null)
    {
        ArgumentNullException.ThrowIfNull(graph);
        if (depth < 0)
            throw new ArgumentOutOfRangeException(nameof(depth),
                $"The depth of a picture is the number of modules inside each other that are opened, so it can't be {depth}.");
        return Svg.Of(ModulePart.Of(graph, _ => true), name, new(root), module => depth is null || module.Depth <= depth);
    }

    /// <summary>
    /// A profile as a flame graph, an SVG picture. A node's width is its time; nodes run from left to right and are coloured by operation.
    /// A module is a row above the nodes that run in it. Tooltips show names, times and C# lines.
    /// </summary>
    /// <param name="profile">The result of <see cref="GraphModules.profile"/>.</param>
    /// <param name="name">The picture's title.</param>
    public static string to_flame_graph(this GraphProfile profile, string name = "graph")
    {
        ArgumentNullException.ThrowIfNull(profile);
        return FlameGraph.Of(profile, name);
    }
}

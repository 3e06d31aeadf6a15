using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>Pictures of graphs. Counterpart: <c>torch.fx.passes.graph_drawer</c>.</summary>
public static class GraphDrawing
{
    /// <summary>
    /// The graph in Graphviz's DOT language: a box a node, coloured by its kind, in a frame for each call of a module, with an edge from
    /// every value to its readers.
    /// </summary>
    /// <param name="graph">The graph to draw.</param>
    /// <param name="name">The drawing's name.</param>
    /// <param name="root">The module that the graph came from: it knows the classes of the modules inside.</param>
    public static string to_dot(this Graph graph, string name = "graph", nn.Module? root = null)
    {
        ArgumentNullException.ThrowIfNull(graph);
        return Dot.Of(ModulePart.Of(graph, _ => true), name, new(root));
    }

    /// <summary>
    /// The graph as an SVG picture that any browser shows; no other program is needed. Boxes, frames and edges are those of
    /// <see cref="to_dot"/>; a box tells its line of the graph's text and its C# line when the pointer rests on it.
    /// </summary>
    /// <param name="graph">The graph to draw.</param>
    /// <param name="name">The picture's title.</param>
    /// <param name="root">The module that the graph came from: it knows the classes of the modules inside.</param>
    /// <param name="depth">How many modules inside each other are opened; deeper ones are one box each. All when null.</param>
    public static string to_svg(this Graph graph, string name = "graph", nn.Module? root = null, int? depth = null)
    {
        ArgumentNullException.ThrowIfNull(graph);
        if (depth < 0)
            throw new ArgumentOutOfRangeException(nameof(depth),
                $"The depth of a picture is the number of modules inside each other that are opened, so it can't be {depth}.");
        return Svg.Of(ModulePart.Of(graph, _ => true), name, new(root), module => depth is null || module.Depth <= depth);
    }

    /// <summary>
    /// A profile as an SVG picture: modules are rows above what runs in them, nodes are as wide as they take time, from left to right in
    /// order of execution, coloured by operation. Names, times and C# lines show when the pointer rests on a box.
    /// </summary>
    /// <param name="profile">What <see cref="GraphModules.profile"/> measured.</param>
    /// <param name="name">The picture's title.</param>
    public static string to_flame_graph(this GraphProfile profile, string name = "graph")
    {
        ArgumentNullException.ThrowIfNull(profile);
        return FlameGraph.Of(profile, name);
    }
}

namespace TorchSharp.Fx.Drawing;

/// <summary>A graph in Graphviz's language: modules are clusters, nodes are boxes coloured by their kind, values are edges.</summary>
internal sealed class Dot
{
    private readonly Captions captions;

    private Dot(Captions captions) => this.captions = captions;

    internal static string Of(ModulePart module, string name, Captions captions)
    {
        var shown = module.Nodes.ToHashSet();
        var edges = from node in module.Nodes
                    from input in node.all_input_nodes
                    where shown.Contains(input)
                    select $"    {Quoted(input.name)} -> "
                        + $"{Quoted(node.name)}{(captions.ShapeOf(input) is { } label ? $" [label={Quoted(" " + label)}]" : "")};";
        return string.Join('\n', [
            $"digraph {Quoted(name)} {{",
            "    rankdir=TB;",
            $"    graph [style=\"rounded,filled\", bgcolor=\"{Palette.Background}\", fontname=\"Helvetica\", fontsize=10, "
                + $"fontcolor=\"{Palette.Muted}\", color=\"{Palette.FrameLine}\", labeljust=\"l\", nodesep=0.3, ranksep=0.3];",
            "    node [shape=box, style=\"rounded,filled\", height=0.3, fontname=\"Helvetica\", fontsize=10, "
                + $"fontcolor=\"{Palette.Text}\"];",
            $"    edge [fontname=\"Helvetica\", fontsize=8, fontcolor=\"{Palette.Muted}\", color=\"{Palette.Edge}\", arrowsize=0.6];",
            .. new Dot(captions).Lines(module, "    "),
            .. edges,
            "}\n"]);
    }

    private IEnumerable<string> Lines(ModulePart module, string indent)
        => module.Parts.SelectMany(part => part is ModulePart inner
            ? Frame(inner, indent) : [indent + Line(((NodePart)part).Node, module)]);

    private IEnumerable<string> Frame(ModulePart module, string indent) =>
    [
        $"{indent}subgraph {Quoted("cluster_" + module.Name)} {{",
        $"{indent}    graph [label={Quoted(
            $"{module.Path} {captions.ClassOf(module)}".TrimEnd())}, fillcolor=\"{Palette.FrameFill(module.Depth)}\"];",
        .. Lines(module, indent + "    "),
        $"{indent}}}",
    ];

    private string Line(Node node, ModulePart around)
    {
        var (title, detail) = captions.Of(node, around);
        return $"{Quoted(node.name)} [label={Quoted(detail.Length == 0 ? title : $"{title}\n{detail}")}, "
            + $"fillcolor=\"{Palette.Fill(node.op)}\", color=\"{Palette.Line(node.op)}\"];";
    }

    private static string Quoted(string text)
        => '"' + text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)
            .Replace("\n", "\\n", StringComparison.Ordinal) + '"';
}

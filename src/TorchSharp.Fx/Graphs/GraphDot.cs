namespace TorchSharp.Fx;

/// <summary>A graph in Graphviz's language: a box a node, coloured by its kind, framed by the modules it belongs to.</summary>
internal static class GraphDot
{
    internal static string Of(Graph graph, string name)
    {
        var root = new Cluster("");
        foreach (var node in graph.nodes)
            root.Add(node, ModuleOf(node));
        var edges = from node in graph.nodes
                    from input in node.all_input_nodes
                    select $"    {Quoted(input.name)} -> {Quoted(node.name)};";
        return string.Join('\n', [
            $"digraph {Quoted(name)} {{",
            "    rankdir=TB;",
            "    node [shape=box, style=\"rounded,filled\", fontname=\"Helvetica\", fontsize=10];",
            .. root.Lines("    "),
            .. edges,
            "}\n"]);
    }

    /// <summary>The module around a node: the parent of one it calls, else the one whose code made it.</summary>
    private static string ModuleOf(Node node) => node.target is ModuleTarget or AttributeTarget
        ? ModuleHierarchy.Split(node.target.name).Prefix
        : node.origin?.module_path ?? "";

    private static string Line(Node node)
        => $"{Quoted(node.name)} [label={Quoted(node.name == node.target.name ? node.name : $"{node.name}\n{Target(node)}")}, fillcolor=\"{Colour(node.op)}\"];";

    /// <summary>A property has its own name here, not the <c>getattr</c> that all share.</summary>
    private static string Target(Node node) => node.target is MemberTarget member ? "." + ArgumentText.MemberName(member.Member.Name) : node.target.name;

    private static string Colour(Opcode op) => op switch
    {
        Opcode.placeholder => "#d9ead3",
        Opcode.get_attr => "#fff2cc",
        Opcode.call_function => "#cfe2f3",
        Opcode.call_method => "#d0e0e3",
        Opcode.call_module => "#d9d2e9",
        _ => "#f4cccc",
    };

    private static string Quoted(string text)
        => '"' + text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal) + '"';

    /// <summary>A module with its nodes and the modules in it, in order of execution.</summary>
    private sealed class Cluster(string path)
    {
        private readonly List<Node> nodes = [];
        private readonly OrderedDictionary<string, Cluster> inner = new(StringComparer.Ordinal);

        internal void Add(Node node, string remaining)
        {
            if (remaining.Length == 0)
            {
                nodes.Add(node);
                return;
            }
            var (name, rest) = remaining.Split('.', 2) is [var first, var others] ? (first, others) : (remaining, "");
            if (!inner.TryGetValue(name, out var cluster))
                inner.Add(name, cluster = new Cluster(path.Length == 0 ? name : $"{path}.{name}"));
            cluster.Add(node, rest);
        }

        internal IEnumerable<string> Lines(string indent) => [.. nodes.Select(node => indent + Line(node)), .. inner.Values.SelectMany(cluster => cluster.Frame(indent))];

        private IEnumerable<string> Frame(string indent) =>
        [
            $"{indent}subgraph {Quoted("cluster_" + path)} {{",
            $"{indent}    label={Quoted(path)};",
            .. Lines(indent + "    "),
            $"{indent}}}",
        ];
    }
}

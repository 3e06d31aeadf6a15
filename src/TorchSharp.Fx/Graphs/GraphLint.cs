namespace TorchSharp.Fx;

/// <summary>The invariants of a graph, stated as checks.</summary>
internal static class GraphLint
{
    internal static void Check(Graph graph)
    {
        var seen = new HashSet<Node>();
        var names = new HashSet<string>(StringComparer.Ordinal);
        Node? output = null;
        foreach (var node in graph.nodes)
        {
            if (node.graph != graph)
                throw Broken(node, "belongs to another graph");
            if (output is not null)
                throw Broken(node, $"comes after the output '{output.name}': the output is a graph's last node");
            if (!names.Add(node.name))
                throw Broken(node, "shares its name with another node");
            if (!Fits(node))
                throw Broken(node, $"is a {node.op} but its target is a {node.target.GetType().Name}");
            foreach (var input in node.all_input_nodes)
            {
                if (!seen.Contains(input))
                    throw Broken(node, $"reads '{input.name}' before that is computed");
                if (!input.users.Contains(node))
                    throw Broken(node, $"reads '{input.name}', which does not list it among its users");
            }
            foreach (var user in node.users)
                if (user.IsErased || !user.all_input_nodes.Contains(node))
                    throw Broken(node, $"lists '{user.name}' among its users, which does not read it");
            seen.Add(node);
            if (node.op == Opcode.output)
                output = node;
        }
    }

    private static bool Fits(Node node) => (node.op, node.target) switch
    {
        (Opcode.placeholder, PlaceholderTarget) => true,
        (Opcode.get_attr, AttributeTarget) => true,
        (Opcode.call_function, FunctionTarget or BuiltinTarget or MemberTarget) => true,
        (Opcode.call_method, MethodTarget) => true,
        (Opcode.call_module, ModuleTarget) => true,
        (Opcode.output, OutputTarget) => true,
        _ => false,
    };

    private static InvalidOperationException Broken(Node node, string what) => new($"The graph is not well-formed: node '{node.name}' {what}.");
}

namespace TorchSharp.Fx.Graphs;

/// <summary>The invariants of a graph, stated as checks.</summary>
internal static class GraphLint
{
    internal static void Check(Graph graph, ModuleHierarchy? modules)
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
            CheckCall(node);
            if (node.target is MapTarget map)
                CheckMap(node, map, modules);
            CheckName(node, modules);
            foreach (var input in node.all_input_nodes)
            {
                if (!seen.Contains(input))
                    throw Broken(node, $"reads '{input.name}' before that is computed");
                if (!input.IsReadBy(node))
                    throw Broken(node, $"reads '{input.name}', which does not list it among its users");
            }
            foreach (var user in node.users)
                if (user.IsErased || !user.Reads(node))
                    throw Broken(node, $"lists '{user.name}' among its users, which does not read it");
            seen.Add(node);
            if (node.op == Opcode.output)
                output = node;
        }
    }

    /// <summary>The arguments of a call beside the callee's parameters.</summary>
    private static void CheckCall(Node node)
    {
        if (node.target is MemberTarget || node.target.Callee is not { Method: var method, Receivers: var receivers })
            return;
        var parameters = method.GetParameters();
        var given = node.args.Length - receivers;
        if (given > parameters.Length)
            throw Broken(node, $"gives {given} arguments to {method.DeclaringType?.Name}.{method.Name}, which takes {parameters.Length}");
        if (given < 0)
            throw Broken(node, $"has nothing to call {method.DeclaringType?.Name}.{method.Name} on");
        if (Array.Find(parameters[given..], parameter => !parameter.HasDefaultValue) is { } missing)
            throw Broken(node, $"gives no argument for the parameter '{missing.Name}' of {method.DeclaringType?.Name}.{method.Name}");
    }

    /// <summary>The graph of a loop, its inputs and its collections.</summary>
    private static void CheckMap(Node node, MapTarget map, ModuleHierarchy? modules)
    {
        Check(map.Body, modules);
        var inputs = map.Body.find_nodes(Opcode.placeholder).Count();
        if (inputs == 0 || inputs != node.args.Length)
            throw Broken(node,
                $"passes {Math.Max(0, node.args.Length - 1)} values to each iteration, but its graph takes the iteration's number and "
                    + $"{Math.Max(0, inputs - 1)} more");
        if (map.Body.output_node().args[0] is not ListArgument { Items: var results }
            || results.Length != Collections.TypesOf(node.type)?.Length)
            throw Broken(node, "does not collect what its graph returns");
        if (map.Body.nodes.FirstOrDefault(inner => inner.target is StateTarget or AttributeTarget) is { } kept)
            throw Broken(node, $"reads or writes '{kept.target.name}' inside an iteration: pass it as an argument");
    }

    /// <summary>Whether what a node names is there.</summary>
    private static void CheckName(Node node, ModuleHierarchy? modules)
    {
        if (modules is null || node.op is not (Opcode.get_attr or Opcode.call_module))
            return;
        try
        {
            _ = node.op == Opcode.get_attr ? modules.Attribute(node.target.name) : (object)modules.Module(node.target.name);
        }
        catch (InvalidOperationException missing)
        {
            throw new InvalidOperationException(
                $"The graph is not well-formed: node '{node.name}' names what is not there. {missing.Message}", missing);
        }
    }

    private static bool Fits(Node node) => (node.op, node.target) switch
    {
        (Opcode.placeholder, PlaceholderTarget) => true,
        (Opcode.get_attr, AttributeTarget) => true,
        (Opcode.call_function, FunctionTarget or BuiltinTarget or MemberTarget or StateTarget or MapTarget) => true,
        (Opcode.call_method, MethodTarget) => true,
        (Opcode.call_module, ModuleTarget) => true,
        (Opcode.output, OutputTarget) => true,
        _ => false,
    };

    private static InvalidOperationException Broken(Node node, string what)
        => new($"The graph is not well-formed: node '{node.name}' {what}.");
}

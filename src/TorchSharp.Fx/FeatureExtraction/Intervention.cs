using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>Edits the values of nodes while a graph runs. Counterparts: <c>nnsight</c>'s and <c>baukit</c>'s edits of a module's
/// output.</summary>
public static class Intervention
{
    /// <summary>
    /// A copy of a graph module, with the same parameters, that edits the values of some nodes. All readers of such a node, including the
    /// graph's result, read the edited value. Gradients flow through an edit as through any other operation. An optimised copy keeps the
    /// edited nodes; they are not fused into other kernels.
    /// </summary>
    /// <param name="module">A graph module, a feature extractor or an optimised copy; it is not changed.</param>
    /// <param name="edits">The edits by the names of nodes or modules: <c>new() { ["layer3"] = value => value * 0 }</c>. An edit gets the
    /// node's value and returns a tensor of a shape that the readers accept. It runs at every call. Its intermediate tensors are disposed
    /// after it; to keep one, detach it from the dispose scope. <see cref="interventions"/> has the usual edits.</param>
    /// <exception cref="ArgumentException">No edit is given, a node isn't in the graph, or its value is no tensor.</exception>
    public static T intervene<T>(this T module, Dictionary<string, Func<Tensor, Tensor>> edits) where T : nn.Module, IGraphModule
    {
        ArgumentNullException.ThrowIfNull(module);
        ArgumentNullException.ThrowIfNull(edits);
        if (edits.Count == 0)
            throw new ArgumentException("No edit is given: name at least one node, as in new() { [\"layer3\"] = value => value * 0 }.",
                nameof(edits));
        var edited = module.clone(share_parameters: true);
        var program = edited.Program;
        Graph[] graphs = program.TrainGraph == program.EvalGraph ? [program.EvalGraph] : [program.TrainGraph, program.EvalGraph];
        try
        {
            foreach (var (name, edit) in edits)
            {
                // A node that one mode alone has is edited in that mode.
                var found = graphs.Select(graph => NodeLookup.TryFind(graph, name)).OfType<Node>().ToArray();
                if (found.Length == 0)
                    throw Missing(name, program.EvalGraph);
                foreach (var node in found)
                    node.graph.insert_intervention(node, edit);
            }
            edited.recompile();
            return edited;
        }
        catch
        {
            edited.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Edits the value of a node: adds a node after it that calls the edit, and makes all readers of the value read the edited one.
    /// Recompile the module afterwards.
    /// </summary>
    /// <param name="graph">The graph.</param>
    /// <param name="node">The node; its value is a tensor.</param>
    /// <param name="edit">Gets the value and returns a tensor of a shape that the readers accept.</param>
    /// <returns>The new node. From now on, feature extraction finds it under the old node's name.</returns>
    /// <exception cref="ArgumentException">The node is of another graph, or its value is no tensor.</exception>
    public static Node insert_intervention(this Graph graph, Node node, Func<Tensor, Tensor> edit)
    {
        ArgumentNullException.ThrowIfNull(graph);
        ArgumentNullException.ThrowIfNull(node);
        ArgumentNullException.ThrowIfNull(edit);
        if (node.graph != graph || node.IsErased)
            throw new ArgumentException(
                $"Node '{node.name}' is not part of this graph (any more): take one of graph.nodes, or graph.find_node(name).",
                nameof(node));
        if (!TensorTypes.IsTensor(node.type))
            throw new ArgumentException(
                $"The value of node '{node.name}' is a {node.type.Name}, not a tensor, so it can't be edited: "
                + "name a node that takes a tensor out of it.", nameof(node));
        var place = node.op == Opcode.placeholder ? graph.nodes.First(other => other.op != Opcode.placeholder) : node.next;
        using var here = graph.inserting_before(place);
        var edited = graph.create_node(Opcode.call_function, new FunctionTarget(Apply), [node, new Literal(edit)], typeof(Tensor),
            $"{node.name}_intervention");
        edited.StandsFor(node);
        edited.set_meta(Node.QualifiedName, $"{node.get_meta(Node.QualifiedName) ?? node.name}.intervention");
        var later = After(edited).ToHashSet();
        foreach (var value in OverwrittenBy(node).Prepend(node))
            value.replace_all_uses_with(edited, later.Contains);
        return edited;
    }

    /// <summary>Edits the value of the node of this name, or of the last one in the module of this name.</summary>
    /// <inheritdoc cref="insert_intervention(Graph, Node, Func{Tensor, Tensor})"/>
    public static Node insert_intervention(this Graph graph, string name, Func<Tensor, Tensor> edit)
        => insert_intervention(graph, graph.find_node(name), edit);

    /// <summary>The function that an edit's node calls.</summary>
    /// <param name="value">The value to edit.</param>
    /// <param name="edit">The edit. If it returns a tensor that it keeps, the tensor is copied, so that the graph never writes to
    /// it.</param>
    public static Tensor intervention(Tensor value, Func<Tensor, Tensor> edit)
    {
        ArgumentNullException.ThrowIfNull(edit);
        using var scope = NewDisposeScope();
        var edited = edit(value)
            ?? throw new InvalidOperationException("The edit returned null: let it return the tensor that is to take the value's place.");
        if (ReferenceEquals(edited, value))
            return value;
        return (scope.Contains(edited) ? edited : edited.clone()).MoveToOuterDisposeScope();
    }

    private static readonly System.Reflection.MethodInfo Apply = typeof(Intervention).GetMethod(nameof(intervention))!;

    /// <summary>The target of an in-place operation has the operation's value from there on, whichever of the two the program goes on
    /// with.</summary>
    private static IEnumerable<Node> OverwrittenBy(Node node)
        => node.args is [NodeArgument { Node: var first }, ..]
            && Operations.Of(node, modules: null) is { IsOpaque: false, Writes: Operands.First, Views: Operands.First } ? [first] : [];

    private static IEnumerable<Node> After(Node node)
    {
        for (var later = node.next; later != node.graph.End; later = later.next)
            yield return later;
    }

    private static ArgumentException Missing(string name, Graph graph) => new(
        $"node: '{name}' is not in the graph, so its value can't be edited. The nearest names are {NodeLookup.Nearest(graph, name)}. "
        + "A feature extractor has the nodes that it needs for what it returns; an optimised copy has none that was fused into another: "
        + "intervene first, then optimise.");
}

using static TorchSharp.torch;

namespace TorchSharp.Fx.Export;

/// <summary>Puts in the place of each reading index, <c>x[.., 0, 1..]</c>, the operations that PyTorch itself does it by.</summary>
internal static class Indexing
{
    internal static void Lower(Graph graph)
    {
        foreach (var node in graph.nodes.ToArray())
            if (node.target.Callee is { Method: { Name: "get_TensorItems" or "get_Item" } method }
                && method.DeclaringType == typeof(Tensor))
                using (graph.inserting_before(node))
                {
                    var part = Part(graph, node,
                        [.. node.args[1..].SelectMany(argument => argument is ListArgument list ? list.Items : [argument])]);
                    node.replace_all_uses_with(part);
                    graph.erase_node(node);
                }
    }

    private static Node Part(Graph graph, Node node, Argument[] indices)
    {
        var source = ((NodeArgument)node.args[0]).Node;
        var ellipsis = Array.FindIndex(indices, index => index is EllipsisArgument);
        var (view, axis, tensors) = (source, 0L, new List<Argument>());
        foreach (var index in ellipsis < 0 ? indices : indices[..ellipsis])
            view = Apply(graph, node, view, index, ref axis, tensors);
        axis = -1;
        // Behind an ellipsis axes are counted from the end.
        foreach (var index in ellipsis < 0 ? [] : indices[(ellipsis + 1)..].Reverse())
            view = IsTensor(index) ? throw Refused(node, "its index is a tensor behind an ellipsis")
                : Apply(graph, node, view, index, ref axis, []);
        if (tensors.Exists(IsTensor))
            view = Call(graph, node, "index", [typeof(TensorIndex[])], view, new ListArgument([.. tensors], typeof(TensorIndex)));
        return view == source ? Call(graph, node, "alias", [], view) : view;
    }

    private static Node Apply(Graph graph, Node node, Node view, Argument index, ref long axis, List<Argument> tensors)
    {
        var at = axis;
        if (IsTensor(index))
        {
            tensors.Add(index);
            axis++;
            return view;
        }
        if (index is not (Literal { Value: null } or SliceArgument))
            return index is Literal { Value: bool } ? throw Refused(node, "its index is a bool")
                : Call(graph, node, "select", [typeof(long), typeof(long)], view, at, Number(index));
        axis += axis < 0 ? -1 : 1;
        tensors.Add(new SliceArgument(null, null, null));
        return index switch
        {
            SliceArgument { Start: null, Stop: null, Step: null } => view,
            SliceArgument slice => Call(graph, node, "slice", [typeof(long), typeof(long), typeof(long), typeof(long)],
                view, at, Number(slice.Start ?? 0L), Number(slice.Stop ?? long.MaxValue), Number(slice.Step ?? 1L)),
            _ => Call(graph, node, "unsqueeze", [typeof(long)], view, at),
        };
    }

    private static bool IsTensor(Argument index) => index is NodeArgument { Node.type: var type } && TensorTypes.IsTensor(type);

    private static Argument Number(Argument index) => index is Literal { Value: int small } ? (long)small : index;

    private static Node Call(Graph graph, Node node, string name, Type[] takes, params Argument[] args)
    {
        var made = graph.call_method(typeof(Tensor).GetMethod(name, takes)!, [.. args]);
        made.StandsFor(node);
        return made;
    }

    private static NotSupportedException Refused(Node node, string what)
        => new($"node '{node.name}' ({node.origin?.ToString() ?? "made by hand"}): {what}");
}

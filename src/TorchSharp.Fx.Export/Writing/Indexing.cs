using static TorchSharp.torch;

namespace TorchSharp.Fx.Export;

/// <summary>Puts in the place of each index that reads or writes, <c>x[.., 0, 1..]</c>, the operations that PyTorch itself does it
/// by.</summary>
/// <param name="to">Where the operations go.</param>
internal sealed class Indexing(Lowering to)
{
    internal void Lower()
    {
        foreach (var node in to.Graph.nodes.ToArray())
            if (node.target.Callee is { Method: { Name: var name, DeclaringType: var owner } } && owner == typeof(Tensor))
                using (to.Graph.inserting_before(node))
                    if (name is "get_TensorItems" or "get_Item" || (name == "index" && !Indices(node.args[1..]).All(IsTensor)))
                    {
                        var part = Part(node, Indices(node.args[1..]));
                        node.replace_all_uses_with(part);
                        to.Graph.erase_node(node);
                    }
                    else if (name is "set_TensorItems" or "set_Item")
                    {
                        Put(node, Indices(node.args[1..^1]), node.args[^1], adds: false);
                        to.Graph.erase_node(node);
                    }
                    else if (name == "index_put_" && node.args is [var target, var value, var places, .. var adds])
                    {
                        Put(node, Indices([places]), value, adds is [Literal { Value: true }]);
                        node.replace_all_uses_with(((NodeArgument)target).Node);
                        to.Graph.erase_node(node);
                    }
    }

    private static Argument[] Indices(IEnumerable<Argument> arguments)
        => [.. arguments.SelectMany(argument => argument is ListArgument list ? list.Items : [argument])];

    private Node Part(Node node, Argument[] indices)
    {
        var source = ((NodeArgument)node.args[0]).Node;
        var (view, tensors) = View(node, source, indices);
        if (tensors.Exists(IsTensor))
            view = Call(node, "index", [typeof(TensorIndex[])], view, new ListArgument([.. tensors], typeof(TensorIndex)));
        return view == source ? Call(node, "alias", [], view) : view;
    }

    /// <summary>The values are copied into the part, or put at the places that tensors tell.</summary>
    private void Put(Node node, Argument[] indices, Argument value, bool adds)
    {
        var (view, tensors) = View(node, ((NodeArgument)node.args[0]).Node, indices);
        var written = IsTensor(value) ? value : null;
        if (!tensors.Exists(IsTensor) && !adds)
        {
            (written is null ? to.Call("fill_.Scalar", view, value) : to.Call("copy_", view, written, false)).StandsFor(node);
            return;
        }
        written ??= to.Call("new_full", view, new ListArgument([], typeof(long)), value);
        var places = tensors.ConvertAll(index => IsTensor(index) ? index : new Literal(null));
        to.Call("index_put_", view, new ListArgument([.. places], typeof(Tensor)), written, adds).StandsFor(node);
    }

    /// <summary>The tensor after all numbers, ranges and new axes, and the tensors to index it by, with whole ranges between
    /// them.</summary>
    private (Node View, List<Argument> Tensors) View(Node node, Node source, Argument[] indices)
    {
        var ellipsis = Array.FindIndex(indices, index => index is EllipsisArgument);
        if (ellipsis >= 0 && Array.Exists(indices[ellipsis..], IsTensor))
        {
            // Tensors stand at their dimensions, so that all before them have to be there.
            var others = to.Rank(source)
                - indices.Where(index => index is not (EllipsisArgument or Literal { Value: null })).Sum(Dimensions);
            var whole = Enumerable.Repeat(new SliceArgument(null, null, null), others);
            indices = [.. indices[..ellipsis], .. whole, .. indices[(ellipsis + 1)..]];
            ellipsis = -1;
        }
        var (view, axis, tensors) = (source, 0L, new List<Argument>());
        var ahead = ellipsis < 0 ? indices : indices[..ellipsis];
        foreach (var (i, index) in ahead.Index())
            view = Apply(node, view, index, ref axis, tensors, isLast: ahead[(i + 1)..].All(IsTensor));
        axis = -1;
        // Behind an ellipsis axes are counted from the end.
        foreach (var index in ellipsis < 0 ? [] : indices[(ellipsis + 1)..].Reverse())
            view = Apply(node, view, index, ref axis, [], isLast: false);
        return (view, tensors);
    }

    private Node Apply(Node node, Node view, Argument index, ref long axis, List<Argument> tensors, bool isLast)
    {
        var at = axis;
        if (IsTensor(index))
        {
            tensors.Add(index);
            // In a branch nobody knows whether it is a mask; where only tensors stand behind it, nobody asks.
            axis += isLast ? 1 : Dimensions(index);
            return view;
        }
        if (index is not (Literal { Value: null } or SliceArgument))
            return index is Literal { Value: bool } ? throw Lowering.Refused(node, "its index is a bool")
                : Call(node, "select", [typeof(long), typeof(long)], view, at, Number(index));
        axis += axis < 0 ? -1 : 1;
        tensors.Add(new SliceArgument(null, null, null));
        return index switch
        {
            SliceArgument { Start: null, Stop: null, Step: null } => view,
            SliceArgument slice => Call(node, "slice", [typeof(long), typeof(long), typeof(long), typeof(long)],
                view, at, Number(slice.Start ?? 0L), Number(slice.Stop ?? long.MaxValue), Number(slice.Step ?? 1L)),
            _ => Call(node, "unsqueeze", [typeof(long)], view, at),
        };
    }

    /// <summary>How many dimensions an index stands for: a mask for all that it has.</summary>
    private int Dimensions(Argument index)
        => IsTensor(index) && to.FactOf(((NodeArgument)index).Node) is Fact.OfTensor { Type: ScalarType.Bool, Sizes.Length: var rank }
            ? rank : 1;

    private static bool IsTensor(Argument index) => index is NodeArgument { Node.type: var type } && TensorTypes.IsTensor(type);

    private static Argument Number(Argument index) => index is Literal { Value: int small } ? (long)small : index;

    private Node Call(Node node, string name, Type[] takes, params Argument[] args)
    {
        var made = to.Graph.call_method(typeof(Tensor).GetMethod(name, takes)!, [.. args]);
        made.StandsFor(node);
        return made;
    }
}

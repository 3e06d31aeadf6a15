namespace TorchSharp.Fx.TorchScript;

/// <summary>Reading and writing parts of a tensor: each index becomes the operation that PyTorch itself does it by.</summary>
internal static class ScriptedIndexing
{
    internal static void AddTo(Dictionary<string, Func<Script, Call, string>> table)
    {
        table["getitem"] = (script, call) => Part(script, call, Indices([.. call.Node.args[1..]]));
        table["setitem"] = (script, call) => Put(script, call, Indices([.. call.Node.args[1..^1]]), call.Node.args[^1]);
    }

    private static Argument[] Indices(Argument[] arguments)
        => [.. arguments.SelectMany(argument => argument is ListArgument list ? list.Items : [argument])];

    private static string Part(Script script, Call call, Argument[] indices)
    {
        call.UseAll();
        var (view, tensors) = View(call, indices);
        return tensors.Length == 0 ? view : $"torch.index({view}, {List(tensors)})";
    }

    private static string Put(Script script, Call call, Argument[] indices, Argument value)
    {
        call.UseAll();
        var (view, tensors) = View(call, indices);
        view = script.Assign(call.Node.name, view);
        var isTensor = TensorTypes.IsTensor(call.TypeAt(call.Node.args.Length - 1)!);
        var written = call.Expression(value);
        if (tensors.Length == 0)
            return isTensor ? $"torch.copy_({view}, {written})" : $"torch.fill_({view}, {written})";
        return $"torch.index_put_({view}, {List(tensors)}, "
            + $"{(isTensor ? written : $"torch.full_like(torch.sum({view}), {written}, dtype=ops.prim.dtype({view}))")})";
    }

    private static string List(string[] tensors) => $"annotate(List[Optional[Tensor]], [{string.Join(", ", tensors)}])";

    /// <summary>
    /// The tensor after all numbers, ranges and new axes, and the tensors to index it by. Behind an ellipsis axes are counted from the end.
    /// </summary>
    private static (string View, string[] Tensors) View(Call call, Argument[] indices)
    {
        var ellipsis = Array.FindIndex(indices, index => index is EllipsisArgument);
        var front = ellipsis < 0 ? indices : indices[..ellipsis];
        var (view, tensors, axis) = (call.Expression(call.Node.args[0]), new List<string>(), 0);
        foreach (var index in front)
            view = Apply(call, view, index, ref axis, tensors);
        axis = -1;
        foreach (var index in ellipsis < 0 ? [] : indices[(ellipsis + 1)..].Reverse())
            view = IsTensor(call, index)
                ? throw new NotSupportedException("its index is a tensor behind an ellipsis") : Apply(call, view, index, ref axis, []);
        return (view, tensors.Exists(tensor => tensor != "None") ? [.. tensors] : []);
    }

    private static string Apply(Call call, string view, Argument index, ref int axis, List<string> tensors)
    {
        var at = axis;
        if (IsTensor(call, index))
        {
            tensors.Add(call.Expression(index));
            axis++;
            return view;
        }
        if (index is not (Literal { Value: null } or SliceArgument))
            return index is Literal { Value: bool }
                ? throw new NotSupportedException("its index is a bool") : $"torch.select({view}, {at}, {call.Expression(index)})";
        axis += axis < 0 ? -1 : 1;
        tensors.Add("None");
        return index switch
        {
            // An array of tensors has null for what is taken whole, the other indexers for a new axis.
            Literal => call.TypeAt(1) == typeof(torch.Tensor[]) ? view : $"torch.unsqueeze({view}, {at})",
            SliceArgument { Start: null, Stop: null, Step: null } => view,
            SliceArgument slice =>
                $"torch.slice({view}, {at}, {Bound(call, slice.Start)}, {Bound(call, slice.Stop)}, "
                    + $"{(slice.Step is null ? "1" : call.Expression(slice.Step))})",
            _ => view,
        };
    }

    private static bool IsTensor(Call call, Argument index) => index is NodeArgument { Node.type: var type } && TensorTypes.IsTensor(type);

    private static string Bound(Call call, Argument? bound) => bound is null ? "None" : call.Expression(bound);
}

using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx.Importing.Operators;

/// <summary>Sums, means and extremes along axes.</summary>
internal static class Reductions
{
    internal static void AddTo(OperatorTable table)
    {
        Add(table, "ReduceSum", (x, axes, keep) => x.sum(axes, keep));
        Add(table, "ReduceMean", (x, axes, keep) => x.mean(axes, keep));
        Add(table, "ReduceMax", (x, axes, keep) => x.amax(axes, keep));
        Add(table, "ReduceMin", (x, axes, keep) => x.amin(axes, keep));
        Add(table, "ReduceL1", (x, axes, keep) => x.abs().sum(axes, keep));
        Add(table, "ReduceL2", (x, axes, keep) => x.square().sum(axes, keep).sqrt());
        Add(table, "ReduceSumSquare", (x, axes, keep) => x.square().sum(axes, keep));
        Add(table, "ReduceLogSum", (x, axes, keep) => x.sum(axes, keep).log());
        Add(table, "ReduceLogSumExp", LogSumExp);
        Add(table, "ReduceProd", Product);
        table.Add("ArgMax", node => Place(node, (x, axis) => x.argmax(axis, true)));
        table.Add("ArgMin", node => Place(node, (x, axis) => x.argmin(axis, true)));
    }

    /// <summary>Along the axes that an attribute or, in newer files, an input names; along all where there are none.</summary>
    private static void Add(OperatorTable table, string name, Func<Tensor, long[], bool, Tensor> function) => table.Add(name, node =>
    {
        var (keep, noAxes, type) = (node.Attributes.Flag("keepdims", true), node.Attributes.Flag("noop_with_empty_axes"), node.Type());
        var exact = type is ScalarType.Float32 or ScalarType.Float64 || name is "ReduceMax" or "ReduceMin";
        Func<Tensor, long[], Tensor> reduce = exact ? (x, axes) => function(x, axes, keep)
            : GraphWriter.IsFloat(type) ? (x, axes) => function(x.to(ScalarType.Float32), axes, keep).to(type)
            : name is "ReduceSum" or "ReduceProd" or "ReduceSumSquare" or "ReduceL1" ? (x, axes) =>
                function(x.to(ScalarType.Int64), axes, keep).to(type) : (x, axes) =>
                function(x.to(ScalarType.Float64), axes, keep).to(type);
        if (node.Optional(1) is { } computed and not ConstantValue && computed.Count != 0 && name != "ReduceProd")
            return node.Make((Tensor x, long[] axes) => reduce(x, axes), type, keep ? Sizes.OfRank(node[0].Rank) : null, node.Tensor(),
                OnnxNode.List(node.Numbers(1)));
        var given = node.Attributes.Ints("axes") ?? (node.Optional(1) is null or { Count: 0 } ? [] : node.KnownNumbers(1));
        if (given.Length == 0 && noAxes)
            return node.Alike((Tensor x) => reduce(x.unsqueeze(0), new[] { 0L }).reshape(x.shape), node.Tensor());
        long[] axes = given.Length > 0 ? node.Axes(given, node[0].Rank) : [.. Enumerable.Range(0, node.Rank()).Select(axis => (long)axis)];
        if (axes.Length == 0)
            return node.Alike((Tensor x) => reduce(x.unsqueeze(0), new[] { 0L }).reshape(x.shape), node.Tensor());
        return node.Make((Tensor x) => reduce(x, axes), type, Sizes.Reduce(node.Shape(), axes, keep), node.Tensor());
    });

    /// <summary>TorchSharp takes one axis at a time.</summary>
    private static Tensor LogSumExp(Tensor x, long[] axes, bool keep)
    {
        var greatest = x.amax(axes, true);
        var sum = x.sub(greatest).exp().sum(axes, true).log().add(greatest);
        return keep ? sum : sum.sum(axes, false);
    }

    private static Tensor Product(Tensor x, long[] axes, bool keep)
    {
        var ordered = new List<long>(axes);
        ordered.Sort();
        for (var i = ordered.Count - 1; i >= 0; i--)
            x = x.prod(ordered[i], keep);
        return x;
    }

    private static TensorValue Place(OnnxNode node, Func<Tensor, long, Tensor> function)
    {
        var (axis, keep, last) = (node.Attributes.Int("axis", 0), node.Attributes.Flag("keepdims", true),
            node.Attributes.Flag("select_last_index"));
        long[] axes = node.Axes([axis], node[0].Rank);
        return node.Make((Tensor x) => Found(x), ScalarType.Int64, Sizes.Reduce(node.Shape(), axes, keep), node.Tensor());

        Tensor Found(Tensor x)
        {
            var place = last ? function(x.flip(axis), axis).neg().add(x.shape[axis] - 1) : function(x, axis);
            return keep ? place : place.squeeze(axis);
        }
    }
}

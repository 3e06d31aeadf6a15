using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx.Importing.Operators;

/// <summary>Elements read and written by their places. A negative place counts from the end.</summary>
internal static class Indexing
{
    private const int MostUpdates = 256;

    internal static void AddTo(OperatorTable table)
    {
        table.Add("Gather", Gather);
        table.Add("GatherElements", node => node.Attributes.Int("axis", 0) is var axis
            ? node.Make((Tensor x, Tensor places) => x.gather(axis, places.to(ScalarType.Int64).remainder(x.shape[axis])), node.Type(),
                node.Shape(1), node.Tensor(), node.Tensor(1)) : null!);
        table.Add("GatherND", GatherPoints);
        table.Add("ScatterND", ScatterPoints);
        table.Add("ScatterElements", Scatter);
        table.Add("Scatter", Scatter);
        table.Add("NonZero", node => node.Make((Tensor x) => x.nonzero().t(), ScalarType.Int64, [node[0].Rank, null], node.Tensor()));
        table.Add("OneHot", OneHot);
    }

    private static TensorValue Gather(OnnxNode node)
    {
        var axis = node.Attributes.Int("axis", 0);
        var shape = node.Shape() is { } whole && node.Shape(1) is { } places && (axis < 0 ? axis + whole.Length : axis) is var at
            ? whole[..(int)at].Concat(places).Concat(whole[(int)(at + 1)..]).ToArray() : null;
        if (node.Shape(1) is [] && node.Constant(1) is not null)
        {
            var place = node.KnownNumbers(1)[0];
            return node.Make((Tensor x) => x.select(axis, place), node.Type(), shape, node.Tensor());
        }
        if (node[1] is NumbersValue { Dims: [], Items: [var computed] })
            return node.Make((Tensor x, long place) => x.select(axis, place), node.Type(), shape, node.Tensor(), computed);
        if (axis == 0)
            return node.Make((Tensor x, Tensor index) => x[TensorIndex.Tensor(index.to(ScalarType.Int64))], node.Type(), shape,
                node.Tensor(), node.Tensor(1));
        var before = (int)(axis < 0 ? axis + node.Rank() : axis);
        return node.Make((Tensor x, Tensor index) => At(x, index, before), node.Type(), shape, node.Tensor(), node.Tensor(1));

        static Tensor At(Tensor x, Tensor index, int before)
        {
            var indices = new TensorIndex[before + 1];
            for (var i = 0; i < before; i++)
                indices[i] = TensorIndex.Colon;
            indices[before] = TensorIndex.Tensor(index.to(ScalarType.Int64));
            return x.index(indices);
        }
    }

    private static TensorValue GatherPoints(OnnxNode node)
    {
        var batch = (int)node.Attributes.Int("batch_dims", 0);
        var shape = node.Shape(1);
        if (shape is not [.., { } depth])
            throw new NotSupportedException("how many places each of its indices has is not known before it runs");
        var result = node.Shape() is { } whole ? shape[..^1].Concat(whole[(batch + (int)depth)..]).ToArray() : null;
        var rank = shape.Length - 1;
        return node.Make((Tensor x, Tensor places) => x.index(Coordinates(x, places, (int)depth, batch, rank)), node.Type(), result,
            node.Tensor(), node.Tensor(1));
    }

    /// <summary>The places along each axis: those of the batch count up.</summary>
    private static Tensor[] Coordinates(Tensor x, Tensor places, int depth, int batch, int rank)
    {
        var all = new Tensor[batch + depth];
        for (var i = 0; i < batch; i++)
        {
            var along = new long[rank];
            for (var j = 0; j < rank; j++)
                along[j] = j == i ? -1 : 1;
            all[i] = arange(x.shape[i], ScalarType.Int64).reshape(along);
        }
        for (var i = 0; i < depth; i++)
            all[batch + i] = places.select(-1, i);
        return all;
    }

    private static TensorValue ScatterPoints(OnnxNode node)
    {
        var how = node.Attributes.Text("reduction", "none");
        if (node.Shape(1) is not [.., { } depth] indices)
            throw new NotSupportedException("how many places each of its indices has is not known before it runs");
        var rank = indices.Length - 1;
        if (how is "none" or "add")
            return node.Alike((Tensor x, Tensor places, Tensor updates) =>
                x.clone().index_put_(updates, Coordinates(x, places, (int)depth, 0, rank), how == "add"), node.Tensor(), node.Tensor(1),
                node.Tensor(2));
        // One after the other, as places may come up again.
        if (indices[..^1].Aggregate((long?)1, (product, size) => product * size) is not (<= MostUpdates and { } count))
            throw new NotSupportedException($"with the reduction '{how}' it can have {MostUpdates} updates, a number that must be known");
        var combine = Combining(how);
        return node.Alike((Tensor x, Tensor places, Tensor updates) =>
            OneByOne(x, places.flatten(0, rank - 1), updates.flatten(0, rank - 1), (int)depth, (int)count, combine), node.Tensor(),
            node.Tensor(1), node.Tensor(2));

        static Tensor OneByOne(Tensor x, Tensor places, Tensor updates, int depth, int count, Func<Tensor, Tensor, Tensor> combine)
        {
            for (var i = 0; i < count; i++)
            {
                var at = Coordinates(x, places.select(0, i), depth, 0, 0);
                x = x.clone().index_put_(combine(x.index(at), updates.select(0, i)), at, false);
            }
            return x;
        }
    }

    private static Func<Tensor, Tensor, Tensor> Combining(string how) => how switch
    {
        "mul" => (a, b) => a.mul(b),
        "max" => (a, b) => a.maximum(b),
        "min" => (a, b) => a.minimum(b),
        _ => throw new NotSupportedException($"there is no reduction '{how}'"),
    };

    private static TensorValue Scatter(OnnxNode node)
    {
        var (axis, how) = (node.Attributes.Int("axis", 0), node.Attributes.Text("reduction", "none"));
        if (how == "none")
            return node.Alike((Tensor x, Tensor places, Tensor updates) => x.scatter(axis, Wrapped(x, places, axis), updates),
                node.Tensor(), node.Tensor(1), node.Tensor(2));
        if (how == "add")
            return node.Alike((Tensor x, Tensor places, Tensor updates) => scatter_add(x, axis, Wrapped(x, places, axis), updates),
                node.Tensor(), node.Tensor(1), node.Tensor(2));
        if (node.Shape(1) is not { } shape || shape[axis < 0 ? axis + shape.Length : axis] is not (<= MostUpdates and { } count))
            throw new NotSupportedException(
                $"with the reduction '{how}' it can have {MostUpdates} updates along an axis, a number that must be known");
        var combine = Combining(how);
        return node.Alike((Tensor x, Tensor places, Tensor updates) =>
            OneByOne(x, Wrapped(x, places, axis), updates, axis, count, combine), node.Tensor(), node.Tensor(1), node.Tensor(2));

        static Tensor OneByOne(Tensor x, Tensor places, Tensor updates, long axis, long count, Func<Tensor, Tensor, Tensor> combine)
        {
            for (var i = 0L; i < count; i++)
            {
                var at = places.narrow(axis, i, 1);
                x = x.scatter(axis, at, combine(x.gather(axis, at), updates.narrow(axis, i, 1)));
            }
            return x;
        }
    }

    private static Tensor Wrapped(Tensor x, Tensor places, long axis) => places.to(ScalarType.Int64).remainder(x.shape[axis]);

    private static TensorValue OneHot(OnnxNode node)
    {
        var (axis, type) = (node.Attributes.Int("axis", -1), node.Type(2));
        var rank = node.Rank() + 1;
        var at = (int)(axis < 0 ? axis + rank : axis);
        var along = new long[rank];
        for (var i = 0; i < rank; i++)
            along[i] = i == at ? -1 : 1;
        var shape = node.Shape()!.ToList();
        var depth = node.Numbers(1)[0];
        shape.Insert(at, (depth as Literal)?.Value as long?);
        return node.Make((Tensor places, long depth, Tensor values) =>
            where(arange(depth, ScalarType.Int64).reshape(along).eq(places.to(ScalarType.Int64).remainder(depth).unsqueeze(at)),
            values[1], values[0]), type, shape.ToArray(),
            node.Tensor(), depth, node.Tensor(2));
    }
}

using System.Collections.Immutable;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx.Importing.Operators;

/// <summary>The same elements in another shape or of another type.</summary>
internal static class Shapes
{
    internal static void AddTo(OperatorTable table)
    {
        table.Add("Shape", node => (node.Attributes.Int("start", 0), node.Attributes.Int("end", long.MaxValue)) is var (start, end)
            ? node.Make((Tensor x) => tensor(x.shape).slice(0, start, end, 1), ScalarType.Int64, [null], node.Tensor()) : null!);
        table.Add("Size", node => node.Make((Tensor x) => tensor(x.numel()), ScalarType.Int64, [], node.Tensor()));
        table.Add("Reshape", Reshape);
        table.Add("Flatten", Flatten);
        table.Add("Transpose", Transpose);
        table.Add("Squeeze", Squeeze);
        table.Add("Unsqueeze", Unsqueeze);
        table.Add("Expand", Expand);
        table.Add("Tile", Tile);
        table.Add("Cast", node => To(node, Elements.Of((int)node.Attributes.Int("to")).Type));
        table.Add("CastLike", node => To(node, node.Type(1)));
        table.AddAll("Dropout", Dropout);
        table.Add("DepthToSpace", DepthToSpace);
        table.Add("SpaceToDepth", node => node.Attributes.Int("blocksize") is var block
            ? node.Make((Tensor x) => SpaceToDepth(x, block), node.Type(), Sizes.OfRank(4), node.Tensor()) : null!);
    }

    private static Value To(OnnxNode node, ScalarType type)
    {
        node.Attributes.Ignore("saturate", "round_mode");
        return node.Type() == type ? node[0] : node.Make((Tensor x) => x.to(type), type, node.Shape(), node.Tensor());
    }

    /// <summary>In evaluation it hands on its input; of its mask, that nothing is left out.</summary>
    private static Value[] Dropout(OnnxNode node)
    {
        var ratio = node.Attributes.Float("ratio", 0.5f);
        node.Attributes.Ignore("seed", "is_test");
        if (node.Optional(2) is not null && node.Scalar(2) is not 0)
            return Drawn(node, node.Optional(1) is null ? node.Writer.Write((Tensor x) => full_like(x, ratio), node.Tensor())
                : node.Tensor(1));
        return node.Outputs < 2 ? [node[0]] : [node[0], node.Make((Tensor x) => ones_like(x, ScalarType.Bool), ScalarType.Bool,
            node.Shape(), node.Tensor())];
    }

    /// <summary>In training mode, which an input says, elements are left out at random and the others are larger.</summary>
    private static Value[] Drawn(OnnxNode node, Argument ratio) => node.MakeAll((Tensor x, Tensor share, Tensor trains) =>
    {
        var kept = rand_like(x).ge(share).logical_or(trains.logical_not());
        return new[] { x.mul(kept).div(where(trains, share.mul(-1).add(1), ones_like(share))), kept };
    }, [(node.Type(), node.Shape()), (ScalarType.Bool, node.Shape())], node.Tensor(), ratio, node.Tensor(2));

    private static Value Reshape(OnnxNode node)
    {
        var keepsZeros = node.Attributes.Flag("allowzero");
        ImmutableArray<Argument> asked = node.Attributes.Ints("shape") is { } old ? [.. old.Select(size => (Argument)size)]
            : node.Numbers(1);
        Argument[] sizes = [.. asked.Select((size, axis) => keepsZeros || axis >= (node[0].Rank ?? int.MaxValue) ? size
            : Copied(node, size, axis))];
        var shape = Sizes.Known(sizes);
        if (node[0].Count is { } count && shape.Count(size => size is null) == 1
            && shape.Aggregate(1L, (product, size) => product * (size ?? 1)) is > 0 and var rest)
            shape[Array.IndexOf(shape, null)] = count / rest;
        if (shape.Length == 2 && sizes[1] is Literal { Value: -1L } && sizes[0] is NodeArgument or Literal && IsBatch(node, sizes[0]))
            return node.Make((Tensor x) => x.flatten(1), node.Type(), shape, node.Tensor());
        return node.Make((Tensor x, long[] to) => x.reshape(to), node.Type(), shape, node.Tensor(), OnnxNode.List(sizes));
    }

    /// <summary>Whether a number is the input's first size: then <c>[n, -1]</c> is what <c>flatten(1)</c> does.</summary>
    private static bool IsBatch(OnnxNode node, Argument size)
        => node[0].Rank > 1 && node[0] is TensorValue { Node: var input }
            && size is NodeArgument { Node: { target: BuiltinTarget { Operation: Builtin.getitem },
            args: [NodeArgument { Node: { args: [NodeArgument { Node: var sized }] } }, Literal { Value: 0 }] } } && sized == input;

    /// <summary>A zero stands for the input's own size. Whether a computed number is one is only known when it runs.</summary>
    private static Argument Copied(OnnxNode node, Argument size, int axis)
    {
        if (size is Literal { Value: 0L })
            return node.Writer.Size(node[0], axis);
        if (size is Literal || GraphWriter.IsSize(size))
            return size;
        var isZero = new ConvertArgument(node.Writer.Compute(Builtin.eq, typeof(long), size, 0L), typeof(long), false);
        return node.Writer.Compute(Builtin.add, typeof(long), size,
            node.Writer.Compute(Builtin.mul, typeof(long), isZero, node.Writer.Size(node[0], axis)));
    }

    private static TensorValue Flatten(OnnxNode node)
    {
        var axis = node.Attributes.Int("axis", 1);
        if (axis < 0)
            axis += node.Rank();
        var before = node.Shape()?.Take((int)axis).Aggregate((long?)1, (product, size) => product * size);
        var behind = node.Shape()?.Skip((int)axis).Aggregate((long?)1, (product, size) => product * size);
        return node.Make(axis switch
        {
            0 => (Tensor x) => x.reshape(1, -1),
            1 when node.Shape()?.Length is null or > 1 => (Tensor x) => x.flatten(1),
            _ when axis == node.Rank() => (Tensor x) => x.reshape(-1, 1),
            _ => (Tensor x) => x.flatten(0, axis - 1).flatten(1),
        }, node.Type(), [before, behind], node.Tensor());
    }

    private static TensorValue Transpose(OnnxNode node)
    {
        var order = node.Attributes.Ints("perm") ?? [.. Enumerable.Range(0, node.Rank()).Reverse().Select(axis => (long)axis)];
        if (!order.Order().SequenceEqual(Enumerable.Range(0, order.Length).Select(axis => (long)axis)))
            throw new NotSupportedException($"its order of axes [{string.Join(", ", order)}] does not have each once");
        return node.Make((Tensor x) => x.permute(order), node.Type(), node.Shape() is { } shape && shape.Length == order.Length
            ? [.. order.Select(axis => shape[axis])] : new long?[order.Length], node.Tensor());
    }

    private static TensorValue Squeeze(OnnxNode node)
    {
        if (node.Attributes.Ints("axes") is not { } axes)
        {
            if (node.Optional(1) is null)
                return node.Make((Tensor x) => x.squeeze(null), node.Type(), node.Shape()?.All(size => size is not null) == true
                    ? [.. node.Shape()!.Where(size => size != 1)] : null, node.Tensor());
            if (node.Constant(1) is null && node.Numbers(1) is [var only])
                return node.Make((Tensor x, long axis) => x.squeeze(axis), node.Type(), Sizes.OfRank(node[0].Rank - 1), node.Tensor(),
                    only);
            axes = node.KnownNumbers(1);
        }
        axes = [.. node.Axes(axes, node[0].Rank).OrderDescending()];
        return node.Make((Tensor x) => Squeezed(x, axes), node.Type(), Sizes.Reduce(node.Shape(), axes, false), node.Tensor());
    }

    private static Tensor Squeezed(Tensor x, long[] axes)
    {
        if (axes.Length == 0)
            return x.alias();
        foreach (var axis in axes)
            x = x.squeeze(axis);
        return x;
    }

    private static TensorValue Unsqueeze(OnnxNode node)
    {
        if (node.Attributes.Ints("axes") is not { } axes)
        {
            if (node.Constant(1) is null && node.Numbers(1) is [var only])
                return node.Make((Tensor x, long axis) => x.unsqueeze(axis), node.Type(), Sizes.OfRank(node[0].Rank + 1), node.Tensor(),
                    only);
            if (node.Constant(1) is null)
                return InOrder(node);
            axes = node.KnownNumbers(1);
        }
        axes = [.. node.Axes(axes, node[0].Rank + axes.Length).Order()];
        var shape = node.Shape()?.ToList();
        foreach (var axis in axes)
            shape?.Insert((int)Math.Clamp(axis, 0, shape.Count), 1);
        return node.Make((Tensor x) => Elementwise.Unsqueezed(x, axes), node.Type(), shape?.ToArray(), node.Tensor());
    }

    /// <summary>Axes that are computed are put in order first, as each counts in what is made of it.</summary>
    private static TensorValue InOrder(OnnxNode node)
    {
        if (node.Shape(1) is not [<= 64 and { } count])
            throw new NotSupportedException("how many axes it is given is not known");
        var rank = node.Rank() + count;
        return node.Make((Tensor x, Tensor axes) => Inserted(x, axes.remainder(rank).sort().Values, count), node.Type(),
            Sizes.OfRank((int)rank), node.Tensor(), node.Tensor(1));

        static Tensor Inserted(Tensor x, Tensor axes, long count)
        {
            for (var i = 0L; i < count; i++)
                x = x.unsqueeze(axes[i].item<long>());
            return x;
        }
    }

    /// <summary>A size of 1 leaves the input's own, and so does any size where the input's is not 1.</summary>
    private static TensorValue Expand(OnnxNode node)
    {
        var asked = node.Numbers(1);
        var shape = Sizes.Broadcast(node.Shape(), Sizes.Known(asked));
        var type = node.Type();
        // Which of two sizes is 1 is only known when it runs: arithmetic with ones decides that then.
        Delegate broadcast = type == ScalarType.Bool ? (Tensor x, long[] to) => x.logical_and(ones(to, type)) : (Tensor x, long[] to) =>
            x.mul(ones(to, type));
        if (node.Shape() is not { } own)
            return node.Make(broadcast, type, null, node.Tensor(), OnnxNode.List(asked));
        var rank = Math.Max(own.Length, asked.Length);
        var sizes = new Argument[rank];
        for (var i = 1; i <= rank; i++)
        {
            var (size, known) = (i <= asked.Length ? asked[^i] : 1L, i <= own.Length ? own[^i] : 1);
            if (known is null && size is not Literal)
                return node.Make(broadcast, type, shape, node.Tensor(), OnnxNode.List(asked));
            sizes[^i] = known == 1 ? size : size is Literal { Value: 1L } ? -1L : known is { } fixedSize ? fixedSize : size;
        }
        return node.Make((Tensor x, long[] to) => x.expand(to), node.Type(), shape, node.Tensor(), OnnxNode.List(sizes));
    }

    private static TensorValue Tile(OnnxNode node)
    {
        var repeats = node.Numbers(1);
        // The first version had one number and an axis.
        if (node.Inputs.Length == 3)
            throw new NotSupportedException("its form of opset 1 is not known");
        return node.Make((Tensor x, long[] times) => x.tile(times), node.Type(),
            node.Shape()?.Zip(Sizes.Known(repeats), (size, times) => size * times).ToArray(), node.Tensor(), OnnxNode.List(repeats));
    }

    private static TensorValue DepthToSpace(OnnxNode node)
    {
        var (block, byColumns) = (node.Attributes.Int("blocksize"), node.Attributes.Text("mode", "DCR") == "CRD");
        return node.Make(byColumns ? (Tensor x) => nn.functional.pixel_shuffle(x, block) : (Tensor x) => Spread(x, block), node.Type(),
            Sizes.OfRank(4), node.Tensor());
    }

    private static Tensor Spread(Tensor x, long block)
        => x.reshape(x.shape[0], block, block, x.shape[1] / (block * block), x.shape[2], x.shape[3]).permute(0, 3, 4, 1, 5, 2)
            .reshape(x.shape[0], x.shape[1] / (block * block), x.shape[2] * block, x.shape[3] * block);

    private static Tensor SpaceToDepth(Tensor x, long block)
        => x.reshape(x.shape[0], x.shape[1], x.shape[2] / block, block, x.shape[3] / block, block).permute(0, 3, 5, 1, 2, 4)
            .reshape(x.shape[0], x.shape[1] * block * block, x.shape[2] / block, x.shape[3] / block);
}

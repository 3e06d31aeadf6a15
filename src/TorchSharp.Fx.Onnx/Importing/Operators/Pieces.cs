using System.Collections.Immutable;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx.Importing.Operators;

/// <summary>Tensors put together and taken apart.</summary>
internal static class Pieces
{
    internal static void AddTo(OperatorTable table)
    {
        table.Add("Concat", Concat);
        table.AddAll("Split", Split);
        table.Add("Slice", Slice);
        table.Add("Compress", Compress);
        table.Add("Trilu", Trilu);
        table.Add("ReverseSequence", node => (node.Attributes.Int("batch_axis", 1), node.Attributes.Int("time_axis", 0)) is var (batch,
            time) && node.Rank() is var rank
            ? node.Alike((Tensor x, Tensor lengths) => Reversed(x, lengths, time, batch, rank), node.Tensor(), node.Tensor(1)) : null!);
        table.Add("CumSum", CumulativeSum);
        table.AddAll("TopK", TopK);
        table.AddAll("Unique", Unique);
        table.Add("Col2Im", Fold);
    }

    private static Value Concat(OnnxNode node)
    {
        var axis = node.Attributes.Int("axis", 1);
        if (node.Inputs.Length == 1)
            return node[0];
        var tensors = new ListArgument([.. node.Inputs.Select((_, i) => node.Tensor(i))], typeof(Tensor));
        var total = node.Inputs.Aggregate((long?)0, (sum, input) =>
            sum + (input!.Shape is { } shape && shape.Length > 0 ? shape[axis < 0 ? axis + shape.Length : axis] : null));
        return new TensorValue(node.Writer.Graph.call_function((Func<Tensor[], long, Tensor>)cat, tensors, axis), node.Type(),
            Sizes.With(node.Shape(), axis, total));
    }

    private static Value[] Split(OnnxNode node)
    {
        var (axis, count) = (node.Attributes.Int("axis", 0), node.Outputs);
        var whole = node.Shape() is { } known ? known[axis < 0 ? axis + known.Length : axis] : null;
        Argument[] sizes;
        if (node.Attributes.Ints("split") is { } old)
            sizes = [.. old.Select(size => (Argument)size)];
        else if (node.Optional(1) is not null)
            sizes = [.. node.Numbers(1)];
        else
            sizes = Equal(node, whole is { } size ? size : node.Writer.Size(node[0], (int)axis),
                (int)node.Attributes.Int("num_outputs", count));
        (ScalarType, long?[]?)[] results = [.. sizes.Select(size => (node.Type(),
            Sizes.With(node.Shape(), axis, (size as Literal)?.Value as long?)))];
        return node.MakeAll((Tensor x, long[] to) => Parts(x.split(to, axis), sizes.Length), results, node.Tensor(), OnnxNode.List(sizes));
    }

    /// <summary>Equal parts, the last one smaller where they don't fit.</summary>
    private static Argument[] Equal(OnnxNode node, Argument whole, int count)
    {
        var part = node.Writer.Compute(Builtin.floordiv, typeof(long),
            node.Writer.Compute(Builtin.add, typeof(long), whole, (long)count - 1), (long)count);
        var last = node.Writer.Compute(Builtin.sub, typeof(long), whole,
            node.Writer.Compute(Builtin.mul, typeof(long), part, (long)count - 1));
        return [.. Enumerable.Repeat(part, count - 1), last];
    }

    internal static Tensor[] Parts(Tensor[] all, int count)
    {
        var parts = new Tensor[count];
        for (var i = 0; i < count; i++)
            parts[i] = all[i];
        return parts;
    }

    private static Value Slice(OnnxNode node)
    {
        if (node.Version < 10)
        {
            var (from, to) = (node.Attributes.Ints("starts") ?? [], node.Attributes.Ints("ends") ?? []);
            return Slice(node, [.. from.Select(number => (Argument)number)], [.. to.Select(number => (Argument)number)],
                node.Attributes.Ints("axes") ?? Counted(from.Length), null);
        }
        var starts = node.Numbers(1);
        var steps = node.Optional(4) is null ? (ImmutableArray<Argument>?)null : node.Numbers(4);
        if (node.Optional(3) is null or ConstantValue && (steps is null || steps.Value.All(step => step is Literal)))
            return Slice(node, starts, node.Numbers(2), node.Optional(3) is null ? Counted(starts.Length) : node.KnownNumbers(3), steps);
        Value result = node[0];
        for (var i = 0; i < starts.Length; i++)
            result = node.Make((Tensor x, long start, long end, long axis, long step) => Picked(x, start, end, axis, step), node.Type(),
                Sizes.OfRank(node[0].Rank), node.Writer.Tensor(result),
                starts[i], node.Numbers(2)[i], node.Optional(3) is null ? (long)i : node.Numbers(3)[i], steps is null ? 1L
                    : steps.Value[i]);
        return result;
    }

    /// <summary>A slice of which nothing is known beforehand: its places, one by one, within the bounds that hold for its
    /// direction.</summary>
    private static Tensor Picked(Tensor x, long start, long end, long axis, long step)
    {
        var size = x.size((int)axis);
        var direction = (long)Math.Sign(step);
        var back = (1 - direction) / 2;
        start = Math.Clamp(start - size * Math.Min(Math.Sign(start), 0), 0 - back, size - back);
        end = Math.Clamp(end - size * Math.Min(Math.Sign(end), 0), 0 - back, size - back);
        end = start + direction * Math.Max(direction * (end - start), 0);
        return x.index_select(axis, arange(start, end, step, ScalarType.Int64));
    }

    private static Value Slice(OnnxNode node, ImmutableArray<Argument> starts, ImmutableArray<Argument> ends, long[] axes,
        ImmutableArray<Argument>? steps)
    {
        var result = node[0];
        for (var i = 0; i < starts.Length; i++)
            result = Slice(node, result, axes[i], starts[i], ends[i], steps is { } known ? known[i] : 1L);
        return result;
    }

    private static long[] Counted(int count) => [.. Enumerable.Range(0, count).Select(axis => (long)axis)];

    private static TensorValue Slice(OnnxNode node, Value value, long axis, Argument start, Argument end, Argument step)
    {
        if (step is not Literal { Value: long by })
            throw new NotSupportedException("its steps must be constants of the file, and are computed");
        if (by == 0)
            throw new NotSupportedException("its step is 0");
        var tensor = node.Writer.Tensor(value);
        long? old = value.Shape is { } known ? known[axis < 0 ? axis + known.Length : axis] : null;
        if (by > 0)
            return node.Make((Tensor x, long from, long to) => x.slice(axis, from, to, by), node.Type(),
                Sizes.With(value.Shape, axis, Length(old, start, end, by)), tensor, start, end);
        // Backwards: from the other end of what is flipped, where place i is -i - 1. The least number becomes the greatest, which is meant.
        var (first, last) = (Mirrored(node, start), Mirrored(node, end));
        return node.Make((Tensor x, long from, long to) => x.flip(axis).slice(axis, from, to, -by), node.Type(),
            Sizes.With(value.Shape, axis, Length(old, first, last, -by)), tensor, first, last);
    }

    private static Argument Mirrored(OnnxNode node, Argument place)
        => place is Literal { Value: long known } ? (Argument)unchecked(-known - 1)
            : node.Writer.Compute(Builtin.sub, typeof(long), -1L, place);

    private static long? Length(long? size, Argument start, Argument end, long step)
    {
        if (size is not { } whole || start is not Literal { Value: long from } || end is not Literal { Value: long to })
            return null;
        (from, to) = (Math.Clamp(from < 0 ? from + whole : from, 0, whole), Math.Clamp(to < 0 ? to + whole : to, 0, whole));
        return Math.Max(0, (to - from + step - 1) / step);
    }

    private static TensorValue Compress(OnnxNode node)
    {
        if (!node.Attributes.Has("axis"))
            return node.Make((Tensor x, Tensor which) => x.flatten().index_select(0, which.nonzero().squeeze(1)), node.Type(), [null],
                node.Tensor(), node.Tensor(1));
        var axis = node.Attributes.Int("axis");
        return node.Make((Tensor x, Tensor which) => x.index_select(axis, which.nonzero().squeeze(1)), node.Type(),
            Sizes.With(node.Shape(), axis, null), node.Tensor(), node.Tensor(1));
    }

    private static TensorValue Trilu(OnnxNode node)
    {
        var upper = node.Attributes.Flag("upper", true);
        Argument diagonal = node.Optional(1) is null ? 0L : node.Numbers(1)[0];
        return node.Alike(upper ? (Tensor x, long k) => x.triu(k) : (Tensor x, long k) => x.tril(k), node.Tensor(), diagonal);
    }

    private static Tensor Reversed(Tensor x, Tensor lengths, long time, long batch, int rank)
    {
        long[] alongTime = new long[rank], alongBatch = new long[rank];
        for (var i = 0; i < rank; i++)
            (alongTime[i], alongBatch[i]) = (i == time ? -1 : 1, i == batch ? -1 : 1);
        var place = arange(x.shape[time], ScalarType.Int64).reshape(alongTime);
        var length = lengths.reshape(alongBatch);
        return x.gather(time, where(place.lt(length), length.sub(place).sub(1), place).expand_as(x));
    }

    private static TensorValue CumulativeSum(OnnxNode node)
    {
        var (exclusive, reverse) = (node.Attributes.Flag("exclusive"), node.Attributes.Flag("reverse"));
        return node.Alike((Tensor x, long axis) => Sum(x, axis, exclusive, reverse), node.Tensor(), node.Numbers(1)[0]);

        static Tensor Sum(Tensor x, long axis, bool exclusive, bool reverse)
        {
            var sum = reverse ? x.flip(axis).cumsum(axis).flip(axis) : x.cumsum(axis);
            return exclusive ? sum.sub(x) : sum;
        }
    }

    private static Value[] TopK(OnnxNode node)
    {
        var (axis, largest, sorted) = ((int)node.Attributes.Int("axis", -1), node.Attributes.Flag("largest", true),
            node.Attributes.Flag("sorted", true));
        var count = node.Attributes.Has("k") ? node.Attributes.Int("k") : node.Numbers(1)[0];
        var shape = Sizes.With(node.Shape(), axis, (count as Literal)?.Value as long?);
        return node.MakeAll((Tensor x, long k) => Best(x, k, axis, largest, sorted), [(node.Type(), shape), (ScalarType.Int64, shape)],
            node.Tensor(), count);

        static Tensor[] Best(Tensor x, long k, int axis, bool largest, bool sorted)
        {
            var (values, places) = x.topk((int)k, axis, largest, sorted);
            return [values, places];
        }
    }

    /// <summary>Blocks that may overlap are added up to an image; of one with a single dimension the other has one row.</summary>
    private static TensorValue Fold(OnnxNode node)
    {
        var (image, block) = (node.Numbers(1), node.KnownNumbers(2));
        if (block.Length is not (1 or 2) || image.Length != block.Length)
            throw new NotSupportedException($"it makes images of {block.Length} dimensions, and 1 and 2 can be read");
        var isFlat = block.Length == 1;
        var (dilations, strides) = (node.Attributes.Ints("dilations") ?? [1, 1], node.Attributes.Ints("strides") ?? [1, 1]);
        var pads = node.Attributes.Ints("pads") ?? [0, 0, 0, 0];
        var (top, bottom, left, right) = isFlat ? (0, 0, pads[0], pads[1]) : (pads[0], pads[2], pads[1], pads[3]);
        (long, long) Pair(long[] numbers, long preset) => isFlat ? (preset, numbers[0]) : (numbers[0], numbers[1]);
        var (kernel, dilation, stride) = (Pair(block, 1), Pair(dilations, 1), Pair(strides, 1));
        long?[]? shape = node.Shape() is [var count, var parts, ..]
            ? [count, parts / block.Aggregate(1L, (product, size) => product * size), .. Sizes.Known(image)] : null;
        return node.Make((Tensor x, long height, long width) =>
        {
            var whole = nn.functional.fold(x, (height + top + bottom, width + left + right), kernel, dilation, (0, 0), stride)
                .narrow(2, top, height).narrow(3, left, width);
            return isFlat ? whole.squeeze(2) : whole;
        }, node.Type(), shape, node.Tensor(), isFlat ? 1L : image[0], image[^1]);
    }

    /// <summary>TorchSharp gives the values in order, and to each element its value's place; where a value first comes up is the first
    /// place of those.</summary>
    private static Value[] Unique(OnnxNode node)
    {
        var sorted = node.Attributes.Flag("sorted", true);
        int? axis = node.Attributes.Has("axis") ? (int)node.Attributes.Int("axis") : null;
        var shape = axis is { } along ? Sizes.With(node.Shape(), along, null) : [null];
        return node.MakeAll((Tensor x) => Unique(x, axis, sorted),
            [(node.Type(), shape), (ScalarType.Int64, [null]), (ScalarType.Int64, [null]), (ScalarType.Int64, [null])], node.Tensor());
    }

    private static Tensor[] Unique(Tensor x, int? axis, bool sorted)
    {
        var (values, inverse, counts) = x.unique(true, true, true, axis);
        inverse = inverse!.flatten();
        var first = arange(counts!.shape[0], ScalarType.Int64).unsqueeze(1).eq(inverse.unsqueeze(0)).to(ScalarType.Int64).argmax(1);
        if (sorted)
            return [values, first, inverse, counts];
        var order = first.argsort();
        return [values.index_select(axis ?? 0, order), first.index_select(0, order), order.argsort().index_select(0, inverse),
            counts.index_select(0, order)];
    }
}

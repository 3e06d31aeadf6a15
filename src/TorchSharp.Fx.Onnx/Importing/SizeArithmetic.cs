using System.Collections.Frozen;
using System.Collections.Immutable;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx.Importing;

/// <summary>
/// Computes with sizes as a program does that was traced: as numbers, not as tensors. What a converter here answers with null is computed with tensors.
/// </summary>
internal static class SizeArithmetic
{
    private const int MostItems = 64;

    private static readonly FrozenDictionary<string, Func<OnnxNode, Value?>> Rows = new Dictionary<string, Func<OnnxNode, Value?>>(StringComparer.Ordinal)
    {
        ["Add"] = node => Compute(node, Builtin.add), ["Sub"] = node => Compute(node, Builtin.sub), ["Mul"] = node => Compute(node, Builtin.mul),
        ["Div"] = node => Compute(node, GraphWriter.IsFloat(node.Type()) ? Builtin.truediv : Builtin.floordiv),
        ["Mod"] = node => node.Attributes.Flag("fmod") || Items(node, 0)!.Value.Concat(Items(node, 1)!.Value).All(GraphWriter.IsSize) ? Compute(node, Builtin.mod) : null,
        ["Cast"] = Cast, ["Concat"] = Concat, ["Equal"] = Equal, ["Floor"] = node => Round(node, Math.Floor), ["Ceil"] = node => Round(node, Math.Ceiling),
        ["Gather"] = Gather, ["Neg"] = node => Like(node, node.Type(), item => node.Writer.Compute(Builtin.sub, Kind(node.Type()), Zero(node.Type()), item)),
        ["ReduceProd"] = node => node.Attributes.Flag("keepdims", true) is var keep && (node.Attributes.Ints("axes")?.Length ?? 1) == 1
            ? OnnxNode.Numbers([Items(node, 0)!.Value.Aggregate((Argument)1L, (product, item) => node.Writer.Compute(Builtin.mul, typeof(long), product, item))], !keep, node.Type()) : null,
        ["Reshape"] = node => node.Constant(1) is { } shape && shape.numel() <= 1 ? WithRank(node, shape.numel() == 0) : null,
        ["Slice"] = Slice, ["Split"] = null!, ["Squeeze"] = node => WithRank(node, true), ["Unsqueeze"] = node => node.Rank() == 0 ? WithRank(node, false) : null,
        ["Where"] = Where,
    }.Where(row => row.Value is not null).ToFrozenDictionary(StringComparer.Ordinal);

    internal static Value[]? Convert(string operation, OnnxNode node)
    {
        if (operation == "Shape" && node[0].Rank is { } rank)
            return [Shape(node, rank)];
        if (operation == "Size" && node[0].Rank is { } dimensions)
            return [OnnxNode.Numbers([Enumerable.Range(0, dimensions).Aggregate((Argument)1L, (product, axis) => node.Writer.Compute(Builtin.mul, typeof(long), product, node.Writer.Size(node[0], axis)))], true, ScalarType.Int64)];
        if (!node.Inputs.Any(input => input is NumbersValue) || !Rows.TryGetValue(operation, out var convert) || !Enumerable.Range(0, node.Inputs.Length).All(i => node.Optional(i) is null || Items(node, i) is not null))
            return null;
        return convert(node) is { } result ? [result] : null;
    }

    private static Value Shape(OnnxNode node, int rank)
    {
        var (start, end) = ((int)Math.Clamp(node.Attributes.Int("start", 0), -rank, rank), (int)Math.Clamp(node.Attributes.Int("end", rank), -rank, rank));
        (start, end) = (start < 0 ? start + rank : start, end < 0 ? end + rank : end);
        return OnnxNode.Numbers(Enumerable.Range(start, Math.Max(0, end - start)).Select(axis => node.Writer.Size(node[0], axis)), false, ScalarType.Int64);
    }

    /// <summary>The numbers of an input; null where it is no short list of such.</summary>
    private static ImmutableArray<Argument>? Items(OnnxNode node, int i) => node.Optional(i) switch
    {
        NumbersValue numbers => numbers.Items,
        ConstantValue { Rank: <= 1, Weight: { Count: <= MostItems } weight } when GraphWriter.IsFloat(weight.Type) => [.. weight.Tensor.to(float64).data<double>().ToArray().Select(number => (Argument)number)],
        ConstantValue { Rank: <= 1, Count: <= MostItems } => node.Numbers(i),
        _ => null,
    };

    private static Type Kind(ScalarType type) => GraphWriter.IsFloat(type) ? typeof(double) : typeof(long);

    private static Argument Zero(ScalarType type) => GraphWriter.IsFloat(type) ? 0.0 : 0L;

    /// <summary>Numbers in pairs, one of either side repeated where it is alone.</summary>
    private static (ImmutableArray<(Argument Left, Argument Right)> Pairs, bool IsScalar)? Pairs(OnnxNode node, int left, int right)
    {
        var (a, b) = (Items(node, left)!.Value, Items(node, right)!.Value);
        var count = Math.Max(a.Length, b.Length);
        if ((a.Length != count && a.Length != 1) || (b.Length != count && b.Length != 1))
            return null;
        return ([.. Enumerable.Range(0, count).Select(i => (a[a.Length == 1 ? 0 : i], b[b.Length == 1 ? 0 : i]))], node.Rank(left) == 0 && node.Rank(right) == 0);
    }

    private static Value? Compute(OnnxNode node, Builtin operation)
        => Pairs(node, 0, 1) is var (pairs, isScalar) ? OnnxNode.Numbers(pairs.Select(pair => node.Writer.Compute(operation, Kind(node.Type()), pair.Left, pair.Right)), isScalar, node.Type()) : null;

    private static Value Like(OnnxNode node, ScalarType type, Func<Argument, Argument> change) => OnnxNode.Numbers(Items(node, 0)!.Value.Select(change), node.Rank() == 0, type);

    private static Value WithRank(OnnxNode node, bool isScalar)
    {
        node.Attributes.Ignore("axes", "allowzero");
        var items = Items(node, 0)!.Value;
        return OnnxNode.Numbers(items, isScalar && items.Length == 1, node.Type());
    }

    private static Value? Cast(OnnxNode node)
    {
        var type = Elements.Of((int)node.Attributes.Int("to")).Type;
        node.Attributes.Ignore("saturate");
        if (type == ScalarType.Bool || node.Type() == ScalarType.Bool)
            return null;
        var (from, to) = (Kind(node.Type()), Kind(type));
        return Like(node, type, item => from == to ? item : item is Literal { Value: { } known } ? new Literal(Fx.Cast.To(known, to, false)) : new ConvertArgument(item, to, false));
    }

    private static Value? Concat(OnnxNode node)
        => node.Attributes.Int("axis", 1) is 0 or -1 && node.Inputs.All(input => input!.Rank == 1)
            ? OnnxNode.Numbers(node.Inputs.SelectMany((_, i) => Items(node, i)!.Value), false, node.Type()) : null;

    /// <summary>Whether numbers are equal, where that is certain whatever the sizes are.</summary>
    private static ConstantValue? Equal(OnnxNode node)
    {
        if (Pairs(node, 0, 1) is not var (pairs, isScalar))
            return null;
        var known = pairs.Select(pair => pair.Left == pair.Right ? true : (pair.Left, pair.Right) switch
        {
            (Literal { Value: { } a }, Literal { Value: { } b }) => a.Equals(b),
            (Literal { Value: long and < 0 }, var size) when GraphWriter.IsSize(size) => false,
            (var size, Literal { Value: long and < 0 }) when GraphWriter.IsSize(size) => false,
            _ => (bool?)null,
        }).ToArray();
        return known.Any(one => one is null) ? null : new(new("equal", tensor(known.Select(one => one!.Value).ToArray()).reshape(isScalar ? [] : [known.Length])));
    }

    private static Value? Where(OnnxNode node)
    {
        if (node.Constant(0) is not { } conditions || Pairs(node, 1, 2) is not var (pairs, isScalar) || (conditions.numel() != pairs.Length && conditions.numel() != 1 && pairs.Length != 1))
            return null;
        var chosen = conditions.to(ScalarType.Bool).data<bool>().ToArray();
        var count = Math.Max(chosen.Length, pairs.Length);
        return OnnxNode.Numbers(Enumerable.Range(0, count).Select(i => chosen[chosen.Length == 1 ? 0 : i] ? pairs[pairs.Length == 1 ? 0 : i].Left : pairs[pairs.Length == 1 ? 0 : i].Right),
            isScalar && conditions.dim() == 0, node.Type(1));
    }

    private static Value? Gather(OnnxNode node)
    {
        var items = Items(node, 0)!.Value;
        if (node.Attributes.Int("axis", 0) is not (0 or -1) || node.Constant(1) is null || node.Rank() != 1)
            return null;
        var places = node.KnownNumbers(1).Select(place => place < 0 ? place + items.Length : place).ToArray();
        return places.All(place => place >= 0 && place < items.Length) ? OnnxNode.Numbers(places.Select(place => items[(int)place]), node.Rank(1) == 0, node.Type()) : throw new NotSupportedException("it reads an element that its input does not have");
    }

    private static Value? Slice(OnnxNode node)
    {
        var items = Items(node, 0)!.Value;
        if (node.Version < 10)
            return (node.Attributes.Ints("starts"), node.Attributes.Ints("ends"), node.Attributes.Ints("axes")) is ([var from], [var to], _) ? Part(node, items, from, to, 1) : null;
        if (Enumerable.Range(1, node.Inputs.Length - 1).Any(i => node.Optional(i) is not (null or ConstantValue)) || node.KnownNumbers(1) is not [var start] || node.KnownNumbers(2) is not [var end])
            return null;
        return Part(node, items, start, end, node.Optional(4) is null ? 1 : node.KnownNumbers(4)[0]);
    }

    private static Value? Part(OnnxNode node, ImmutableArray<Argument> items, long start, long end, long step)
    {
        if (step == 0)
            throw new NotSupportedException("its step is 0");
        var places = new List<int>();
        var (low, high) = step > 0 ? (0, items.Length) : (-1, items.Length - 1);
        start = Math.Clamp(start < 0 ? start + items.Length : start, step > 0 ? 0 : low, high);
        end = Math.Clamp(end < 0 ? Math.Max(end, -items.Length - 1) + items.Length : end, low, high);
        for (var i = start; step > 0 ? i < end : i > end; i += step)
            places.Add((int)i);
        return OnnxNode.Numbers(places.Select(i => items[i]), false, node.Type());
    }

    private static Value? Round(OnnxNode node, Func<double, double> function)
        => Like(node, node.Type(), item => item is Literal { Value: double known } ? function(known) : node.Writer.Graph.call_function(function.Method, item));
}

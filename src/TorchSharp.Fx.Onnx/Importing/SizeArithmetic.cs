using System.Collections.Frozen;
using System.Collections.Immutable;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx.Importing;

/// <summary>
/// Computes with sizes as a program does that was traced: as numbers, not as tensors. What a converter here answers with null is
/// computed with tensors.
/// </summary>
internal static class SizeArithmetic
{
    private const int MostItems = 256;

    /// <summary>Arithmetic on numbers.</summary>
    private static readonly FrozenDictionary<string, Func<OnnxNode, Value?>> Rows = new Dictionary<string, Func<OnnxNode,
        Value?>>(StringComparer.Ordinal)
    {
        ["Add"] = node => Compute(node, Builtin.add), ["Sub"] = node => Compute(node, Builtin.sub), ["Mul"] = node =>
            Compute(node, Builtin.mul),
        ["Div"] = node => Compute(node, GraphWriter.IsFloat(node.Type()) ? Builtin.truediv : Builtin.floordiv), ["Mod"] = Remainder,
        ["Neg"] = node => Each(node, node.Type(), item =>
            node.Writer.Compute(Builtin.sub, Kind(node.Type()), GraphWriter.IsFloat(node.Type()) ? 0.0 : 0L, item)),
        ["Floor"] = node => Each(node, node.Type(), item => Function(node, item, Math.Floor)), ["Ceil"] = node =>
            Each(node, node.Type(), item => Function(node, item, Math.Ceiling)),
        ["Sqrt"] = node => Each(node, node.Type(), item => Function(node, item, Math.Sqrt)),
        ["Max"] = node => Pairwise(node, (a, b) => Function(node, a, b, Math.Max)), ["Min"] = node =>
            Pairwise(node, (a, b) => Function(node, a, b, Math.Min)),
        ["Cast"] = Cast, ["Equal"] = Equal, ["ReduceProd"] = Product,
    }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>Operations that put elements elsewhere, and the inputs whose elements those are; any other input must be a
    /// constant.</summary>
    private static readonly FrozenDictionary<string, int[]> Movers = new Dictionary<string, int[]>(StringComparer.Ordinal)
    {
        ["Concat"] = [.. Enumerable.Range(0, MostItems)], ["Gather"] = [0], ["Slice"] = [0], ["Reshape"] = [0], ["Transpose"] = [0],
            ["Squeeze"] = [0], ["Unsqueeze"] = [0], ["Expand"] = [0],
        ["Tile"] = [0], ["Flatten"] = [0], ["Split"] = [0], ["Where"] = [1, 2], ["ScatterND"] = [0, 2], ["ScatterElements"] = [0, 2],
            ["GatherElements"] = [0], ["Identity"] = [0],
    }.ToFrozenDictionary(StringComparer.Ordinal);

    internal static Value[]? Convert(string operation, OnnxNode node, Converter converter)
    {
        if (operation == "Shape" && node[0].Rank is { } rank)
            return [Shape(node, rank)];
        if (operation == "Size" && node[0].Rank is { } dimensions)
            return [OnnxNode.Numbers([Enumerable.Range(0, dimensions).Aggregate((Argument)1L, (product, axis) =>
                node.Writer.Compute(Builtin.mul, typeof(long), product, node.Writer.Size(node[0], axis)))], [], ScalarType.Int64)];
        if (!node.Inputs.Any(input => input is NumbersValue))
            return null;
        if (Movers.TryGetValue(operation, out var moved))
            return Move(operation, node, converter, moved);
        return Rows.TryGetValue(operation, out var convert) && node.Inputs.All(input => Items(input) is not null)
            && convert(node) is { } result ? [result] : null;
    }

    private static Value Shape(OnnxNode node, int rank)
    {
        var (start, end) = ((int)Math.Clamp(node.Attributes.Int("start", 0), -rank, rank),
            (int)Math.Clamp(node.Attributes.Int("end", rank), -rank, rank));
        (start, end) = (start < 0 ? start + rank : start, end < 0 ? end + rank : end);
        var count = Math.Max(0, end - start);
        return OnnxNode.Numbers(Enumerable.Range(start, count).Select(axis => node.Writer.Size(node[0], axis)), [count], ScalarType.Int64);
    }

    /// <summary>The operation is done on the elements' numbers 0, 1, 2 …; where each comes to lie says where its element does.</summary>
    private static Value[]? Move(string operation, OnnxNode node, Converter converter, int[] moved)
    {
        var items = new List<Argument>();
        var inputs = ImmutableArray.CreateBuilder<Value?>();
        foreach (var (input, i) in node.Inputs.Select((input, i) => (input, i)))
            if (!moved.Contains(i) || input is null)
                inputs.Add(input);
            else if (Items(input) is { } own)
            {
                inputs.Add(new ConstantValue(new("places", arange(items.Count, items.Count + own.Length,
                    ScalarType.Int64).reshape([.. input.Shape!.Select(size => size!.Value)]))));
                items.AddRange(own);
            }
            else
                return null;
        if (inputs.Any(input => input is not (null or ConstantValue))
            || Folding.Compute(operation, node, inputs.ToImmutable(), converter) is not { } places
            || places.Any(part => part.Weight.Count > MostItems))
            return null;
        var type = node.Type(moved[0]);
        return [.. places.Select(part => OnnxNode.Numbers(part.Weight.Tensor.contiguous().data<long>().ToArray().Select(place =>
            items[(int)place]), part.Weight.Shape, type))];
    }

    /// <summary>The numbers of a value; null where they are too many, or not numbers.</summary>
    private static ImmutableArray<Argument>? Items(Value? value) => value switch
    {
        NumbersValue numbers => numbers.Items,
        ConstantValue { Weight: { Count: <= MostItems } weight } when GraphWriter.IsFloat(weight.Type) =>
            [.. weight.Tensor.to(float64).contiguous().data<double>().ToArray().Select(number => (Argument)number)],
        ConstantValue { Weight: { Count: <= MostItems } weight } when value.IsInteger =>
            [.. weight.Tensor.to(int64).contiguous().data<long>().ToArray().Select(number => (Argument)number)],
        _ => null,
    };

    private static Type Kind(ScalarType type) => GraphWriter.IsFloat(type) ? typeof(double) : typeof(long);

    /// <summary>Two inputs in pairs, one of them repeated where it is a single number.</summary>
    private static ((Argument Left, Argument Right)[] Pairs, long[] Dims)? Pairs(OnnxNode node)
    {
        var (a, b) = (Items(node[0])!.Value, Items(node[1])!.Value);
        var larger = a.Length > b.Length || (a.Length == b.Length && node[0].Rank >= node[1].Rank) ? node[0] : node[1];
        long[] dims = [.. larger.Shape!.Select(size => size!.Value)];
        if ((a.Length != 1 && !node.Shape(0)!.SequenceEqual(larger.Shape!))
            || (b.Length != 1 && !node.Shape(1)!.SequenceEqual(larger.Shape!)))
            return null;
        return ([.. Enumerable.Range(0, Math.Max(a.Length, b.Length)).Select(i => (a[a.Length == 1 ? 0 : i], b[b.Length == 1 ? 0 : i]))],
            dims);
    }

    private static Value? Pairwise(OnnxNode node, Func<Argument, Argument, Argument> function)
        => node.Inputs.Length == 2 && Pairs(node) is var (pairs, dims)
            ? OnnxNode.Numbers(pairs.Select(pair => function(pair.Left, pair.Right)), dims, node.Type()) : null;

    private static Value? Compute(OnnxNode node, Builtin operation) =>
        Pairwise(node, (a, b) => node.Writer.Compute(operation, Kind(node.Type()), a, b));

    /// <summary>The signs of the two ways to take a remainder only differ for negative numbers.</summary>
    private static Value? Remainder(OnnxNode node)
        => node.Attributes.Flag("fmod") || (Items(node[0])!.Value.All(GraphWriter.IsSize)
            && Items(node[1])!.Value.All(GraphWriter.IsSize)) ? Compute(node, Builtin.mod)
            : GraphWriter.IsFloat(node.Type()) ? null
            : Pairwise(node, (a, b) => node.Writer.Compute(Builtin.mod, typeof(long),
                node.Writer.Compute(Builtin.add, typeof(long), node.Writer.Compute(Builtin.mod, typeof(long), a, b), b), b));

    private static Value Each(OnnxNode node, ScalarType type, Func<Argument, Argument> change)
        => OnnxNode.Numbers(Items(node[0])!.Value.Select(change), [.. node.Shape()!.Select(size => size!.Value)], type);

    private static Value? Cast(OnnxNode node)
    {
        var type = Elements.Of((int)node.Attributes.Int("to")).Type;
        node.Attributes.Ignore("saturate");
        if (type == ScalarType.Bool)
            return null;
        var (from, to) = (Kind(node.Type()), Kind(type));
        return Each(node, type, item => from == to ? item : item is Literal { Value: { } known }
            ? new Literal(Evaluation.Cast.To(known, to, false)) : new ConvertArgument(item, to, false));
    }

    /// <summary>Whether numbers are equal, where that is certain whatever the sizes are.</summary>
    private static ConstantValue? Equal(OnnxNode node)
    {
        if (Pairs(node) is not var (pairs, dims))
            return null;
        var known = pairs.Select(pair => pair.Left == pair.Right ? true : (pair.Left, pair.Right) switch
        {
            (Literal { Value: { } a }, Literal { Value: { } b }) => a.Equals(b),
            (Literal { Value: long and < 0 }, var size) when GraphWriter.IsSize(size) => false,
            (var size, Literal { Value: long and < 0 }) when GraphWriter.IsSize(size) => false,
            _ => (bool?)null,
        }).ToArray();
        return known.Any(one => one is null) ? null : new ConstantValue(new Weight("equal",
            tensor(known.Select(one => one is true).ToArray()).reshape(dims)));
    }

    private static Value? Product(OnnxNode node)
    {
        if (node[0].Rank != 1 || GraphWriter.IsFloat(node.Type()))
            return null;
        node.Attributes.Ignore("axes", "noop_with_empty_axes");
        return OnnxNode.Numbers([Items(node[0])!.Value.Aggregate((Argument)1L, (product, item) =>
            node.Writer.Compute(Builtin.mul, typeof(long), product, item))], node.Attributes.Flag("keepdims", true) ? [1] : [],
            node.Type());
    }

    private static Argument Function(OnnxNode node, Argument item, Func<double, double> function)
        => item is Literal { Value: double known } ? function(known) : node.Writer.Graph.call_function(function.Method, item);

    private static Argument Function(OnnxNode node, Argument a, Argument b, Func<long, long, long> function)
        => (a, b) is (Literal { Value: long left }, Literal { Value: long right }) ? function(left, right)
            : GraphWriter.IsFloat(node.Type()) ? throw new NotSupportedException("it compares sizes as floats")
                : node.Writer.Graph.call_function(function.Method, a, b);
}

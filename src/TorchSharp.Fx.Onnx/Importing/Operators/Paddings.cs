using System.Collections.Immutable;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx.Importing.Operators;

/// <summary>Paddings.</summary>
internal static class Paddings
{
    internal static void AddTo(OperatorTable table) => table.Add("Pad", Pad);

    private static Value Pad(OnnxNode node)
    {
        var mode = node.Attributes.Text("mode", "constant");
        ImmutableArray<Argument> given = node.Attributes.Ints("pads") is { } old ? [.. old.Select(pad => (Argument)pad)] : node.Numbers(1);
        var count = given.Length / 2;
        var axes = node.Optional(3) is null ? [.. Enumerable.Range(0, count).Select(axis => (long)axis)]
            : node.Axes(node.KnownNumbers(3), node.Rank());
        var shape = node.Shape()?.Select((size, axis) => Array.IndexOf(axes, axis) is >= 0 and var at
            ? given[at] is Literal { Value: long before } && given[at + count] is Literal { Value: long behind } ? size + before + behind
                : null : size).ToArray();
        if (mode == "constant")
            return Constant(node, given, axes, shape);
        var result = node[0];
        for (var i = 0; i < count; i++)
            if (given[i] is not Literal { Value: 0L } || given[i + count] is not Literal { Value: 0L })
                result = Along(node, result, axes[i], mode, given[i], given[i + count]);
        return result with { Shape = shape };
    }

    /// <summary>TorchSharp names the last dimension first, each with both sides.</summary>
    private static TensorValue Constant(OnnxNode node, ImmutableArray<Argument> given, long[] axes, long?[]? shape)
    {
        var (first, count) = (axes.Length == 0 ? 0 : axes.Min(), given.Length / 2);
        var rank = node[0].Rank ?? count;
        if (first < 0 || axes.Any(axis => axis >= rank))
            throw new NotSupportedException($"its axes {string.Join(", ", axes)} are none of {rank} dimensions");
        var pads = Enumerable.Range((int)first, (int)(rank - first)).Reverse()
            .SelectMany(axis => Array.IndexOf(axes, axis) is >= 0 and var at ? new[] { given[at], given[at + count] } : [0L, 0L]).ToArray();
        var type = node.Type();
        if (node.Optional(2) is not null && node.Scalar(2) is null)
            return node.Make((Tensor x, long[] to, Tensor value) =>
                nn.functional.pad(x, to, PaddingModes.Constant, value.to(ScalarType.Float64).item<double>()), type, shape, node.Tensor(),
                OnnxNode.List(pads), node.Tensor(2));
        var number = node.Optional(2) is null ? node.Attributes.Float("value", 0) : node.Scalar(2)!.Value;
        return node.Make((Tensor x, long[] to) => nn.functional.pad(x, to, PaddingModes.Constant, number), type, shape, node.Tensor(),
            OnnxNode.List(pads));
    }

    /// <summary>Any other mode reads elements that are there, by their places.</summary>
    private static TensorValue Along(OnnxNode node, Value value, long axis, string mode, Argument before, Argument behind)
    {
        Func<Tensor, long, Tensor> places = mode switch
        {
            "edge" => (place, size) => place.clamp(0, size - 1),
            "reflect" => (place, size) => place.abs().sub(size - 1).abs().sub(size - 1).abs(),
            "wrap" => (place, size) => place.remainder(size),
            _ => throw new NotSupportedException($"there is no padding '{mode}'"),
        };
        return node.Make((Tensor x, long first, long last) =>
            x.index_select(axis, places(arange(0 - first, x.shape[axis] + last, ScalarType.Int64), x.shape[axis])), node.Type(),
            value.Shape,
            node.Writer.Tensor(value), before, behind);
    }
}

using System.Collections.Immutable;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Inference;

/// <summary>A layer's weight in a quantised graph, where it is kept as steps and read as numbers; and the layers that read such.</summary>
/// <param name="Weight">The node that reads the steps.</param>
/// <param name="Scale">The node that reads the scales; null for one scale.</param>
/// <param name="ZeroPoint">The node that reads the zero points; null for one.</param>
internal sealed record Int8Weight(Node Weight, Node? Scale, Node? ZeroPoint)
{
    /// <summary>The weight that a node makes numbers of, by its first dimension; null for any other node.</summary>
    internal static Int8Weight? Of(Node node) => node.args switch
    {
        [NodeArgument { Node: { op: Opcode.get_attr } steps }, NodeArgument { Node: { op: Opcode.get_attr } scale },
            NodeArgument { Node: { op: Opcode.get_attr } zero }, Literal { Value: 0L }]
            when Int8Steps.Is(node, nameof(quantized_decomposed.dequantize_per_channel)) => new(steps, scale, zero),
        [NodeArgument { Node: { op: Opcode.get_attr } steps }, Literal { Value: double }, Literal { Value: 0L }]
            when Int8Steps.Is(node, nameof(quantized_decomposed.dequantize_per_tensor)) => new(steps, null, null),
        _ => null,
    };

    /// <summary>Whether a node is a layer as TorchSharp's function of its input, weight, bias and settings.</summary>
    internal static bool IsLayer(Node node)
        => node.target is FunctionTarget { Method.DeclaringType: var type } && type == typeof(nn.functional)
            && node.target.name is "conv1d" or "conv2d" or "conv3d" or "linear"
        && node.args is [NodeArgument, NodeArgument, Literal { Value: null } or NodeArgument { Node.op: Opcode.get_attr }, ..];

    /// <summary>
    /// A layer's weight in steps, the scale of each of its channels, and its bias; null for a weight that isn't of the kind that kernels
    /// take.
    /// </summary>
    internal static (Tensor Weight, Tensor Scale, Tensor? Bias)? Content(Node layer, InferenceGraph layers)
    {
        if (!IsLayer(layer) || layer.args[1] is not NodeArgument { Node: var numbers } || Of(numbers) is not { } read)
            return null;
        var weight = layers.Tensor(read.Weight.target.name);
        var bias = layer.args[2] is NodeArgument { Node: var added } ? layers.Tensor(added.target.name) : null;
        if (weight.dtype != ScalarType.Int8 || layers.Written.Holds(weight) || layers.Written.Holds(bias)
            || bias?.dtype is not (null or ScalarType.Float32))
            return null;
        if (read.Scale is null)
            return (weight, full([weight.size(0)], (double)((Literal)numbers.args[1]).Value!, ScalarType.Float32), bias);
        using var zeros = layers.Tensor(read.ZeroPoint!.target.name).ne(0);
        return zeros.any().item<bool>() ? null : (weight, layers.Tensor(read.Scale.target.name), bias);
    }

    /// <summary>The layer of whole numbers that does what a node does; null where there is none.</summary>
    internal static Int8Layer? Layer(Node layer, Int8Content content)
        => layer.target.name == "linear" ? new Int8Linear(content with { Weight = content.Weight.t(), Bias = content.Bias?.unsqueeze(0) })
            : Geometry(layer.args, content.Weight.shape) is { } geometry ? new Int8Convolution(content, geometry) : null;

    private static ConvolutionGeometry? Geometry(ImmutableArray<Argument> args, long[] weight)
    {
        var rank = weight.Length - 2;
        return args is [_, _, _, var strides, var paddings, var dilations, Literal { Value: long groups }]
            && Numbers(strides, rank, 1) is { } stride && Numbers(paddings, rank, 0) is { } padding
            && Numbers(dilations, rank, 1) is { } dilation
            ? new(weight[2..], stride, padding, dilation, groups) : null;
    }

    private static long[]? Numbers(Argument argument, int rank, long otherwise) => argument switch
    {
        Literal { Value: null } => [.. Enumerable.Repeat(otherwise, rank)],
        Literal { Value: long number } => [.. Enumerable.Repeat(number, rank)],
        Literal { Value: long[] { Length: 1 } numbers } => [.. Enumerable.Repeat(numbers[0], rank)],
        Literal { Value: long[] numbers } => numbers,
        ListArgument { Items: [Literal { Value: long number }] } => [.. Enumerable.Repeat(number, rank)],
        ListArgument { Items: var items } when items.Length == rank
            && items.All(item => item is Literal { Value: long }) => [.. items.Select(item => (long)((Literal)item).Value!)],
        TupleArgument { Items: var items } when items.Length == rank
            && items.All(item => item is Literal { Value: long }) => [.. items.Select(item => (long)((Literal)item).Value!)],
        _ => null,
    };
}

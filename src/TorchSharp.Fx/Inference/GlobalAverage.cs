using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Inference;

/// <summary>The average over all pixels: N×C×H×W to N×C×1×1.</summary>
internal sealed class GlobalAverage() : KernelModule("GlobalAverage", FusedActivation.None)
{
    /// <inheritdoc/>
    internal override KernelModule? With(FusedActivation next, bool isResidual) => null;

    /// <inheritdoc/>
    private protected override KernelModule Copy() => new GlobalAverage();

    /// <inheritdoc/>
    private protected override bool Takes(ScalarType type) => Dnnl.IsAvailable && type is not (ScalarType.Byte or ScalarType.Int8);

    /// <inheritdoc/>
    private protected override bool TryResult(ReadOnlySpan<long> input, Span<long> result) => Result(input, result);

    /// <inheritdoc/>
    private protected override LayerKernel? MakeKernel(ScalarType type, ReadOnlySpan<long> input, ReadOnlySpan<long> result,
        Residual residual)
        => Kernel(Descriptor(type, input), Descriptor(type, result), input);

    /// <summary>The sizes of an average; false for an input that is no batch of images.</summary>
    internal static bool Result(ReadOnlySpan<long> input, Span<long> result)
    {
        if (input.Length != 4 || input.Contains(0))
            return false;
        (result[0], result[1], result[2], result[3]) = (input[0], input[1], 1, 1);
        return true;
    }

    /// <summary>The kernel for images of these sizes.</summary>
    internal static PrimitiveKernel Kernel(DnnlHandle source, DnnlHandle output, ReadOnlySpan<long> sizes)
    {
        var image = new ConvolutionGeometry([sizes[2], sizes[3]], [sizes[2], sizes[3]], [0, 0], [1, 1], 1);
        return new(source, output, Residual.None, FusedActivation.None,
            attributes => Dnnl.Pooling(source, output, Dnnl.PoolingKind.Average, image, [0, 0], attributes), null);
    }

    /// <summary>Whether a node that averages over all pixels keeps them as dimensions of one element; null for any other node.</summary>
    internal static bool? KeepsPixel(Node node, Func<Node, nn.Module> moduleOf) => node.target switch
    {
        ModuleTarget => moduleOf(node) is AdaptiveAvgPool2d { output_size: [1, 1] or [1] } ? true : null,
        FunctionTarget { Method.DeclaringType: var type } when type?.Assembly == TensorTypes.TorchSharp
            && node.target.name == "adaptive_avg_pool2d" && node.args is [NodeArgument, var size, ..] && IsOne(size) => true,
        _ when MatrixProduct.IsOperation(node, "mean")
            && node.args is [NodeArgument, ListArgument { Items: [Literal { Value: -2L or 2L }, Literal { Value: -1L or 3L }] },
                Literal { Value: bool keeps }, ..] => keeps,
        _ => null,
    };

    /// <summary>The size 1, or 1 × 1.</summary>
    private static bool IsOne(Argument size) => size switch
    {
        Literal { Value: 1L or 1 } => true,
        ListArgument { Items: var items } => items.All(IsOne),
        TupleArgument { Items: var items } => items.All(IsOne),
        _ => false,
    };

    /// <summary>A mean reads channels last in order.</summary>
    private protected override Tensor Plain(Tensor input) => input.mean([-2, -1], keepdim: true);
}

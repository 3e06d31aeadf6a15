using System.Collections.Immutable;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Inference;

/// <summary>The average over all pixels: N×C×H×W to N×C×1×1.</summary>
/// <param name="pixels">The dimensions, which for other tensors than images are others than the last two.</param>
internal sealed class GlobalAverage(PixelDimensions pixels) : KernelModule("GlobalAverage", FusedActivation.None)
{
    /// <inheritdoc/>
    internal override KernelModule? With(FusedActivation next, bool isResidual) => null;

    /// <inheritdoc/>
    private protected override KernelModule Copy() => new GlobalAverage(pixels);

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

    /// <inheritdoc/>
    private protected override Tensor Plain(Tensor input) => pixels.Mean(input);
}

/// <summary>The two dimensions that a node averages over.</summary>
/// <param name="Height">The first, from the front or the back.</param>
/// <param name="Width">The second.</param>
/// <param name="AreKept">Whether they stay, as dimensions of one element.</param>
internal readonly record struct PixelDimensions(long Height, long Width, bool AreKept)
{
    /// <summary>Those of images and batches of them.</summary>
    internal static PixelDimensions Last { get; } = new(-2, -1, AreKept: true);

    /// <summary>The average, which keeps them. A mean reads channels last in order.</summary>
    internal Tensor Mean(Tensor input) => input.mean([Height, Width], keepdim: true);

    /// <summary>What the node gives, by its average that keeps them.</summary>
    internal Node Of(Node average)
    {
        if (AreKept)
            return average;
        // Without the second, the first is the last one from behind.
        var (height, width) = (Height < 0 ? -1 : Height, Width);
        using var here = average.graph.inserting_after(average);
        var squeezed = average.graph.inline((Func<Tensor, Tensor>)(pixel => pixel.squeeze(width).squeeze(height)), average);
        squeezed.StandsFor(average);
        return squeezed;
    }

    /// <summary>The dimensions that a node averages over; null where it does something else.</summary>
    internal static PixelDimensions? Of(Node node, Func<Node, nn.Module> moduleOf) => node.target switch
    {
        ModuleTarget => moduleOf(node) is AdaptiveAvgPool2d { output_size: [1, 1] or [1] } ? Last : null,
        FunctionTarget { Method.DeclaringType: var type } when type?.Assembly == TensorTypes.TorchSharp
            && node.target.name == "adaptive_avg_pool2d" && node.args is [NodeArgument, var size, ..] && IsOne(size) => Last,
        _ => MatrixProduct.IsOperation(node, "mean") ? OfMean(node.args) : null,
    };

    private static PixelDimensions? OfMean(ImmutableArray<Argument> args)
        => args is [NodeArgument, ListArgument { Items: [Literal { Value: long height }, Literal { Value: long width }] },
            Literal { Value: bool keeps }, .. var rest]
            && height is (-2 or 2) && width == height + 1 && rest.All(argument => argument is Literal { Value: null })
            ? new(height, width, keeps) : null;

    /// <summary>The size 1, or 1 × 1.</summary>
    private static bool IsOne(Argument size) => size switch
    {
        Literal { Value: 1L or 1 } => true,
        ListArgument { Items: var items } => items.All(IsOne),
        TupleArgument { Items: var items } => items.All(IsOne),
        _ => false,
    };
}

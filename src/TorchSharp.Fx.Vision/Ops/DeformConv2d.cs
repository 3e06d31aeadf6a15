using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using F = TorchSharp.torch.nn.functional;

namespace TorchSharp.Fx.Vision;

/// <summary>A convolution that moves each sample of its kernel by an offset. <c>torchvision.ops.DeformConv2d</c></summary>
/// <remarks>Input, offsets and mask, or null for none, as <see cref="ops.deform_conv2d"/> takes them.</remarks>
[FxLeaf]
public sealed class DeformConv2d : Module<Tensor, Tensor, Tensor?, Tensor>
{
    private readonly Parameter weight;
    private readonly Parameter? bias;
    private readonly (long, long) stride, padding, dilation;

    /// <summary>Initialises random weights.</summary>
    /// <param name="in_channels">Channels of the input.</param>
    /// <param name="out_channels">Channels of the output.</param>
    /// <param name="kernel_size">Height and width of the kernel.</param>
    /// <param name="stride">The convolution's; null is (1, 1).</param>
    /// <param name="padding">The convolution's; null is (0, 0).</param>
    /// <param name="dilation">The convolution's; null is (1, 1).</param>
    /// <param name="groups">The convolution's.</param>
    /// <param name="bias">Whether it has one.</param>
    /// <param name="device">The device of the weights; null for the default device.</param>
    /// <exception cref="ArgumentException">The groups don't divide the channels.</exception>
    public DeformConv2d(
        long in_channels, long out_channels, (long height, long width) kernel_size, (long, long)? stride = null,
        (long, long)? padding = null,
        (long, long)? dilation = null, long groups = 1, bool bias = true, Device? device = null) : base(nameof(DeformConv2d))
    {
        if (in_channels % groups != 0 || out_channels % groups != 0)
            throw new ArgumentException($"{groups} groups don't divide {in_channels} and {out_channels} channels evenly.", nameof(groups));
        (this.stride, this.padding, this.dilation) = (stride ?? (1, 1), padding ?? (0, 0), dilation ?? (1, 1));
        weight = Parameter(torch.empty(out_channels, in_channels / groups, kernel_size.height, kernel_size.width, device: device));
        this.bias = bias ? Parameter(torch.empty(out_channels, device: device)) : null;
        RegisterComponents();
        init.kaiming_uniform_(weight, Math.Sqrt(5));
        var bound = 1 / Math.Sqrt(in_channels / groups * kernel_size.height * kernel_size.width);
        if (this.bias is not null) init.uniform_(this.bias, -bound, bound);
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input, Tensor offset, Tensor? mask) =>
        ops.deform_conv2d(input, offset, weight, bias, stride, padding, dilation, mask);
}

public static partial class ops
{
    /// <summary>
    /// A convolution that moves each sample of its kernel by an offset: Dai et al., "Deformable Convolutional Networks" (2017); with a mask
    /// Zhu et al., "Deformable ConvNets v2" (2018). <c>torchvision.ops.deform_conv2d</c>
    /// </summary>
    /// <remarks>Gradients go to all of its tensors.</remarks>
    /// <param name="input">[N, in_channels, H, W].</param>
    /// <param name="offset">The offset of each kernel element, in pixels down and to the right: [N, 2 × offset groups × kernel height ×
    /// kernel width, out height, out width].</param>
    /// <param name="weight">[out_channels, in_channels / groups, kernel height, kernel width].</param>
    /// <param name="bias">[out_channels]; null is none.</param>
    /// <param name="stride">Rows and columns; null is (1, 1).</param>
    /// <param name="padding">Rows and columns; null is (0, 0).</param>
    /// <param name="dilation">Rows and columns; null is (1, 1).</param>
    /// <param name="mask">The factor of each kernel element: [N, offset groups × kernel height × kernel width, out height, out width]; null
    /// is 1.</param>
    /// <returns>[N, out_channels, out height, out width].</returns>
    /// <exception cref="ArgumentException">The shapes don't fit.</exception>
    public static Tensor deform_conv2d(
        Tensor input, Tensor offset, Tensor weight, Tensor? bias = null, (long, long)? stride = null, (long, long)? padding = null,
        (long, long)? dilation = null, Tensor? mask = null)
    {
        ArgumentNullException.ThrowIfNull(offset);
        ArgumentNullException.ThrowIfNull(weight);
        var channels = Regions.Channels(input);
        using var scope = NewDisposeScope();
        var (n, kernel) = (input.shape[0], (height: weight.shape[2], width: weight.shape[3]));
        var places = kernel.height * kernel.width;
        var rows = Window(input.shape[2], kernel.height, stride?.Item1, padding?.Item1, dilation?.Item1);
        var columns = Window(input.shape[3], kernel.width, stride?.Item2, padding?.Item2, dilation?.Item2);
        var offset_groups = offset.shape[1] / (2 * places);
        long[] at = [places, rows.Length / kernel.height, columns.Length / kernel.width];
        Require(offset, "offsets", [n, 2 * Math.Max(1, offset_groups) * places, at[1], at[2]]);
        if (mask is not null) Require(mask, "mask", [n, offset_groups * places, at[1], at[2]]);
        if (channels % weight.shape[1] != 0 || channels % offset_groups != 0 || weight.shape[0] % (channels / weight.shape[1]) != 0)
            throw new ArgumentException(
                $"Weights {Shape(weight)} and {offset_groups} groups of offsets don't divide {channels} channels evenly.", nameof(weight));

        // y and x of each place of the kernel at each pixel of the result: [N × offset groups, places, out height, out width].
        var moved = offset.reshape([n * offset_groups, places, 2, at[1], at[2]]);
        var y = moved.select(2, 0) + torch.tensor(rows, dtype: input.dtype, device: input.device).view(kernel.height, 1, -1, 1)
            .expand(kernel.height, kernel.width, at[1], 1).reshape(places, at[1], 1);
        var x = moved.select(2, 1) + torch.tensor(columns, dtype: input.dtype, device: input.device).view(1, kernel.width, 1, -1)
            .expand(kernel.height, kernel.width, 1, at[2]).reshape(places, 1, at[2]);
        var sampled = SampledAt(input.reshape(n * offset_groups, channels / offset_groups, input.shape[2], input.shape[3]), y, x);
        if (mask is not null) sampled = sampled * mask.reshape([n * offset_groups, 1, .. at]);

        var groups = channels / weight.shape[1];
        var patches = sampled.reshape(n, groups, weight.shape[1] * places, at[1] * at[2]);
        var kernels = weight.reshape(1, groups, weight.shape[0] / groups, weight.shape[1] * places);
        var result = kernels.matmul(patches).reshape(n, weight.shape[0], at[1], at[2]);
        return (bias is null ? result : result + bias.view(-1, 1, 1)).MoveToOuterDisposeScope();
    }

    /// <summary>Of each place of the kernel in turn, which row it looks at for each row of the result.</summary>
    private static double[] Window(long size, long kernel, long? stride, long? padding, long? dilation)
    {
        var (step, edge, apart) = (stride ?? 1, padding ?? 0, dilation ?? 1);
        var count = Math.Max(0, (size + 2 * edge - apart * (kernel - 1) - 1) / step + 1);
        return [.. Enumerable.Range(0, (int)kernel)
            .SelectMany(place => Enumerable.Range(0, (int)count).Select(i => (double)(i * step - edge + place * apart)))];
    }

    /// <summary>Interpolated pixels, 0 outside of the image: [N, C, places, H, W].</summary>
    private static Tensor SampledAt(Tensor image, Tensor y, Tensor x)
    {
        var (height, width) = (image.shape[2], image.shape[3]);
        // F.grid_sample takes -1 to 1 from edge to edge, and a pixel's centre is half a pixel from its edge.
        var grid = torch.stack([(2 * x + 1) / width - 1, (2 * y + 1) / height - 1], -1).flatten(1, 2);
        var sampled =
            F.grid_sample(image, grid, mode: GridSampleMode.Bilinear, padding_mode: GridSamplePaddingMode.Zeros, align_corners: false);
        return sampled.unflatten(2, y.shape[1], y.shape[2]);
    }

    private static void Require(Tensor tensor, string name, long[] shape)
    {
        if (!tensor.shape.SequenceEqual(shape))
            throw new ArgumentException(
                $"The {name} must be [{string.Join(", ", shape)}] for this input, kernel and stride, not {Shape(tensor)}.");
    }
}

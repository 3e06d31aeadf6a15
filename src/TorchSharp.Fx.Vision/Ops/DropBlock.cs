using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using F = TorchSharp.torch.nn.functional;

namespace TorchSharp.Fx.Vision;

/// <summary>
/// Drops squares of an image's features in training: Ghiasi et al., "DropBlock" (2018). <c>torchvision.ops.DropBlock2d</c>
/// </summary>
[FxLeaf(Draws = true, Writes = true)]
public sealed class DropBlock2d(double p, long block_size, bool inplace = false, double eps = 1e-6)
    : Module<Tensor, Tensor>(nameof(DropBlock2d))
{
    /// <inheritdoc/>
    public override Tensor forward(Tensor input) => ops.drop_block2d(input, p, block_size, inplace, eps, training);
}

/// <summary>Drops cubes of a video's features in training. <c>torchvision.ops.DropBlock3d</c></summary>
[FxLeaf(Draws = true, Writes = true)]
public sealed class DropBlock3d(double p, long block_size, bool inplace = false, double eps = 1e-6)
    : Module<Tensor, Tensor>(nameof(DropBlock3d))
{
    /// <inheritdoc/>
    public override Tensor forward(Tensor input) => ops.drop_block3d(input, p, block_size, inplace, eps, training);
}

public static partial class ops
{
    /// <summary>
    /// Sets randomly chosen squares to zero and scales the rest so that the sum stays. <c>torchvision.ops.drop_block2d</c>
    /// </summary>
    /// <param name="input">[N, C, H, W].</param>
    /// <param name="p">The probability of dropping an element.</param>
    /// <param name="block_size">The side of a square. It may be even, which fails in torchvision.</param>
    /// <param name="inplace">Whether the input is overwritten.</param>
    /// <param name="eps">Keeps the divisor from being zero where all is dropped.</param>
    /// <param name="training">Whether to drop; otherwise the input is returned as it is.</param>
    /// <exception cref="ArgumentException">The probability is not between 0 and 1, or the input has another number of
    /// dimensions.</exception>
    [FxLeaf(Draws = true)]
    public static Tensor drop_block2d(Tensor input, double p, long block_size, bool inplace = false, double eps = 1e-6,
        bool training = true) =>
        DropBlock(input, p, block_size, inplace, eps, training, dimensions: 2);

    /// <summary>Sets randomly chosen cubes to zero and scales the rest so that the sum stays. <c>torchvision.ops.drop_block3d</c></summary>
    /// <param name="input">[N, C, T, H, W].</param>
    /// <param name="p">The probability of dropping an element.</param>
    /// <param name="block_size">The side of a cube. It may be even, which fails in torchvision.</param>
    /// <param name="inplace">Whether the input is overwritten.</param>
    /// <param name="eps">Keeps the divisor from being zero where all is dropped.</param>
    /// <param name="training">Whether to drop; otherwise the input is returned as it is.</param>
    /// <exception cref="ArgumentException">The probability is not between 0 and 1, or the input has another number of
    /// dimensions.</exception>
    [FxLeaf(Draws = true)]
    public static Tensor drop_block3d(Tensor input, double p, long block_size, bool inplace = false, double eps = 1e-6,
        bool training = true) =>
        DropBlock(input, p, block_size, inplace, eps, training, dimensions: 3);

    private static Tensor DropBlock(Tensor input, double p, long block_size, bool inplace, double eps, bool training, int dimensions)
    {
        ArgumentNullException.ThrowIfNull(input);
        if (p is not (>= 0 and <= 1))
            throw new ArgumentOutOfRangeException(nameof(p), p, "The probability of dropping an element is between 0 and 1.");
        if (input.shape is not [_, _, .. var sizes] || sizes.Length != dimensions)
            throw new ArgumentException($"DropBlock takes samples, channels and {dimensions} dimensions, not {Shape(input)}.",
                nameof(input));
        if (!training || p == 0) return input;

        using var scope = NewDisposeScope();
        var block = Math.Min(block_size, sizes.Min());
        var corners = sizes.Select(size => size - block + 1).ToArray();
        var gamma = p * Product(sizes) / (Math.Pow(block, dimensions) * Product(corners));
        // A corner is drawn for each block; what a corner is less than a block away from is dropped.
        var drawn = torch.empty([.. input.shape[..2], .. corners], dtype: input.dtype, device: input.device).bernoulli_(Math.Min(gamma, 1));
        var around = F.pad(drawn, [.. Enumerable.Repeat(block - 1, 2 * dimensions)]);
        var dropped = dimensions == 2
            ? F.max_pool2d(around, [block, block], [1, 1]) : F.max_pool3d(around, [block, block, block], [1, 1, 1]);
        var kept = 1 - dropped;
        var factors = kept * (kept.numel() / (kept.sum() + eps));
        return inplace ? input.mul_(factors) : (input * factors).MoveToOuterDisposeScope();
    }

    private static double Product(long[] sizes) => sizes.Aggregate(1.0, (product, size) => product * size);
}

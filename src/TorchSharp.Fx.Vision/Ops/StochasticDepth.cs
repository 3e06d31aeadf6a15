using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Vision;

/// <summary>Drops whole samples of a residual branch in training: Huang et al., "Deep Networks with Stochastic Depth" (2016).</summary>
/// <remarks><c>torchvision.ops.StochasticDepth</c>; <see cref="ops.stochastic_depth"/> says what it computes.</remarks>
[FxLeaf(Draws = true)]
public sealed class StochasticDepth : Module<Tensor, Tensor>
{
    private readonly double p;
    private readonly string mode;

    /// <summary>Drops with probability <paramref name="p"/>, by "row" or by "batch".</summary>
    public StochasticDepth(double p, string mode) : base(nameof(StochasticDepth))
    {
        ops.CheckStochasticDepth(p, mode);
        (this.p, this.mode) = (p, mode);
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input) => ops.stochastic_depth(input, p, mode, training);
}

public static partial class ops
{
    /// <summary>
    /// Sets randomly chosen samples to zero and scales the others so that the expectation stays. <c>torchvision.ops.stochastic_depth</c>
    /// </summary>
    /// <param name="input">[N, …].</param>
    /// <param name="p">The probability of dropping a sample.</param>
    /// <param name="mode">"row" draws for every sample, "batch" once for all.</param>
    /// <param name="training">Whether to drop; otherwise the input is returned as it is.</param>
    /// <exception cref="ArgumentException">The probability is not between 0 and 1, or the mode is another.</exception>
    [FxLeaf(Draws = true)]
    public static Tensor stochastic_depth(Tensor input, double p, string mode, bool training = true)
    {
        ArgumentNullException.ThrowIfNull(input);
        CheckStochasticDepth(p, mode);
        if (!training || p == 0) return input;

        var survival_rate = 1 - p;
        long[] size = mode == "row" ? [input.shape[0]] : [1];
        var noise = torch.empty(size, dtype: input.dtype, device: input.device).bernoulli_(survival_rate);
        if (survival_rate > 0) noise.div_(survival_rate);
        // With the samples last, their factors broadcast whatever the rank is.
        return (input.transpose(0, -1) * noise).transpose(0, -1);
    }

    internal static void CheckStochasticDepth(double p, string mode)
    {
        if (p is not (>= 0 and <= 1))
            throw new ArgumentOutOfRangeException(nameof(p), p, "The probability of dropping a sample is between 0 and 1.");
        if (mode is not ("row" or "batch"))
            throw new ArgumentException($"Stochastic depth drops by \"row\" or by \"batch\"; there is no mode \"{mode}\".", nameof(mode));
    }
}

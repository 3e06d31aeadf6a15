using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace TorchSharp.Fx.Vision;

public static partial class ops
{
    /// <summary>
    /// Binary cross entropy that counts well-classified examples less: Lin et al., "Focal Loss for Dense Object Detection" (2017).
    /// <c>torchvision.ops.sigmoid_focal_loss</c>
    /// </summary>
    /// <param name="inputs">Logits of any shape.</param>
    /// <param name="targets">0 or 1 for each, in floating point.</param>
    /// <param name="alpha">The weight of positive examples, between 0 and 1; a negative value for no weighting.</param>
    /// <param name="gamma">The focusing exponent: larger values reduce the weight of easy examples.</param>
    /// <param name="reduction">"none", "mean" or "sum".</param>
    /// <exception cref="ArgumentException">The reduction doesn't exist.</exception>
    public static Tensor sigmoid_focal_loss(Tensor inputs, Tensor targets, double alpha = 0.25, double gamma = 2, string reduction = "none")
    {
        ArgumentNullException.ThrowIfNull(inputs);
        ArgumentNullException.ThrowIfNull(targets);
        using var scope = NewDisposeScope();
        var p = torch.sigmoid(inputs);
        var cross_entropy = F.binary_cross_entropy_with_logits(inputs, targets, reduction: nn.Reduction.None);
        var p_t = p * targets + (1 - p) * (1 - targets);
        var loss = cross_entropy * (1 - p_t).pow(gamma);
        if (alpha >= 0) loss = (alpha * targets + (1 - alpha) * (1 - targets)) * loss;
        return Reduced(loss, reduction).MoveToOuterDisposeScope();
    }
}

using static TorchSharp.torch;

namespace TorchSharp.Fx.Explain;

/// <summary>The part of a model's result that is explained: the score of one class for each image.</summary>
internal static class Scores
{
    /// <summary>The class of each image, [N]: the given one, or the one with the highest score.</summary>
    internal static Tensor Targets(Tensor output, long? target)
    {
        if (output.dim() == 0)
            throw new ArgumentException("The model returns a single number. A score for each image is needed: [N] or [N, classes].");
        var classes = output.dim() == 1 ? 1 : output.shape[1];
        if (target is < 0 || target >= classes)
            throw new ArgumentOutOfRangeException(nameof(target),
                $"There is no class {target}: the model returns [{string.Join(", ", output.shape)}], so the classes are 0 to {classes - 1}.");
        return target is { } given
            ? full(output.shape[0], given, dtype: ScalarType.Int64, device: output.device)
            : ByClass(output).argmax(1);
    }

    /// <summary>The scores of these classes, [N]; of a score at each pixel the sum.</summary>
    internal static Tensor Of(Tensor output, Tensor targets) => ByClass(output).gather(1, targets.unsqueeze(1)).squeeze(1);

    /// <summary>[N, classes]</summary>
    private static Tensor ByClass(Tensor output) => output.dim() switch
    {
        1 => output.unsqueeze(1),
        2 => output,
        _ => output.flatten(2).sum(2),
    };
}

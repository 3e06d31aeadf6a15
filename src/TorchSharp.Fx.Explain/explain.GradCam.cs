using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>
/// Explains a model's output by the values of its graph's nodes. Each call traces the model in its present mode (call <c>eval()</c> first);
/// a graph module is used as it is. Counterparts: <c>captum.attr</c> and <c>pytorch-grad-cam</c>.
/// </summary>
public static partial class explain
{
    /// <summary>
    /// Grad-CAM: where in a node's feature map the model sees a class. <c>ReLU(Σₖ αₖ Aᵏ)</c> with <c>αₖ = meanᵢⱼ ∂y/∂Aᵏᵢⱼ</c>. Selvaraju et
    /// al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization" (2017), arXiv:1610.02391.
    /// </summary>
    /// <param name="model">A model that takes one tensor and returns scores [N, classes], or maps of them, alone or as the first tensor of
    /// its result.</param>
    /// <param name="inputs">Images as the model takes them, [N, C, H, W].</param>
    /// <param name="node">A node or module whose value is a feature map; the last one of a network is the most useful
    /// (<c>layer4</c>).</param>
    /// <param name="target">The class; when null, the one with the highest score for each image.</param>
    /// <param name="reshape_transform">Converts the node's value to a map [N, C, h, w]. It is needed where the value is neither a map nor
    /// tokens of a square grid; see <see cref="feature_visualization.tokens_to_map"/>.</param>
    /// <returns>[N, h, w], 0 or more, in the node's resolution. <see cref="feature_visualization.show_cam_on_image"/> draws it over an
    /// image.</returns>
    /// <exception cref="ArgumentException">The node or class doesn't exist, the node's value is no map, or the score doesn't depend on
    /// it.</exception>
    public static Tensor grad_cam(nn.Module model, Tensor inputs, string node, long? target = null, Func<Tensor,
        Tensor>? reshape_transform = null)
        => Cam(model, inputs, node, target, reshape_transform,
            (map, gradient) => (gradient.mean(Places(map), keepdim: true) * map).sum(1).relu());

    /// <summary>
    /// Grad-CAM++: better than Grad-CAM where an image has several objects of a class. The weights are <c>wₖ = Σᵢⱼ αᵏᵢⱼ ReLU(gᵏᵢⱼ)</c> with
    /// <c>α = g² / (2g² + ΣA·g³)</c> and <c>g = ∂y/∂A</c>. Chattopadhay et al., "Grad-CAM++: Improved Visual Explanations for Deep
    /// Convolutional Networks" (2018), arXiv:1710.11063, equations 11 and 19.
    /// </summary>
    /// <inheritdoc cref="grad_cam"/>
    public static Tensor grad_cam_plus_plus(nn.Module model, Tensor inputs, string node, long? target = null, Func<Tensor,
        Tensor>? reshape_transform = null)
        => Cam(model, inputs, node, target, reshape_transform, (map, gradient) =>
        {
            var square = gradient * gradient;
            var below = 2 * square + map.sum(Places(map), keepdim: true) * square * gradient;
            var alpha = square / below.masked_fill(below.eq(0), 1);
            return ((alpha * gradient.relu()).sum(Places(map), keepdim: true) * map).sum(1).relu();
        });

    /// <summary>
    /// Layer-CAM: each position has its own weight, so that early layers give detailed maps. <c>ReLU(Σₖ ReLU(∂y/∂Aᵏ) ⊙ Aᵏ)</c>. Jiang et
    /// al., "LayerCAM: Exploring Hierarchical Class Activation Maps for Localization" (2021), IEEE TIP 30.
    /// </summary>
    /// <inheritdoc cref="grad_cam"/>
    public static Tensor layer_cam(nn.Module model, Tensor inputs, string node, long? target = null, Func<Tensor,
        Tensor>? reshape_transform = null)
        => Cam(model, inputs, node, target, reshape_transform, (map, gradient) => (gradient.relu() * map).sum(1).relu());

    private static Tensor Cam(nn.Module model, Tensor inputs, string node, long? target, Func<Tensor, Tensor>? reshape, Func<Tensor,
        Tensor, Tensor> combine)
    {
        ArgumentException.ThrowIfNullOrEmpty(node);
        using var scope = NewDisposeScope();
        using var explained = new ExplainedModel(model, inputs, node);
        using var _ = no_grad();
        var (output, value) = explained.Run(inputs);
        var targets = Scores.Targets(output, target);
        reshape ??= given => feature_visualization.AsMap(given, inputs, node);
        // A value that is no map is told before the gradient is computed.
        var map = reshape(value);
        var gradient = reshape(explained.Gradient(inputs, value, result => Scores.Of(result, targets)));
        return combine(map, gradient).MoveToOuterDisposeScope();
    }

    /// <summary>The dimensions of a map after the batch and the channels.</summary>
    private static long[] Places(Tensor map) => [.. Enumerable.Range(2, (int)map.dim() - 2).Select(dim => (long)dim)];
}

using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Vision;

/// <summary>A detector: it finds objects in images, with a box and a class for each.</summary>
/// <remarks>
/// Images [C, H, W] between 0 and 1, of any sizes, to the objects in each, best first: <c>boxes</c>, x1, y1, x2, y2 in pixels, float32 [L,
/// 4]; <c>labels</c>, int64 [L]; <c>scores</c> between 0 and 1 [L]; and the model's further outputs. In train mode call
/// <see cref="losses"/> instead.
/// </remarks>
public abstract class DetectionModel : Module<List<Tensor>, List<Dictionary<string, Tensor>>>
{
    private readonly GeneralizedRCNNTransform transform;
    private readonly Module<Tensor, Dictionary<string, Tensor>> backbone;

    private protected DetectionModel(string name, GeneralizedRCNNTransform transform, Module<Tensor, Dictionary<string, Tensor>> backbone)
        : base(name)
    {
        (this.transform, this.backbone) = (transform, backbone);
        // RegisterComponents would look at the fields of the derived class only.
        register_module(nameof(transform), transform);
        register_module(nameof(backbone), backbone);
    }

    /// <inheritdoc/>
    /// <exception cref="InvalidOperationException">The model is in training mode.</exception>
    public sealed override List<Dictionary<string, Tensor>> forward(List<Tensor> images)
    {
        ArgumentNullException.ThrowIfNull(images);
        if (training) throw new InvalidOperationException(
            $"{GetName()} is in training mode, where losses(images, targets) is called; for detections call eval() first.");
        using var scope = NewDisposeScope();
        var (batch, _) = transform.call(images, null);
        var detections = Detect(batch, backbone.call(batch.tensors));
        transform.postprocess(detections, batch.image_sizes, [.. images.Select(image => (image.shape[^2], image.shape[^1]))]);
        foreach (var tensor in detections.SelectMany(image => image.Values)) tensor.MoveToOuterDisposeScope();
        return detections;
    }

    /// <summary>The losses, whose sum training minimises: torchvision's <c>model(images, targets)</c> in training mode.</summary>
    /// <param name="images">[C, H, W] each, between 0 and 1, of any sizes.</param>
    /// <param name="targets">The objects in each image: <c>boxes</c>, x1, y1, x2, y2 in pixels [L, 4], and <c>labels</c>, int64 [L]; for
    /// masks <c>masks</c>, uint8 [L, H, W]; for key points <c>keypoints</c>, x, y and whether it is visible, float32 [L, K, 3].</param>
    /// <returns>Each loss, a scalar, by torchvision's name.</returns>
    /// <exception cref="ArgumentException">A target lacks something, or has a box without area.</exception>
    public Dictionary<string, Tensor> losses(List<Tensor> images, List<Dictionary<string, Tensor>> targets)
    {
        ArgumentNullException.ThrowIfNull(images);
        ArgumentNullException.ThrowIfNull(targets);
        if (images.Count != targets.Count)
            throw new ArgumentException($"There are {images.Count} images and {targets.Count} targets; each image has one.",
            nameof(targets));
        foreach (var (i, target) in targets.Index()) Check(target, i);
        using var scope = NewDisposeScope();
        var (batch, moved) = transform.call(images, targets);
        var losses = ComputeLoss(batch, backbone.call(batch.tensors), moved!);
        foreach (var loss in losses.Values) loss.MoveToOuterDisposeScope();
        return losses;
    }

    /// <summary>Brings images to another size from now on, by the shorter side.</summary>
    internal void Resize(int min_size) => transform.Resize(min_size);

    /// <summary>The targets of each image, on the scale of the batch.</summary>
    private protected abstract List<Dictionary<string, Tensor>> Detect(ImageList images, Dictionary<string, Tensor> features);

    /// <summary>The losses of targets on the scale of the batch.</summary>
    private protected abstract Dictionary<string, Tensor> ComputeLoss(ImageList images, Dictionary<string, Tensor> features,
        List<Dictionary<string, Tensor>> targets);

    /// <summary>The entries of targets besides boxes and labels.</summary>
    private protected virtual IEnumerable<string> TargetKeys => [];

    private void Check(Dictionary<string, Tensor> target, int image)
    {
        if (new[] { "boxes", "labels" }.Concat(TargetKeys).FirstOrDefault(key => !target.ContainsKey(key)) is { } missing)
            throw new ArgumentException($"The target of image {image} has no {missing}.", nameof(target));
        var boxes = target["boxes"];
        if (boxes.shape is not [_, 4] || !boxes.is_floating_point())
            throw new ArgumentException(
                $"A target's boxes are floating point [N, 4]; those of image {image} are {boxes.dtype} {ops.Shape(boxes)}.",
                nameof(target));
        if (target["labels"].dtype != ScalarType.Int64 || target["labels"].numel() != boxes.shape[0])
            throw new ArgumentException(
                $"A target has an int64 label for each box; image {image} has {boxes.shape[0]} boxes, and labels "
                + $"{target["labels"].dtype} {ops.Shape(target["labels"])}.", nameof(target));
        using var scope = NewDisposeScope();
        var flat = (boxes[.., 2..] <= boxes[.., ..2]).any(1).nonzero().squeeze(1);
        if (flat.numel() > 0)
            throw new ArgumentException(
                $"All bounding boxes should have positive height and width. Box {flat[0].item<long>()} of image {image} has not.",
                nameof(target));
    }
}

using static TorchSharp.torch;

namespace TorchSharp.Fx.Vision;

/// <summary>
/// Converts a decoded image to the input of a detector, which itself resizes and normalises.
/// <c>torchvision.transforms._presets.ObjectDetection</c>
/// </summary>
public sealed class ObjectDetection() : nn.Module<Tensor, Tensor>(nameof(ObjectDetection))
{
    /// <summary>Scales one image or a batch to [0, 1].</summary>
    /// <param name="img">uint8 or floating point [3, H, W] or [N, 3, H, W].</param>
    /// <returns>float32 of the same shape.</returns>
    public override Tensor forward(Tensor img) => transforms.convert_image_dtype(img);

    /// <summary>The settings, in one line.</summary>
    public override string ToString() => $"{nameof(ObjectDetection)}()";
}

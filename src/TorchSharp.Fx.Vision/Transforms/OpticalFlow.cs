using static TorchSharp.torch;

namespace TorchSharp.Fx.Vision;

/// <summary>Converts decoded images to the input of RAFT: scale to [-1, 1]. <c>torchvision.transforms._presets.OpticalFlow</c></summary>
public sealed class OpticalFlow() : nn.Module<Tensor, Tensor>(nameof(OpticalFlow))
{
    private static readonly double[] half = [0.5, 0.5, 0.5];

    /// <summary>Preprocesses one image or a batch of images.</summary>
    /// <param name="img">uint8 or floating point [3, H, W] or [N, 3, H, W].</param>
    /// <returns>float32 of the same shape.</returns>
    public override Tensor forward(Tensor img)
    {
        using var scope = NewDisposeScope();
        return transforms.normalize(transforms.convert_image_dtype(img), half, half).contiguous().MoveToOuterDisposeScope();
    }

    /// <summary>Preprocesses two images or batches.</summary>
    /// <param name="img1">The first, as the other <c>forward</c> takes it.</param>
    /// <param name="img2">The second.</param>
    public (Tensor img1, Tensor img2) forward(Tensor img1, Tensor img2) => (forward(img1), forward(img2));

    /// <summary>Its name: it has no settings.</summary>
    public override string ToString() => nameof(OpticalFlow);
}

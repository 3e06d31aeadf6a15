using static TorchSharp.torch;

namespace TorchSharp.Fx.Vision;

/// <summary>
/// Converts a decoded video to the input of a video model: resize, crop, scale to [0, 1], normalise, channels before frames.
/// <c>torchvision.transforms._presets.VideoClassification</c>
/// </summary>
public sealed class VideoClassification : nn.Module<Tensor, Tensor>
{
    private readonly IReadOnlyList<long> crop_size;
    private readonly IReadOnlyList<long> resize_size;
    private readonly IReadOnlyList<double> mean;
    private readonly IReadOnlyList<double> std;
    private readonly InterpolationMode interpolation;

    /// <summary>A transform with the given settings; the defaults are Kinetics-400's.</summary>
    /// <param name="crop_size">The result's height and width, in pixels; the same in all published weights.</param>
    /// <param name="resize_size">Height and width before cropping, or the shorter side alone.</param>
    /// <param name="mean">Three means, by channel.</param>
    /// <param name="std">Three deviations, by channel.</param>
    /// <param name="interpolation">Bilinear or Bicubic.</param>
    public VideoClassification(
        IReadOnlyList<long> crop_size, IReadOnlyList<long> resize_size, IReadOnlyList<double>? mean = null,
        IReadOnlyList<double>? std = null,
        InterpolationMode interpolation = InterpolationMode.Bilinear) : base(nameof(VideoClassification))
    {
        if (crop_size is not [var height, var width] || height != width)
            throw new ArgumentException("The crop is a square; give its height and width.", nameof(crop_size));
        if (resize_size is not ([_] or [_, _]))
            throw new ArgumentException("Give a height and a width to resize to, or the shorter side alone.", nameof(resize_size));
        this.crop_size = crop_size;
        this.resize_size = resize_size;
        this.mean = mean ?? [0.43216, 0.394666, 0.37645];
        this.std = std ?? [0.22803, 0.22145, 0.216989];
        this.interpolation = interpolation;
    }

    /// <summary>Preprocesses one video or a batch of videos of one size.</summary>
    /// <param name="vid">uint8 or floating point [T, 3, H, W] or [N, T, 3, H, W].</param>
    /// <returns>float32 [3, T, height, width], with the batch dimension if the input has one.</returns>
    public override Tensor forward(Tensor vid)
    {
        using var scope = NewDisposeScope();
        var single = vid.dim() == 4;
        if (single) vid = vid.unsqueeze(0);
        var (n, t) = (vid.shape[0], vid.shape[1]);
        vid = vid.flatten(0, 1);
        // As torchvision: videos are resized without antialiasing.
        vid = resize_size is [var height, var width]
            ? transforms.resize(vid, height, width, interpolation, antialias: false)
            : transforms.resize(vid, resize_size[0], interpolation, antialias: false);
        vid = transforms.center_crop(vid, crop_size[0]);
        vid = transforms.convert_image_dtype(vid);
        vid = transforms.normalize(vid, mean, std);
        vid = vid.unflatten(0, n, t).permute(0, 2, 1, 3, 4);
        return (single ? vid.squeeze(0) : vid).MoveToOuterDisposeScope();
    }
}

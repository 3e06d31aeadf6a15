using static TorchSharp.torch;

namespace TorchSharp.Fx.Vision;

/// <summary>Resizes with a filter as wide as the reduction: PyTorch's <c>interpolate(antialias=True)</c>.</summary>
/// <remarks>
/// libtorch's own kernel fuses multiplications and additions or not, by the processor it runs on, so that a few pixels of an
/// uint8 image round the other way. Multiplying and adding one tap after the other gives the same numbers everywhere: those of the kernel
/// without fusing. <see cref="PixelResizing"/> does the same to decoded images, faster.
/// </remarks>
internal static class Antialiasing
{
    /// <summary>[N, C, H, W] to [N, C, height, width], float32 or float64.</summary>
    public static Tensor Resize(Tensor image, long height, long width, InterpolationMode interpolation)
    {
        using var scope = NewDisposeScope();
        // The axis worked on comes first, so that a tap is a copy of whole rows.
        var columns = Resample(image.permute(3, 0, 1, 2), width, interpolation);
        var rows = Resample(columns.permute(3, 1, 2, 0), height, interpolation);
        return rows.permute(1, 2, 0, 3).contiguous().MoveToOuterDisposeScope();
    }

    private static Tensor Resample(Tensor x, long size, InterpolationMode interpolation)
    {
        using var scope = NewDisposeScope();
        x = x.contiguous();
        var from = (int)x.shape[0];
        var taps = AntialiasingTaps.Of(from, (int)size, interpolation);
        var pixels = Enumerable.Range(0, taps.Size).ToArray();
        var sum = Term(0);
        for (var tap = 1; tap < taps.Count; tap++)
        {
            using var term = Term(tap);
            sum.add_(term);
        }
        return sum.MoveToOuterDisposeScope();

        Tensor Term(int tap)
        {
            // Beyond the end any pixel will do: its weight is 0.
            using var index =
                torch.tensor(Array.ConvertAll(pixels, pixel => (long)Math.Min(taps.First(pixel) + tap, from - 1)), device: x.device);
            using var weight = torch.tensor(Array.ConvertAll(pixels, pixel => taps.Weights(pixel)[tap]), dtype: x.dtype, device: x.device)
                .view(-1, 1, 1, 1);
            return x.index_select(0, index).mul_(weight);
        }
    }
}

using static TorchSharp.torch;

namespace TorchSharp.Fx.Vision;

/// <summary>Resizes with a filter as wide as the reduction: PyTorch's <c>interpolate(antialias=True)</c>.</summary>
/// <remarks>
/// libtorch's own kernel fuses multiplications and additions or not, by the processor it runs on, so that a few pixels of an
/// uint8 image round the other way. Multiplying and adding one tap after the other gives the same numbers everywhere: those of the kernel without fusing.
/// </remarks>
internal static class Antialiasing
{
    private delegate float Filter(float x);

    /// <summary>[N, C, H, W] to [N, C, height, width], float32 or float64.</summary>
    public static Tensor Resize(Tensor image, long height, long width, InterpolationMode interpolation)
    {
        var (filter, radius) = interpolation switch
        {
            InterpolationMode.Bilinear => ((Filter)Triangle, 1f),
            InterpolationMode.Bicubic => (Cubic, 2f),
            _ => throw new ArgumentException($"Images are resized with Bilinear, Bicubic or Nearest, not {interpolation}.", nameof(interpolation)),
        };
        using var scope = NewDisposeScope();
        // The axis worked on comes first, so that a tap is a copy of whole rows.
        var columns = Resample(image.permute(3, 0, 1, 2), width, filter, radius);
        var rows = Resample(columns.permute(3, 1, 2, 0), height, filter, radius);
        return rows.permute(1, 2, 0, 3).contiguous().MoveToOuterDisposeScope();
    }

    private static Tensor Resample(Tensor x, long size, Filter filter, float radius)
    {
        using var scope = NewDisposeScope();
        x = x.contiguous();
        var (indices, weights) = Taps((int)x.shape[0], (int)size, filter, radius);
        var sum = Term(0);
        for (var tap = 1; tap < indices.Length; tap++)
        {
            using var term = Term(tap);
            sum.add_(term);
        }
        return sum.MoveToOuterDisposeScope();

        Tensor Term(int tap)
        {
            using var index = torch.tensor(indices[tap], device: x.device);
            using var weight = torch.tensor(weights[tap], dtype: x.dtype, device: x.device).view(-1, 1, 1, 1);
            return x.index_select(0, index).mul_(weight);
        }
    }

    // By tap, then by output pixel: which input pixel it takes and by how much. An output pixel with fewer taps takes the last pixel at weight 0.
    private static (long[][] indices, float[][] weights) Taps(int from, int to, Filter filter, float radius)
    {
        var scale = (float)from / to;
        var stretch = Math.Max(scale, 1f);
        var support = radius * stretch;
        var count = (int)MathF.Ceiling(support) * 2 + 1;
        var indices = Enumerable.Range(0, count).Select(_ => new long[to]).ToArray();
        var weights = Enumerable.Range(0, count).Select(_ => new float[to]).ToArray();
        for (var i = 0; i < to; i++)
        {
            var center = scale * (i + 0.5f);
            var first = Math.Max((int)(center - support + 0.5f), 0);
            var taps = Math.Min(Math.Min((int)(center + support + 0.5f), from) - first, count);
            var total = 0f;
            for (var tap = 0; tap < taps; tap++) total += weights[tap][i] = filter((tap + first - center + 0.5f) * (1f / stretch));
            for (var tap = 0; tap < count; tap++)
            {
                indices[tap][i] = Math.Min(first + tap, from - 1);
                weights[tap][i] /= total;
            }
        }
        return (indices, weights);
    }

    private static float Triangle(float x) => Math.Max(1f - Math.Abs(x), 0f);

    // Keys' cubic convolution with a = -0.5, as PIL has it; interpolate without antialiasing has -0.75.
    private static float Cubic(float x)
    {
        const float a = -0.5f;
        x = Math.Abs(x);
        if (x < 1f) return ((a + 2f) * x - (a + 3f)) * x * x + 1f;
        return x < 2f ? ((a * x - 5f * a) * x + 8f * a) * x - 4f * a : 0f;
    }
}

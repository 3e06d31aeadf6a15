using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Vision;

/// <summary>
/// The kernel of <see cref="ops.roi_align(Tensor, Tensor, ValueTuple{long, long}, double, long, bool)"/> where no gradient is asked for:
/// the same numbers in a fraction of the time.
/// </summary>
/// <remarks>A pixel's channels lie side by side, so that several are sampled at once; regions are shared among threads.</remarks>
internal static class RegionSampler
{
    /// <summary>Whether images [N, C, H, W] are such.</summary>
    public static bool Takes(Tensor images)
        => images.device_type == DeviceType.CPU && images.dtype is ScalarType.Float32 or ScalarType.Float64
        && !(images.requires_grad && torch.is_grad_enabled());

    /// <summary>Cuts regions out of images [N, C, H, W].</summary>
    /// <param name="images">In memory, of 32 or 64 bits.</param>
    /// <param name="regions">The image and the sides of each.</param>
    /// <param name="result">C, height and width of a result.</param>
    /// <param name="sampled">Which pixels count in the rows and columns of a region's cells.</param>
    /// <returns>[K, C, height, width].</returns>
    public static Tensor Align(
        Tensor images, (long image, Side y, Side x)[] regions, long[] result,
        Func<Side, Side, (SampleWeights rows, SampleWeights columns)> sampled)
    {
        var output = torch.empty([regions.Length, .. result], dtype: images.dtype, device: CPU);
        using var detached = images.detach();
        using var last = detached.permute(0, 2, 3, 1);
        using var pixels = last.contiguous();
        if (images.dtype == ScalarType.Float64) Align<double>(pixels, regions, output, sampled);
        else Align<float>(pixels, regions, output, sampled);
        return output;
    }

    private static unsafe void Align<T>(
        Tensor pixels, (long image, Side y, Side x)[] regions, Tensor output,
        Func<Side, Side, (SampleWeights rows, SampleWeights columns)> sampled)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        if (output.numel() == 0) return;
        var (channels, width) = ((int)pixels.shape[3], pixels.shape[2]);
        var (size, image) = (output.numel() / regions.Length, pixels.shape[1] * width * channels);
        fixed (byte* from = pixels.bytes, to = output.bytes)
        {
            var (source, target) = ((nint)from, (nint)to);
            Parallel.For(0, regions.Length, () => new T[size], (i, _, cells) =>
            {
                var (rows, columns) = sampled(regions[i].y, regions[i].x);
                Sample((T*)source + regions[i].image * image, width, channels, Taps<T>(rows, (int)output.shape[2]),
                    Taps<T>(columns, (int)output.shape[3]), cells);
                Transpose(cells, (T*)target + i * size, channels);
                return cells;
            }, _ => { });
        }
    }

    private static (long pixel, T weight)[][] Taps<T>(SampleWeights side, int cells) where T : IFloatingPointIeee754<T> =>
        [.. Enumerable.Range(0, cells)
            .Select(cell => side.Taps(cell).Select(tap => (tap.pixel, T.CreateTruncating(tap.weight))).ToArray())];

    // Cell by cell, channels side by side.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static unsafe void Sample<T>(T* image, long width, int channels, (long pixel, T weight)[][] rows,
        (long pixel, T weight)[][] columns, Span<T> cells)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        cells.Clear();
        for (var y = 0; y < rows.Length; y++)
            for (var x = 0; x < columns.Length; x++)
            {
                var cell = cells.Slice((y * columns.Length + x) * channels, channels);
                foreach (var (row, share) in rows[y])
                    foreach (var (column, weight) in columns[x])
                        Add(cell, new((image + (row * width + column) * channels), channels), share * weight);
            }
    }

    private static void Add<T>(Span<T> sum, ReadOnlySpan<T> pixel, T weight) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var sums = MemoryMarshal.Cast<T, Vector<T>>(sum);
        var pixels = MemoryMarshal.Cast<T, Vector<T>>(pixel);
        var weights = new Vector<T>(weight);
        for (var i = 0; i < sums.Length; i++) sums[i] += pixels[i] * weights;
        for (var i = sums.Length * Vector<T>.Count; i < sum.Length; i++) sum[i] += pixel[i] * weight;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static unsafe void Transpose<T>(ReadOnlySpan<T> cells, T* to, int channels) where T : unmanaged
    {
        var count = cells.Length / channels;
        for (var cell = 0; cell < count; cell++)
            for (var channel = 0; channel < channels; channel++)
                to[channel * count + cell] = cells[cell * channels + channel];
    }
}

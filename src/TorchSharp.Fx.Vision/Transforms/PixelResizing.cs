using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Vision;

/// <summary>
/// The filter of <see cref="Antialiasing"/>, for images as they are decoded: three channels of bytes in memory. The same numbers in a
/// fraction of the time.
/// </summary>
/// <remarks>
/// A row of the result is made of few rows of the image. These wait in a ring, in their new width, so that what is worked on stays in the
/// cache. A pixel's channels lie side by side, and are computed at once. What loops over pixels is compiled well at its first call:
/// unoptimised code would take longer for one image than compiling does.
/// </remarks>
internal sealed class PixelResizing
{
    private readonly AntialiasingTaps rows;
    private readonly AntialiasingTaps columns;
    private readonly (int Height, int Width) size;

    // The image's row that is read, and the result's row that is computed.
    private readonly Vector128<float>[] row;
    private readonly Vector128<float>[] sum;
    private readonly Vector128<float>[] ring;

    private PixelResizing((int Height, int Width) from, (int Height, int Width) to, (Range Rows, Range Columns) window,
        InterpolationMode interpolation)
    {
        size = from;
        rows = AntialiasingTaps.Of(from.Height, to.Height, interpolation).Of(window.Rows);
        columns = AntialiasingTaps.Of(from.Width, to.Width, interpolation).Of(window.Columns);
        // What lies beyond the end has weight 0.
        row = new Vector128<float>[from.Width + columns.Count];
        // Rounded up to what any processor's vectors divide.
        sum = new Vector128<float>[(columns.Size + 3) / 4 * 4];
        ring = new Vector128<float>[rows.Count * sum.Length];
    }

    /// <summary>Whether images [N, C, H, W] are such.</summary>
    public static bool Takes(Tensor images, long width)
        => images.dtype == ScalarType.Byte && images.device_type == DeviceType.CPU && images.shape[1] == 3
            && Math.Min(images.shape[3], width) >= FourPixels.Count;

    /// <summary>uint8 [N, 3, H, W] to uint8 [N, 3, height, width].</summary>
    public static Tensor Resize(Tensor images, long height, long width, InterpolationMode interpolation)
        => Resize(images, height, width, (..(int)height, ..(int)width), interpolation);

    /// <summary>The same, and of the result only a window's pixels: the others are not computed.</summary>
    public static Tensor Resize(Tensor images, long height, long width, (Range Rows, Range Columns) window, InterpolationMode interpolation)
    {
        using var source = images.contiguous();
        var resizing = new PixelResizing(((int)images.shape[2], (int)images.shape[3]), ((int)height, (int)width), window, interpolation);
        var result = torch.empty([images.shape[0], 3, resizing.rows.Size, resizing.columns.Size], dtype: ScalarType.Byte, device: CPU);
        for (var i = 0; i < images.shape[0]; i++)
        {
            using var from = source[i];
            using var to = result[i];
            resizing.Resize(from.bytes, to.bytes);
        }
        return result;
    }

    private void Resize(ReadOnlySpan<byte> image, Span<byte> result)
    {
        var next = rows.First(0);
        for (var y = 0; y < rows.Size; y++)
        {
            var first = rows.First(y);
            var end = Math.Min(first + rows.Count, size.Height);
            for (; next < end; next++)
            {
                Load(image, next * size.Width);
                Resample(Waiting(next));
            }
            Combine(first, rows.Weights(y)[..(end - first)]);
            Store(result, y * columns.Size);
        }
    }

    private Span<Vector128<float>> Waiting(int y) => ring.AsSpan(y % rows.Count * sum.Length, sum.Length);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Load(ReadOnlySpan<byte> image, int at)
    {
        var end = Math.Min(columns.First(columns.Size - 1) + columns.Count, size.Width);
        for (var x = columns.First(0); x < end; x += FourPixels.Count)
        {
            // The last four may overlap those before.
            var start = Math.Min(x, size.Width - FourPixels.Count);
            var pixels = FourPixels.Load(image, at + start);
            var (low, high) = (Vector128.WidenLower(pixels), Vector128.WidenUpper(pixels));
            row[start] = Number(Vector128.WidenLower(low));
            row[start + 1] = Number(Vector128.WidenUpper(low));
            row[start + 2] = Number(Vector128.WidenLower(high));
            row[start + 3] = Number(Vector128.WidenUpper(high));
        }
    }

    private static Vector128<float> Number(Vector128<uint> level) => Vector128.ConvertToSingle(level.AsInt32());

    /// <summary>The row in its new width.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Resample(Span<Vector128<float>> to)
    {
        for (var x = 0; x < columns.Size; x++)
        {
            var weights = columns.Weights(x);
            var pixels = row.AsSpan(columns.First(x), weights.Length);
            var total = pixels[0] * weights[0];
            for (var tap = 1; tap < weights.Length; tap++)
                total += pixels[tap] * weights[tap];
            to[x] = total;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Combine(int first, ReadOnlySpan<float> weights)
    {
        Array.Clear(sum);
        var total = MemoryMarshal.Cast<Vector128<float>, Vector<float>>(sum.AsSpan());
        for (var tap = 0; tap < weights.Length; tap++)
        {
            var waiting = MemoryMarshal.Cast<Vector128<float>, Vector<float>>(Waiting(first + tap));
            for (var i = 0; i < total.Length; i++)
                total[i] += waiting[i] * weights[tap];
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Store(Span<byte> image, int at)
    {
        for (var x = 0; x < columns.Size; x += FourPixels.Count)
        {
            var start = Math.Min(x, columns.Size - FourPixels.Count);
            var low = Vector128.Narrow(Level(sum[start]), Level(sum[start + 1]));
            var high = Vector128.Narrow(Level(sum[start + 2]), Level(sum[start + 3]));
            FourPixels.Store(Vector128.Narrow(low, high).AsByte(), image, at + start);
        }
    }

    // Halves go to even, as torch rounds; a cubic filter overshoots.
    private static Vector128<int> Level(Vector128<float> value)
        => Vector128.ConvertToInt32(Vector128.Round(Vector128.Clamp(value, Vector128<float>.Zero, Vector128.Create(255f))));
}

using System.Runtime.InteropServices;
using SkiaSharp;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Vision;

public static partial class io
{
    /// <summary>Encodes an image as PNG. <c>torchvision.io.encode_png</c></summary>
    /// <param name="input">uint8 [3, H, W] or, grey, [1, H, W].</param>
    /// <exception cref="ArgumentException">The image has another shape or type.</exception>
    public static byte[] encode_png(Tensor input)
    {
        ArgumentNullException.ThrowIfNull(input);
        if (input.dtype != ScalarType.Byte || input.dim() != 3 || input.shape[0] is not (1 or 3) || input.NumberOfElements == 0)
            throw new ArgumentException(
                $"An image to encode is uint8 [3, H, W] or [1, H, W], not {input.dtype} [{string.Join(", ", input.shape)}].",
                nameof(input));
        using var scope = NewDisposeScope();
        var (height, width) = ((int)input.shape[1], (int)input.shape[2]);
        var opaque = full([1, height, width], 255, dtype: ScalarType.Byte);
        var pixels = cat([input.cpu().expand(3, height, width), opaque]).permute(1, 2, 0).contiguous().bytes.ToArray();
        var pinned = GCHandle.Alloc(pixels, GCHandleType.Pinned);
        try
        {
            using var pixmap = new SKPixmap(new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Opaque),
                pinned.AddrOfPinnedObject());
            using var data = pixmap.Encode(SKPngEncoderOptions.Default)
                ?? throw new InvalidOperationException($"The image of {width} × {height} pixels could not be encoded.");
            return data.ToArray();
        }
        finally
        {
            pinned.Free();
        }
    }

    /// <summary>Writes an image to a PNG file, whole or not at all. <c>torchvision.io.write_png</c></summary>
    /// <param name="input">uint8 [3, H, W] or, grey, [1, H, W].</param>
    /// <param name="filename">The file; an existing one is replaced.</param>
    /// <exception cref="ArgumentException">The image has another shape or type.</exception>
    /// <exception cref="IOException">The file can't be written.</exception>
    public static void write_png(Tensor input, string filename)
    {
        ArgumentException.ThrowIfNullOrEmpty(filename);
        var bytes = encode_png(input);
        AtomicFile.Write(filename, stream => stream.Write(bytes));
    }
}

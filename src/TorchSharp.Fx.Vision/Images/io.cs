using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using SkiaSharp;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Vision;

/// <summary>Decodes images, JPEG, PNG, WebP, BMP and the first frame of a GIF, and writes PNG.</summary>
/// <remarks>
/// <c>torchvision.io</c>, always with <c>mode=RGB</c>: the same as PIL's <c>Image.open(path).convert("RGB")</c>. Grey and palette images
/// become RGB; alpha is dropped, not blended; embedded colour profiles and the EXIF orientation are not applied, because PIL and
/// torchvision don't apply them by default. Where a GIF's first frame is transparent it is black here, the palette's colour in PIL.
/// </remarks>
public static partial class io
{
    /// <summary>The largest image that is decoded, in pixels. It is PIL's limit for probable decompression bombs.</summary>
    public const long max_pixels = 178_956_970;

    /// <summary>Decodes a file. <c>torchvision.io.read_image</c></summary>
    /// <returns>uint8 [3, H, W].</returns>
    /// <exception cref="ImageDecodeException">The file is empty, truncated, corrupt, too large or no image.</exception>
    /// <exception cref="IOException">The file can't be read.</exception>
    public static Tensor read_image(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        return Decode(File.ReadAllBytes(path), path);
    }

    /// <summary>Decodes a buffer. <c>torchvision.io.decode_image</c></summary>
    /// <returns>uint8 [3, H, W].</returns>
    /// <exception cref="ImageDecodeException">The file is empty, truncated, corrupt, too large or no image.</exception>
    public static Tensor decode_image(ReadOnlySpan<byte> input) => Decode(input, "The buffer");

    /// <summary>Decodes a buffer that a message calls by a name.</summary>
    internal static Tensor Decode(ReadOnlySpan<byte> bytes, string source, long limit = max_pixels)
    {
        if (bytes.IsEmpty) throw new ImageDecodeException($"{source} is empty.");
        using var data = SKData.CreateCopy(bytes);
        using var codec = SKCodec.Create(data)
            ?? throw new ImageDecodeException(
                $"{source} is not an image of a known format (JPEG, PNG, WebP, BMP, GIF), or its header is damaged.");
        var (width, height) = (codec.Info.Width, codec.Info.Height);
        if ((long)width * height > limit)
            throw new ImageDecodeException(
                FormattableString.Invariant($"{source} claims {width} × {height} pixels, more than the {limit} that are decoded."));
        return PixelsOf(codec, source);
    }

    private static Tensor PixelsOf(SKCodec codec, string source)
    {
        // Unpremultiplied and without a colour space: the file's own numbers.
        var info = new SKImageInfo(codec.Info.Width, codec.Info.Height, SKColorType.Rgba8888, SKAlphaType.Unpremul);
        using var scope = NewDisposeScope();
        var rgba = torch.empty(info.Height, info.Width, 4, dtype: ScalarType.Byte, device: CPU);
        SKCodecResult result;
        unsafe
        {
            fixed (byte* pixels = rgba.bytes) result = codec.GetPixels(info, (nint)pixels);
        }
        if (result != SKCodecResult.Success)
            throw new ImageDecodeException(
                $"{source} is {(result == SKCodecResult.IncompleteInput ? "truncated" : $"damaged ({result})")}: its "
                    + $"{codec.EncodedFormat} data could not be decoded to the end.");
        return ByChannel(rgba).MoveToOuterDisposeScope();
    }

    /// <summary>[H, W, 4] to [3, H, W].</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static Tensor ByChannel(Tensor rgba)
    {
        var (height, width) = (rgba.shape[0], rgba.shape[1]);
        if (height * width < FourPixels.Count)
            return rgba[TensorIndex.Ellipsis, ..3].permute(2, 0, 1).contiguous();
        var result = torch.empty(3, height, width, dtype: ScalarType.Byte, device: CPU);
        var from = rgba.bytes;
        var to = result.bytes;
        var last = to.Length / 3 - FourPixels.Count;
        for (var i = 0; i <= last; i += FourPixels.Count)
            FourPixels.Store(Vector128.Create<byte>(from.Slice(4 * i, 16)), to, i);
        // The last four may overlap those before.
        FourPixels.Store(Vector128.Create<byte>(from.Slice(4 * last, 16)), to, last);
        return result;
    }
}

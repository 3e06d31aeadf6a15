using SkiaSharp;
using TorchSharp.Fx.Testing;
using Xunit;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Vision.Tests;

/// <summary>What comes out of image files, and what is said of files that are none.</summary>
public sealed class ImageDecodingTests : IDisposable
{
    private readonly DisposeScope scope = NewDisposeScope();
    private readonly string file = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}.image");

    public void Dispose()
    {
        scope.Dispose();
        File.Delete(file);
    }

    [Theory]
    [InlineData("chelsea.png", 300, 451)]
    [InlineData("rocket.jpg", 427, 640)]
    public void File_becomes_bytes_by_channel_row_and_column(string name, long height, long width)
    {
        var image = io.read_image(Golden.PathOf("images", name));
        Assert.Equal(([3, height, width], ScalarType.Byte), (image.shape, image.dtype), (a, b) => a.Item1.SequenceEqual(b.Item1) && a.Item2 == b.Item2);
        Assert.True(image.is_contiguous());
    }

    [Fact]
    public void Alpha_is_dropped_and_the_colour_under_it_stays()
    {
        using var bitmap = new SKBitmap(new SKImageInfo(1, 1, SKColorType.Rgba8888, SKAlphaType.Unpremul));
        bitmap.SetPixel(0, 0, new SKColor(200, 100, 50, 3));
        using var png = bitmap.Encode(SKEncodedImageFormat.Png, 100);
        Assert.Equal([200, 100, 50], io.decode_image(png.AsSpan()).data<byte>().ToArray());
    }

    [Theory]
    [InlineData(3, 1)]
    [InlineData(2, 2)]
    [InlineData(3, 5)]
    public void Every_pixel_goes_to_its_place(int width, int height)
    {
        using var bitmap = new SKBitmap(new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Unpremul));
        for (var i = 0; i < width * height; i++)
            bitmap.SetPixel(i % width, i / width, new SKColor((byte)i, (byte)(100 + i), (byte)(200 + i), 3));
        using var png = bitmap.Encode(SKEncodedImageFormat.Png, 100);
        Assert.Equal(Enumerable.Range(0, 3).SelectMany(channel => Enumerable.Range(100 * channel, width * height)), io.decode_image(png.AsSpan()).data<byte>().ToArray().Select(level => (int)level));
    }

    [Fact]
    public void Grey_becomes_three_equal_channels()
    {
        using var bitmap = new SKBitmap(new SKImageInfo(1, 1, SKColorType.Gray8));
        bitmap.SetPixel(0, 0, new SKColor(77, 77, 77));
        using var png = bitmap.Encode(SKEncodedImageFormat.Png, 100);
        Assert.Equal([77, 77, 77], io.decode_image(png.AsSpan()).data<byte>().ToArray());
    }

    [Fact]
    public void Exif_orientation_is_not_applied()
    {
        // After the start marker, an APP1 segment whose only tag says: turn right to view.
        var jpeg = File.ReadAllBytes(Golden.PathOf("images", "rocket.jpg"));
        var exif = Convert.FromHexString("FFE10022" + "457869660000" + "49492A0008000000" + "0100" + "120103000100000006000000" + "00000000");
        byte[] turned = [.. jpeg[..2], .. exif, .. jpeg[2..]];
        using var data = SKData.CreateCopy(turned);
        using var codec = SKCodec.Create(data)!;
        Assert.Equal(SKEncodedOrigin.RightTop, codec.EncodedOrigin);
        Assert.True(io.decode_image(turned).Equals(io.decode_image(jpeg)));
    }

    // One pixel each, palette (10, 20, 30) where there is one; written by hand from the formats' specifications.
    [Theory]
    [InlineData("GIF", "47494638396101000100800000" + "0A141E000000" + "2C00000000010001000002024401003B")]
    [InlineData("BMP", "424D3A000000000000003600000028000000" + "0100000001000000010018000000000004000000" + "00000000000000000000000000000000" + "1E140A00")]
    public void Other_formats_are_read(string format, string hex)
    {
        Assert.NotEmpty(format);
        Assert.Equal([10, 20, 30], io.decode_image(Convert.FromHexString(hex)).data<byte>().ToArray());
    }

    [Fact]
    public void Lossless_webp_is_read()
    {
        using var bitmap = new SKBitmap(new SKImageInfo(1, 1, SKColorType.Rgba8888, SKAlphaType.Opaque));
        bitmap.SetPixel(0, 0, new SKColor(10, 20, 30));
        using var pixmap = bitmap.PeekPixels()!;
        using var webp = pixmap.Encode(new SKWebpEncoderOptions(SKWebpEncoderCompression.Lossless, 100))!;
        Assert.Equal([10, 20, 30], io.decode_image(webp.AsSpan()).data<byte>().ToArray());
    }

    [Fact]
    public void Empty_file_is_refused() => AssertRefused([], "is empty.");

    [Fact]
    public void Text_is_refused() => AssertRefused("no image"u8, "is not an image of a known format (JPEG, PNG, WebP, BMP, GIF), or its header is damaged.");

    [Theory]
    [InlineData("rocket.jpg", "Jpeg")]
    [InlineData("coffee.png", "Png")]
    public void Truncated_file_is_refused(string name, string format)
    {
        var bytes = File.ReadAllBytes(Golden.PathOf("images", name));
        AssertRefused(bytes.AsSpan(0, bytes.Length / 2), $"is truncated: its {format} data could not be decoded to the end.");
    }

    [Fact]
    public void Damaged_pixels_are_refused()
    {
        var bytes = File.ReadAllBytes(Golden.PathOf("images", "coffee.png"));
        bytes.AsSpan(bytes.Length / 2, 64).Clear();
        var error = Assert.Throws<ImageDecodeException>(() => io.decode_image(bytes));
        Assert.StartsWith("The buffer is ", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Gigantic_claim_is_refused_before_anything_is_allocated()
    {
        // A PNG's header, valid to its checksum, of 60000 by 60000 pixels and nothing after it.
        var header = Convert.FromHexString("89504E470D0A1A0A" + "0000000D" + "494844520000EA600000EA600802000000");
        var checksum = BitConverter.GetBytes(Crc32(header.AsSpan(12)));
        AssertRefused([.. header, .. checksum.Reverse(), .. Convert.FromHexString("0000000A49444154")], "claims 60000 × 60000 pixels, more than the 178956970 that are decoded.");
    }

    [Fact]
    public void Missing_file_is_the_systems_own_error() => Assert.Throws<FileNotFoundException>(() => io.read_image(file));

    private void AssertRefused(ReadOnlySpan<byte> bytes, string sentence)
    {
        File.WriteAllBytes(file, bytes);
        Assert.Equal($"{file} {sentence}", Assert.Throws<ImageDecodeException>(() => io.read_image(file)).Message);
    }

    private static uint Crc32(ReadOnlySpan<byte> bytes)
    {
        var crc = uint.MaxValue;
        foreach (var b in bytes)
        {
            crc ^= b;
            for (var bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ ((crc & 1) * 0xEDB88320);
        }
        return ~crc;
    }
}

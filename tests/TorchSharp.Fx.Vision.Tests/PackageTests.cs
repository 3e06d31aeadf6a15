namespace TorchSharp.Fx.Vision.Tests;

public sealed class PackageTests
{
    [Fact]
    public void Skia_encodes_on_this_system()
    {
        using var bitmap = new SkiaSharp.SKBitmap(2, 2);
        using var png = bitmap.Encode(SkiaSharp.SKEncodedImageFormat.Png, 100);
        Assert.Equal([0x89, (byte)'P', (byte)'N', (byte)'G'], png.AsSpan()[..4].ToArray());
    }
}

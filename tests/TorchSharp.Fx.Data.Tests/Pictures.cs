using SkiaSharp;

namespace TorchSharp.Fx.Data.Tests;

/// <summary>Small pictures with content of their own.</summary>
internal static class Pictures
{
    internal static byte[] Encoded(int seed, SKEncodedImageFormat format = SKEncodedImageFormat.Png, int width = 20, int height = 12)
    {
        using var bitmap = new SKBitmap(width, height, SKColorType.Rgba8888, SKAlphaType.Opaque);
        var random = new Random(seed);
        var pixels = bitmap.GetPixelSpan();
        random.NextBytes(pixels);
        for (var i = 3; i < pixels.Length; i += 4)
            pixels[i] = 255;
        using var data = bitmap.Encode(format, 90);
        return data.ToArray();
    }

    /// <summary>Writes one, with its folder.</summary>
    internal static void Write(string path, int seed)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllBytes(path, Encoded(seed, Path.GetExtension(path) == ".png" ? SKEncodedImageFormat.Png : SKEncodedImageFormat.Jpeg));
    }
}

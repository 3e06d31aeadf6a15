using TorchSharp.Fx.Testing;
using TorchSharp.Fx.Vision;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Vision.Tests;

public sealed class PngTests
{
    [Fact]
    public void What_is_written_is_read_again()
    {
        using var image = io.read_image(Golden.PathOf("images", "coffee.png"));
        var file = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}.png");
        io.write_png(image, file);
        using var again = io.read_image(file);
        File.Delete(file);
        Assert.True(again.eq(image).all().item<bool>());
        // A view, and a grey one.
        using var part = image[..1, 10..20, 5..8];
        using var grey = io.decode_image(io.encode_png(part));
        Assert.True(grey.eq(part.expand(3, 10, 3)).all().item<bool>());
    }

    [Fact]
    public void What_is_no_image_is_refused()
        => Assert.Equal("An image to encode is uint8 [3, H, W] or [1, H, W], not Float32 [3, 2, 2]. (Parameter 'input')",
            Assert.Throws<ArgumentException>(() => io.encode_png(rand(3, 2, 2))).Message);
}

using TorchSharp.Fx.Vision;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Explorers;

/// <summary>An image as a model is given it, and a picture of just that part of it.</summary>
/// <param name="Input">[1, C, H, W]</param>
/// <param name="Picture">uint8 [3, H, W]</param>
internal sealed record SeenImage(Tensor Input, Tensor Picture)
{
    /// <summary>Reads and prepares an image.</summary>
    internal static SeenImage Read(string path, nn.Module<Tensor, Tensor> prepare)
    {
        using var image = io.read_image(path);
        return Of(image, prepare);
    }

    /// <summary>Prepares a decoded image, uint8 [3, H, W].</summary>
    internal static SeenImage Of(Tensor image, nn.Module<Tensor, Tensor> prepare)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var input = prepare.call(image);
        return new(input.unsqueeze(0).MoveToOuterDisposeScope(), PictureOf(input, image, prepare).MoveToOuterDisposeScope());
    }

    /// <summary>
    /// Any change of the colours (scaled, shifted, red and blue exchanged) is linear, and what black, red, green and blue become
    /// tells how to take it back; what was cut off or made smaller stays so.
    /// </summary>
    private static Tensor PictureOf(Tensor input, Tensor image, nn.Module<Tensor, Tensor> prepare)
    {
        var black = prepare.call(zeros_like(image));
        var colours = stack([.. Enumerable.Range(0, 3).Select(channel => (prepare.call(Only(channel)) - black).flatten(1).mean([1]))], 1);
        var rgb = linalg.pinv(colours).matmul((input - black).flatten(1)).reshape(3, input.shape[1], input.shape[2]);
        return (rgb * 255).round().clamp(0, 255).to(ScalarType.Byte);

        Tensor Only(int channel)
        {
            var full = zeros_like(image);
            full[channel] = 255;
            return full;
        }
    }
}

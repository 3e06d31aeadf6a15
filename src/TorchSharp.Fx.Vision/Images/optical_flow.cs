using static TorchSharp.torch;

namespace TorchSharp.Fx.Vision;

/// <summary>Pictures of optical flow.</summary>
public static class optical_flow
{
    // How many colours lie between red, yellow, green, cyan, blue, magenta and red again: Baker et al., "A Database and Evaluation
    // Methodology for Optical Flow" (2011).
    private static readonly (int Steps, int Rising, int Falling)[] hues =
        [(15, 1, -1), (6, -1, 0), (4, 2, -1), (11, -1, 1), (13, 0, -1), (6, -1, 2)];

    /// <summary>
    /// Draws a flow: the direction is the hue, the length the saturation, the longest of all in full.
    /// <c>torchvision.utils.flow_to_image</c>
    /// </summary>
    /// <param name="flow">float32 [2, H, W] or [N, 2, H, W]: pixels to the right and down.</param>
    /// <returns>uint8 [3, H, W] or [N, 3, H, W]; what doesn't move is white.</returns>
    /// <exception cref="ArgumentException">The flow has another shape or type.</exception>
    public static Tensor flow_to_image(Tensor flow)
    {
        ArgumentNullException.ThrowIfNull(flow);
        if (flow.dtype != ScalarType.Float32) throw new ArgumentException($"A flow is float32, not {flow.dtype}.", nameof(flow));
        if (flow.dim() is not (3 or 4) || flow.shape[^3] != 2)
            throw new ArgumentException($"A flow has the shape [2, H, W] or [N, 2, H, W], not [{string.Join(", ", flow.shape)}].",
                nameof(flow));
        using var scope = NewDisposeScope();
        var batched = flow.dim() == 3 ? flow.unsqueeze(0) : flow;
        var longest = batched.square().sum(1).sqrt().max();
        var image = Coloured(batched / (longest + Epsilon));
        return (flow.dim() == 3 ? image.squeeze(0) : image).MoveToOuterDisposeScope();
    }

    // torch.finfo(torch.float32).eps
    private const float Epsilon = 1.1920929e-7f;

    private static Tensor Coloured(Tensor flow)
    {
        var wheel = ColourWheel().to(flow.device);
        var count = wheel.shape[0];
        var length = flow.square().sum(1, keepdim: true).sqrt();
        var angle = torch.atan2(-flow.select(1, 1), -flow.select(1, 0)) / Math.PI;
        var place = (angle + 1) / 2 * (count - 1);
        var low = place.floor();
        var share = (place - low).unsqueeze(1);
        var before = Colours(low.to(ScalarType.Int64));
        var after = Colours((low.to(ScalarType.Int64) + 1).remainder(count));
        var colour = (1 - share) * before + share * after;
        return (255 * (1 - length * (1 - colour))).floor().to(ScalarType.Byte);

        // [N, 3, H, W], from 0 to 1.
        Tensor Colours(Tensor indices) => wheel[indices].permute(0, 3, 1, 2) / 255.0;
    }

    /// <summary>The 55 colours, red, green and blue each from 0 to 255: [55, 3].</summary>
    private static Tensor ColourWheel()
    {
        var colours = new List<float>();
        float[] colour = [255, 0, 0];
        foreach (var (steps, rising, falling) in hues)
        {
            for (var step = 0; step < steps; step++)
            {
                var change = MathF.Floor(255f * step / steps);
                if (rising >= 0) colour[rising] = change;
                else colour[falling] = 255 - change;
                colours.AddRange(colour);
            }
            if (rising >= 0) colour[rising] = 255;
            else colour[falling] = 0;
        }
        return torch.tensor(colours.ToArray()).reshape(-1, 3);
    }
}

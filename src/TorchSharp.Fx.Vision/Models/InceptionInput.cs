using static TorchSharp.torch;

namespace TorchSharp.Fx.Vision;

/// <summary>The <c>transform_input</c> of both Inception networks.</summary>
internal static class InceptionInput
{
    // The published weights come from TensorFlow, whose images were scaled to [-1, 1] instead of normalised by channel.
    public static Tensor Transform(Tensor x)
    {
        var x_ch0 = torch.unsqueeze(x[TensorIndex.Colon, 0], 1) * (0.229 / 0.5) + (0.485 - 0.5) / 0.5;
        var x_ch1 = torch.unsqueeze(x[TensorIndex.Colon, 1], 1) * (0.224 / 0.5) + (0.456 - 0.5) / 0.5;
        var x_ch2 = torch.unsqueeze(x[TensorIndex.Colon, 2], 1) * (0.225 / 0.5) + (0.406 - 0.5) / 0.5;
        return torch.cat([x_ch0, x_ch1, x_ch2], 1);
    }
}

using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Vision;

/// <summary>Linear layers with an activation and dropout between them, and dropout after the last. <c>torchvision.ops.MLP</c></summary>
/// <remarks>[..., in_channels] to [..., the last of hidden_channels].</remarks>
[FxLeaf]
public class MLP : Sequential
{
    /// <summary>Initialises random weights.</summary>
    /// <param name="in_channels">The size of the input's last dimension.</param>
    /// <param name="hidden_channels">The output size of each linear layer.</param>
    /// <param name="norm_layer">Builds the norm after each linear layer but the last; null is none.</param>
    /// <param name="activation_layer">Builds the activations; null is ReLU.</param>
    /// <param name="inplace">Whether the activations and dropout overwrite their input.</param>
    /// <param name="bias">Whether the linear layers have one.</param>
    /// <param name="dropout">The probability of dropping an element.</param>
    /// <param name="device">The device of the weights; null for the default device.</param>
    public MLP(
        long in_channels, IReadOnlyList<long> hidden_channels, NormLayer? norm_layer = null, ActivationLayer? activation_layer = null,
        bool inplace = false, bool bias = true, double dropout = 0, Device? device = null)
        : base(Layers(in_channels, hidden_channels, norm_layer, activation_layer ?? ReLU, inplace, bias, dropout, device))
    {
    }

    private static Module<Tensor, Tensor>[] Layers(
        long in_channels, IReadOnlyList<long> hidden_channels, NormLayer? norm_layer, ActivationLayer activation_layer, bool inplace,
        bool bias, double dropout, Device? device)
    {
        ArgumentNullException.ThrowIfNull(hidden_channels);
        var layers = new List<Module<Tensor, Tensor>>();
        foreach (var hidden in hidden_channels.SkipLast(1))
        {
            layers.Add(Linear(in_channels, hidden, bias, device));
            if (norm_layer is not null) layers.Add(norm_layer(hidden));
            layers.Add(activation_layer(inplace));
            layers.Add(Dropout(dropout, inplace));
            in_channels = hidden;
        }
        layers.Add(Linear(in_channels, hidden_channels[^1], bias, device));
        layers.Add(Dropout(dropout, inplace));
        return [.. layers];
    }
}

using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TestModels;

public enum Activation
{
    ReLU,
    Tanh,
}

public sealed record Stem(long Kernel, long Stride, Activation Activation = Activation.ReLU);

/// <summary>A small model whose constructor takes numbers, a list and a record.</summary>
public sealed class Encoder : Module<Tensor, Tensor>
{
    private readonly Activation activation;
    private readonly Conv2d stem;
    private readonly Sequential layers;

    public Encoder(IReadOnlyList<long> widths, Stem stem, double dropout = 0.5) : base(nameof(Encoder))
    {
        activation = stem.Activation;
        this.stem = Conv2d(3, widths[0], stem.Kernel, stem.Stride);
        layers = Sequential(Conv2d(widths[0], widths[1], 3), Dropout(dropout));
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        x = stem.call(x);
        x = activation == Activation.Tanh ? x.tanh() : x.relu();
        x = layers.call(x);
        return x.mean([2, 3]);
    }
}

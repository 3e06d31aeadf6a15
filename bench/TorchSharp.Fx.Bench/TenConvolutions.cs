using static TorchSharp.torch;

namespace TorchSharp.Fx.Bench;

/// <summary>
/// Ten convolutions of 16 channels, each with a ReLU, for inputs of 1×16×32×32: so small that what counts is how soon a kernel begins.
/// <c>torchfx bench path/to/TorchSharp.Fx.Bench.dll:TenConvolutions --input 1x16x32x32 --peers ort,graph,optimised</c>
/// </summary>
public sealed class TenConvolutions : nn.Module<Tensor, Tensor>
{
    private readonly nn.Module<Tensor, Tensor> layers;

    /// <summary>Random weights.</summary>
    public TenConvolutions() : base(nameof(TenConvolutions))
    {
        layers = nn.Sequential([.. Enumerable.Range(0, 10).SelectMany(_ => new nn.Module<Tensor, Tensor>[] { nn.Conv2d(16, 16, 3, padding: 1), nn.ReLU() })]);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor x) => layers.call(x);
}

using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Vision;

/// <summary>Reorders the dimensions. <c>torchvision.ops.Permute</c></summary>
[FxLeaf]
public sealed class Permute : Module<Tensor, Tensor>
{
    private readonly long[] dims;

    /// <summary>A permutation that takes output dimension i from input dimension <c>dims[i]</c>.</summary>
    public Permute(params long[] dims) : base(nameof(Permute)) => this.dims = [.. dims];

    /// <inheritdoc/>
    public override Tensor forward(Tensor x) => torch.permute(x, dims);
}

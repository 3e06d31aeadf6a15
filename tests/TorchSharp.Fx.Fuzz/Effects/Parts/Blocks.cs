using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Fuzz.Effects;

/// <summary>Convolutions and norms on a matrix as an image of one channel; what optimisers look for.</summary>
public sealed class Picture : nn.Module<Tensor, Tensor>
{
    private readonly Conv2d conv = nn.Conv2d(1, 2, 3, padding: 1);
    private readonly BatchNorm2d bn = nn.BatchNorm2d(2);
    private readonly ReLU relu = nn.ReLU(inplace: true);
    private readonly Conv2d last = nn.Conv2d(2, 1, 1);

    public Picture() : base(nameof(Picture)) => RegisterComponents();

    public override Tensor forward(Tensor x) => last.call(relu.call(bn.call(conv.call(x.reshape(1, 1, 4, 4))))).reshape(4, 4);
}

/// <summary>A layer, a norm, an activation in place and a residual.</summary>
public sealed class Dense : nn.Module<Tensor, Tensor>
{
    private readonly Linear fc = nn.Linear(4, 4);
    private readonly BatchNorm1d bn = nn.BatchNorm1d(4);
    private readonly ReLU act = nn.ReLU(inplace: true);

    public Dense() : base(nameof(Dense)) => RegisterComponents();

    public override Tensor forward(Tensor x) => act.call(bn.call(fc.call(x))) + x;
}

/// <summary>Keeps an average of what it sees, as batch norm does, and takes it off.</summary>
public sealed class Average : nn.Module<Tensor, Tensor>
{
    private readonly Tensor seen = zeros(4);

    public Average() : base(nameof(Average)) => RegisterComponents();

    public override Tensor forward(Tensor x)
    {
        if (training)
            using (no_grad())
                seen.mul_(0.5).add_(x.mean([0]), 0.5);
        return x - seen;
    }
}

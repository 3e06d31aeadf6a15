using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TestModels;

/// <summary>Has one of everything that a trace reports.</summary>
public sealed class Ledger : Module<Tensor, Tensor>
{
    private readonly TorchSharp.Modules.Linear stem = Linear(4, 4);
    private readonly Module<Tensor, Tensor>[] heads = [Linear(4, 2)];
    private Tensor? last;

    public Ledger() : base(nameof(Ledger)) => RegisterComponents();

    public override Tensor forward(Tensor x)
    {
        if (x.shape[0] > 8)
            throw new ArgumentException("at most eight rows");
        x = stem.call(x) * arange(4);
        var width = x.shape[1];
        for (var i = 0; i < width; i++)
            x = x + i;
        last = x;
        return heads[0].call(x);
    }
}

/// <summary>Branches two modules down.</summary>
public sealed class Nested : Module<Tensor, Tensor>
{
    private readonly TorchSharp.Modules.Sequential body = Sequential(("inner", new Branching()));

    public Nested() : base(nameof(Nested)) => RegisterComponents();

    public override Tensor forward(Tensor x) => Twice(x);

    private Tensor Twice(Tensor x)
    {
        return body.call(x) * 2;
    }
}

using static TorchSharp.torch;

namespace TorchSharp.Fx.Fuzz.Effects;

/// <summary>The base of modules that are declared as leaves, so that nobody sees what they do.</summary>
public abstract class Leaf<TResult>(string name) : nn.Module<Tensor, TResult>(name);

/// <summary>Writes to what it is given, and returns something else.</summary>
public sealed class Bump() : Leaf<Tensor>(nameof(Bump))
{
    public override Tensor forward(Tensor x)
    {
        x.add_(0.5);
        return x * 0.5;
    }
}

/// <summary>Returns a view of what it is given.</summary>
public sealed class Turn() : Leaf<Tensor>(nameof(Turn))
{
    public override Tensor forward(Tensor x) => x.transpose(0, 1);
}

/// <summary>Returns what it keeps.</summary>
public sealed class Keeper : Leaf<Tensor>
{
    private readonly Tensor kept = full([4, 4], 0.25f);

    public Keeper() : base(nameof(Keeper)) => RegisterComponents();

    public override Tensor forward(Tensor x) => kept;
}

/// <summary>Counts its calls.</summary>
public sealed class Counter : Leaf<Tensor>
{
    private readonly Tensor calls = zeros(1);

    public Counter() : base(nameof(Counter)) => RegisterComponents();

    public override Tensor forward(Tensor x)
    {
        using (no_grad())
            calls.add_(0.125);
        return x + calls;
    }
}

/// <summary>Draws.</summary>
public sealed class Noisy() : Leaf<Tensor>(nameof(Noisy))
{
    public override Tensor forward(Tensor x) => x + rand_like(x);
}

/// <summary>Gives a list of views.</summary>
public sealed class Halves() : Leaf<List<Tensor>>(nameof(Halves))
{
    public override List<Tensor> forward(Tensor x) => [.. x.chunk(2)];
}

/// <summary>Gives a record: what it was given itself, and a view of it.</summary>
public sealed class Doubled() : Leaf<Couple>(nameof(Doubled))
{
    public override Couple forward(Tensor x) => new(x, x.t(), 2);
}

/// <summary>Gives a dictionary, and writes to what it was given.</summary>
public sealed class Named() : Leaf<Dictionary<string, Tensor>>(nameof(Named))
{
    public override Dictionary<string, Tensor> forward(Tensor x) => new() { ["twice"] = x * 2, ["self"] = x.mul_(0.5) };
}

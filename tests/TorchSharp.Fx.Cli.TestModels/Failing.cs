using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TestModels;

/// <summary>Branches on the content of its input.</summary>
public sealed class Branching() : Module<Tensor, Tensor>(nameof(Branching))
{
    public override Tensor forward(Tensor x)
    {
        if (x.size(0) > 1)
            return x.relu();
        return x;
    }
}

/// <summary>Can't be run on images: it wants vectors.</summary>
public sealed class Mismatched : Module<Tensor, Tensor>
{
    private readonly TorchSharp.Modules.Linear linear = Linear(5, 2);

    public Mismatched() : base(nameof(Mismatched)) => RegisterComponents();

    public override Tensor forward(Tensor x)
    {
        var width = x.shape[3];
        return linear.call(x) * width;
    }
}

/// <summary>Has an operation that no export knows.</summary>
public sealed class Spectrum() : Module<Tensor, Tensor>(nameof(Spectrum))
{
    public override Tensor forward(Tensor x) => fft.hfft2(x).abs();
}

/// <summary>Does not survive its own constructor.</summary>
public sealed class Broken : Module<Tensor, Tensor>
{
    public Broken() : base(nameof(Broken)) => throw new InvalidOperationException("The vocabulary is not there.");

    public override Tensor forward(Tensor x) => x;
}

public abstract class Unfinished(string name) : Module<Tensor, Tensor>(name);

/// <summary>No two processes of it agree.</summary>
public sealed class Fickle() : Module<Tensor, Tensor>(nameof(Fickle))
{
    private readonly int process = Environment.ProcessId;

    public override Tensor forward(Tensor x) => x + process;
}

public sealed class Recipe;

/// <summary>Bright images take another way than dark ones.</summary>
public sealed class Exposure : Module<Tensor, Tensor>
{
    private readonly TorchSharp.Modules.Conv2d bright = Conv2d(3, 2, 3);
    private readonly TorchSharp.Modules.Conv2d dark = Conv2d(3, 2, 3);

    public Exposure() : base(nameof(Exposure)) => RegisterComponents();

    public override Tensor forward(Tensor x) => (x.mean().item<float>() > 0 ? bright.forward(x) : dark.forward(x)).mean([2, 3]);
}

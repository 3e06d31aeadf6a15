using System.Runtime.InteropServices;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Corpus.Sequence;

/// <summary>A kernel of one's own, called with the tensor's native handle.</summary>
internal sealed class NativeKernel() : Module<Tensor, Tensor>(nameof(NativeKernel))
{
#pragma warning disable SYSLIB1054 // The attribute of old makes a method without a body, as most bindings have it.
    [DllImport("fused_ops")]
    private static extern IntPtr fused_bias_gelu(IntPtr x, double bias);
#pragma warning restore SYSLIB1054

    internal static Tensor Fused(Tensor x)
    {
        fused_bias_gelu(x.Handle, 1.0); // refused
        return x;
    }

    public override Tensor forward(Tensor x) => Fused(x.relu());
}

/// <summary>Stops when everything is halted.</summary>
internal sealed class AdaptiveComputation : Module<Tensor, Tensor>
{
    private readonly Linear step, halt;

    public AdaptiveComputation() : base(nameof(AdaptiveComputation))
    {
        (step, halt) = (Linear(4, 4), Linear(4, 1));
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        var remaining = ones(x.shape[0], 1);
        while (remaining.max().ToSingle() > 0.01f) // refused
        {
            x = x + (remaining * step.call(x).tanh());
            remaining = remaining * (1 - halt.call(x).sigmoid());
        }
        return x;
    }
}

/// <summary>Decodes token by token on the C# side.</summary>
internal sealed class Detokenizer(string[] words) : Module<Tensor, Tensor>(nameof(Detokenizer))
{
    private string last = "";

    public override Tensor forward(Tensor logits)
    {
        var ids = logits.argmax(-1);
        last = string.Join(' ', ids.data<long>().ToArray().Select(id => words[id])); // refused
        return last.Length > 0 ? ids : -ids;
    }
}

/// <summary>Halves in parallel.</summary>
internal sealed class ParallelBranches : Module<Tensor, Tensor>
{
    private readonly Linear left, right;

    public ParallelBranches() : base(nameof(ParallelBranches))
    {
        (left, right) = (Linear(4, 4), Linear(4, 4));
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        var a = Task.Run(() => left.call(x)); // refused
        return a.Result + right.call(x);
    }
}

/// <summary>Registers a buffer when it first sees an input.</summary>
internal sealed class LazyStatistics() : Module<Tensor, Tensor>(nameof(LazyStatistics))
{
    private bool seen;

    public override Tensor forward(Tensor x)
    {
        if (!seen)
            register_buffer("mean", x.mean([0])); // refused
        seen = true;
        return x - get_buffer("mean")!;
    }
}

/// <summary>Masks of a length that an input's content gives.</summary>
internal sealed class DynamicLength() : Module<Tensor, Tensor, Tensor>(nameof(DynamicLength))
{
    public override Tensor forward(Tensor x, Tensor lengths)
    {
        var longest = (int)lengths.max().item<long>();
        var total = zeros(x.shape[0], x.shape[2]);
        for (var t = 0; t < longest; t++) // refused
            total += x.select(1, t);
        return total;
    }
}

internal static class RefusedModules
{
    internal static readonly CorpusRow[] Rows =
    [
        new("NativeKernel", "P/Invoke on a tensor's handle", () => new NativeKernel(), () => [[randn(2, 4)]])
            { Refusal = "FX006", Proposal = "Make it a leaf function: tracer_kwargs.autowrap_functions = [NativeKernel.Fused]." },
        new("AdaptiveComputation", "a loop until a tensor's content says so", () => new AdaptiveComputation(), () => [[randn(2, 4)]])
            { ByExample = true, Refusal = "FX018" },
        new("Detokenizer", "the content of a tensor as C# data", () => new Detokenizer(["a", "b", "c"]), () => [[randn(2, 3)]])
            { Refusal = "FX006" },
        new("ParallelBranches", "a task", () => new ParallelBranches(), () => [[randn(2, 4)]]) { Refusal = "FX012" },
        new("LazyStatistics", "a buffer registered in forward", () => new LazyStatistics(), () => [[randn(2, 4)]]) { Refusal = "FX013" },
        new("DynamicLength", "a loop bound read out of a tensor", () => new DynamicLength(), () => [[randn(2, 4, 3), tensor([3L, 4])]])
            { ByExample = true, Refusal = "FX018" },
    ];
}

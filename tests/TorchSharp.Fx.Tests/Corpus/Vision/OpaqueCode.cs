using System.Runtime.InteropServices;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Corpus.Vision;

/// <summary>Code that a trace can't look into.</summary>
internal static class OpaqueCode
{
    internal static readonly CorpusRow[] Rows =
    [
        new("NativeNms", "P/Invoke on the handle of a tensor", () => new NativeNms(), () => [[randn(4, 4)], [randn(6, 4)]])
            { Refusal = "FX006", Proposal = "Tensor.get_Handle reads the content" },
        new("BackgroundBranch", "two branches on tasks", () => new BackgroundBranch(), () => [[randn(4, 4)], [randn(6, 4)]])
            { Refusal = "FX012", Proposal = "Call the work directly" },
        new("ThresholdByValue", "a threshold read out of a tensor", () => new ThresholdByValue(), () => [[randn(4, 4)], [randn(6, 4)]])
            { Refusal = "FX018", ByExample = true, Proposal = "allow_value_specialization: true" },
    ];

    private sealed class NativeNms() : Module<Tensor, Tensor>(nameof(NativeNms))
    {
        public override Tensor forward(Tensor x)
        {
            var handle = THSTensor_abs(x.Handle); // refused
            return x * handle.ToInt64();
        }

#pragma warning disable SYSLIB1054 // The attribute of old makes a method without a body, which is what such code has.
        [DllImport("LibTorchSharp")]
        private static extern IntPtr THSTensor_abs(IntPtr tensor);
#pragma warning restore SYSLIB1054
    }

    private sealed class BackgroundBranch : Module<Tensor, Tensor>
    {
        private readonly Linear left = Linear(4, 2);
        private readonly Linear right = Linear(4, 2);

        public BackgroundBranch() : base(nameof(BackgroundBranch)) => RegisterComponents();

        public override Tensor forward(Tensor x)
        {
            var task = Task.Run(() => left.call(x)); // refused
            var other = right.call(x);
            return task.Result + other;
        }
    }

    private sealed class ThresholdByValue() : Module<Tensor, Tensor>(nameof(ThresholdByValue))
    {
        public override Tensor forward(Tensor x)
        {
            var peak = x.abs().max().item<float>();
            if (peak > 1) // refused
                x = x / peak;
            return x;
        }
    }
}

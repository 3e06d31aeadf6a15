using System.Runtime.InteropServices;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Corpus.Vision;

/// <summary>Code that a trace can't look into.</summary>
internal static class OpaqueCode
{
    private const string AutoWrap = "tracer_kwargs.autowrap_functions";

    internal static readonly CorpusRow[] Rows =
    [
        new("NativeNms", "P/Invoke on the handle of a tensor", () => new NativeNms(), () => [[randn(4, 4)], [randn(6, 4)]]) { Refusal = "FX006", Proposal = AutoWrap },
        new("NativeSize", "P/Invoke with a size", () => new NativeSize(), () => [[randn(4, 4)], [randn(6, 4)]]) { Refusal = "FX004", ByExample = true, Proposal = "tracer_kwargs.autowrap_functions = [NativeSize.cbrt]" },
        new("BackgroundBranch", "two branches on tasks", () => new BackgroundBranch(), () => [[randn(4, 4)], [randn(6, 4)]]) { Refusal = "FX012", Proposal = "Call the work directly" },
        new("WorkerThread", "a thread that computes a part", () => new WorkerThread(), () => [[randn(4, 4)], [randn(6, 4)]]) { Refusal = "FX012", Proposal = "Call the work directly" },
        new("ThresholdByValue", "a threshold read out of a tensor", () => new ThresholdByValue(), () => [[randn(4, 4)], [randn(6, 4)]]) { Refusal = "FX018", ByExample = true, Proposal = "allow_value_specialization: true" },
        new("GreedyNms", "a loop over the boxes that reads their overlaps", () => new GreedyNms(), () => [[rand(4, 4), rand(4)], [rand(6, 4), rand(6)]]) { Refusal = "FX018", ByExample = true, Proposal = "allow_value_specialization: true" },
        new("PixelAccess", "pixels read as a span of numbers", () => new PixelAccess(), () => [[rand(3, 4)], [rand(5, 4)]]) { Refusal = "FX006", Proposal = AutoWrap },
        new("RegistersLate", "a buffer registered in forward", () => new RegistersLate(), () => [[rand(3, 4)], [rand(5, 4)]]) { Refusal = "FX013", Proposal = "Move the change out of forward" },
        new("ScriptedHead", "a TorchScript module, which is a leaf", () => new ScriptedHead(), () => [[randn(3, 4)], [randn(6, 4)]]),
        new("ScriptedParts", "TorchScript modules in a list, not registered", () => new ScriptedParts(), () => [[randn(3, 4)], [randn(6, 4)]]) { Unregistered = ["parts.0 (ScriptModule`2)", "parts.1 (ScriptModule`2)"] },
    ];

    // Its forward takes another way for more than four rows.
    private static jit.ScriptModule<Tensor, Tensor> Scripted() => jit.load<Tensor, Tensor>(Path.Combine(AppContext.BaseDirectory, "data", "scripted.pt"));

    private sealed class ScriptedHead : Module<Tensor, Tensor>
    {
        private readonly Linear body = Linear(4, 4);
        private readonly jit.ScriptModule<Tensor, Tensor> head = Scripted();

        public ScriptedHead() : base(nameof(ScriptedHead)) => RegisterComponents();

        public override Tensor forward(Tensor x) => head.call(body.call(x).relu()) * 2;
    }

    private sealed class ScriptedParts : Module<Tensor, Tensor>
    {
        private readonly List<jit.ScriptModule<Tensor, Tensor>> parts = [Scripted(), Scripted()];

        public ScriptedParts() : base(nameof(ScriptedParts)) => RegisterComponents();

        public override Tensor forward(Tensor x)
        {
            var sum = zeros(1);
            foreach (var part in parts)
                sum = sum + part.call(x);
            return sum;
        }
    }

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

    private sealed class NativeSize() : Module<Tensor, Tensor>(nameof(NativeSize))
    {
        public override Tensor forward(Tensor x)
        {
            var scale = cbrt(x.shape[0]); // refused
            return x * scale;
        }

#pragma warning disable SYSLIB1054 // The attribute of old makes a method without a body, which is what such code has.
        [DllImport("libm")]
        private static extern double cbrt(double value);
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

    private sealed class WorkerThread() : Module<Tensor, Tensor>(nameof(WorkerThread))
    {
        public override Tensor forward(Tensor x)
        {
            Tensor? result = null;
            var thread = new Thread(() => result = x.relu());
            thread.Start(); // refused
            thread.Join();
            return result!;
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

    private sealed class GreedyNms() : Module<Tensor, Tensor, Tensor>(nameof(GreedyNms))
    {
        public override Tensor forward(Tensor boxes, Tensor scores)
        {
            var kept = new List<Tensor>();
            var order = scores.argsort(descending: true);
            for (var i = 0; i < order.shape[0]; i++)
            {
                var box = boxes[order[i]];
                if (kept.Any(other => (box * other).sum().item<float>() > 0.5f)) // refused
                    continue;
                kept.Add(box);
            }
            return stack(kept);
        }
    }

    private sealed class PixelAccess() : Module<Tensor, Tensor>(nameof(PixelAccess))
    {
        public override Tensor forward(Tensor x)
        {
            var pixels = x.data<float>(); // refused
            return x * pixels[0];
        }
    }

    private sealed class RegistersLate() : Module<Tensor, Tensor>(nameof(RegistersLate))
    {
        public override Tensor forward(Tensor x)
        {
            register_buffer("mean", x.mean()); // refused
            return x - get_buffer("mean")!;
        }
    }
}

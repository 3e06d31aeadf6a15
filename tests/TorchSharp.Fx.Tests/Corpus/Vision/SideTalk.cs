using System.Diagnostics;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Corpus.Vision;

/// <summary>What modules print, log, count and remember on the way.</summary>
internal static class SideTalk
{
    internal static readonly CorpusRow[] Rows =
    [
        new("Chatty", "the console, debug output and assertions on shapes", () => new Chatty(), () => [[randn(2, 4)], [randn(3, 4)]]),
        new("Logged", "a log delegate, a StringBuilder, a list of messages", () => new Logged(), () => [[randn(2, 4)], [randn(3, 6)]]) { Drops = ["a List<String>"] },
        new("Counting", "calls counted, the last features and a history kept in fields", () => new Counting(), () => [[randn(2, 4)], [randn(3, 6)]])
            { State = ["calls", "last", "history"] },
        new("RunningStatistics", "running buffers updated in training mode", () => new RunningStatistics(), () => [[randn(2, 4)], [randn(5, 4)]]) { Training = true },
        new("Hooked", "features taken by an event", () => new Hooked(), () => [[randn(2, 4)], [randn(3, 6)]]) { State = ["taken"] },
    ];

    private sealed class Chatty() : Module<Tensor, Tensor>(nameof(Chatty))
    {
        private readonly bool verbose = true;

        public override Tensor forward(Tensor x)
        {
            if (verbose)
                Console.WriteLine($"{GetName()}: input {string.Join("x", x.shape)}, {x.dtype}");
            Debug.Assert(x.shape[1] == 4, $"expected 4 columns, got {x.shape[1]}");
            var y = x.relu();
            Debug.WriteLine("after relu: " + y);
            Trace.TraceInformation("{0} rows", y.shape[0]);
            return y;
        }
    }

    private sealed class Logged() : Module<Tensor, Tensor>(nameof(Logged))
    {
        private readonly List<string> messages = [];
        private readonly Action<string> log = static _ => { };

        public override Tensor forward(Tensor x)
        {
            var text = new System.Text.StringBuilder();
            text.Append("rows: ").Append(x.shape[0]).AppendLine();
            text.Append($"columns: {x.shape[1]:N0}");
            log(text.ToString());
            messages.Add($"{x.shape[0]} rows of {x}");
            return x * messages.Count;
        }
    }

    private sealed class Counting() : Module<Tensor, Tensor>(nameof(Counting))
    {
        private readonly Queue<Tensor> history = new();
        private int calls;
        private Tensor? last;

        public override Tensor forward(Tensor x)
        {
            calls++;
            last = last is null ? x : last * 0.9 + x * 0.1;
            history.Enqueue(last);
            if (history.Count > 3)
                history.Dequeue();
            return history.Aggregate((a, b) => a + b) / calls;
        }
    }

    private sealed class RunningStatistics : Module<Tensor, Tensor>
    {
        private readonly Tensor mean = zeros(4);
        private readonly Tensor steps = zeros(1, dtype: ScalarType.Int64);

        public RunningStatistics() : base(nameof(RunningStatistics))
        {
            register_buffer("mean", mean);
            register_buffer("steps", steps);
            RegisterComponents();
        }

        public override Tensor forward(Tensor x)
        {
            if (training)
            {
                using var _ = no_grad();
                steps.add_(1);
                mean.mul_(0.9).add_(x.mean([0]), alpha: 0.1);
            }
            return x - mean / (1 - pow(0.9, steps));
        }
    }

    private sealed class Hooked : Module<Tensor, Tensor>
    {
        private readonly List<Tensor> taken = [];

        public event Action<Tensor>? Features;

        public Hooked() : base(nameof(Hooked)) => Features += taken.Add;

        public override Tensor forward(Tensor x)
        {
            var y = x.tanh();
            Features?.Invoke(y);
            return y + taken[0];
        }
    }
}

using System.Diagnostics;
using TorchSharp.Fx.Tracing;
using TorchSharp.Fx.Vision;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Bench;

/// <summary>What one CIL instruction costs while a model is traced, and what example inputs cost beyond one eager forward.</summary>
internal static class InstructionCost
{
    private const int Rounds = 15;

    internal static void Run()
    {
        using var noGrad = no_grad();
        set_num_threads(1);
        Console.WriteLine("trace of            instructions        ms   ns each");
        using (var busy = new Busy())
            Report("concrete work", busy);
        using var model = models.resnet50();
        model.eval();
        Report("resnet50", model);
        using var input = rand(1, 3, 224, 224);
        var plain = Median(() => new Tracer().trace(model));
        var eager = Median(() => Eager(model, input));
        var examples = Median(() => new Tracer().trace(model, [input]));
        Console.WriteLine($"\nresnet50, 1x3x224x224: trace {plain:F1} ms, eager {eager:F1} ms, trace with examples {examples:F1} ms: {(examples - plain) / eager:F2} eager forwards more");
    }

    private static void Report(string name, nn.Module model)
    {
        var tracer = new Tracer();
        tracer.trace(model);
        var instructions = tracer.Interpreter.Executed;
        var time = Median(() => new Tracer().trace(model));
        Console.WriteLine($"{name,-20}{instructions,12}{time,10:F2}{time * 1e6 / instructions,10:F0}");
    }

    private static void Eager(ResNet model, Tensor input)
    {
        using var scope = NewDisposeScope();
        model.call(input);
    }

    /// <summary>The median time in ms.</summary>
    private static double Median(Action run)
    {
        var times = new List<double>();
        for (var round = -3; round < Rounds; round++)
        {
            var watch = Stopwatch.StartNew();
            run();
            if (round >= 0)
                times.Add(watch.Elapsed.TotalMilliseconds);
        }
        return times.Order().ElementAt(Rounds / 2);
    }

    /// <summary>Numbers, arrays, structs, fields, calls and a closure: what a model does beside its tensors.</summary>
    private sealed class Busy() : nn.Module<Tensor, Tensor>(nameof(Busy))
    {
        private readonly int[] table = [.. Enumerable.Range(0, 64)];
        private readonly double scale = 0.5;

        public override Tensor forward(Tensor input)
        {
            var sums = new long[8];
            var grid = new Cell[8];
            var total = 0.0;
            Func<int, int> twist = i => i ^ table[i & 63];
            for (var i = 0; i < 4000; i++)
            {
                sums[i & 7] += Mixed(i, table[i & 63]);
                grid[i & 7].Count += twist(i) & 1;
                total += scale * i;
            }
            return input + (sums[3] + grid[2].Count + total);
        }

        private static long Mixed(int a, int b) => a % 3 == 0 ? unchecked(a * 31L + b) : b - a;

        private struct Cell
        {
            public int Count;
        }
    }
}

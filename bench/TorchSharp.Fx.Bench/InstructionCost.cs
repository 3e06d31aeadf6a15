using System.Diagnostics;
using TorchSharp.Fx.Vision;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Bench;

/// <summary>What one CIL instruction costs while a model is traced, and what example inputs cost beyond one eager forward.</summary>
internal static class InstructionCost
{
    private const int Rounds = 60;

    /// <summary>Measures the named models; without names, some of each kind.</summary>
    internal static void Run(string[] names)
    {
        using var noGrad = no_grad();
        set_num_threads(1);
        Console.WriteLine("trace of            instructions        ms   ns each");
        if (names.Length == 0)
            using (var busy = new Busy())
                Report("concrete work", busy);
        foreach (var name in Or(names, "resnet50", "inception_v3", "vit_b_16"))
            using (var model = models.get_model(name, device: META))
                Report(name, model);
        Console.WriteLine("\nwith examples       trace ms  eager ms  with examples ms  eager forwards more");
        foreach (var name in Or(names, "resnet18", "resnet50", "vit_b_16"))
            using (var model = models.get_model(name))
                ReportExamples(name, model);
    }

    private static string[] Or(string[] names, params string[] usual) => names.Length > 0 ? names : usual;

    private static void Report(string name, nn.Module model)
    {
        model.eval();
        var tracer = new Tracer();
        tracer.trace(model);
        var instructions = tracer.Interpreter.Executed;
        var time = Shortest(() => new Tracer().trace(model));
        Console.WriteLine($"{name,-20}{instructions,12}{time,10:F3}{time * 1e6 / instructions,10:F0}");
    }

    /// <summary>The three take turns, and the shortest time of each counts: what a busy machine adds is no one's own.</summary>
    private static void ReportExamples(string name, nn.Module model)
    {
        model.eval();
        using var input = rand(1, 3, 224, 224);
        Action[] contenders = [() => new Tracer().trace(model), () => Eager((nn.Module<Tensor, Tensor>)model, input), () => new Tracer().trace(model, [input])];
        var shortest = new[] { double.MaxValue, double.MaxValue, double.MaxValue };
        for (var round = 0; round < Rounds; round++)
            for (var i = 0; i < contenders.Length; i++)
                shortest[i] = Math.Min(shortest[i], Time(contenders[i]));
        var (plain, eager, examples) = (shortest[0], shortest[1], shortest[2]);
        Console.WriteLine($"{name,-20}{plain,8:F2}{eager,10:F1}{examples,18:F1}{(examples - plain) / eager,21:F2}");
    }

    private static void Eager(nn.Module<Tensor, Tensor> model, Tensor input)
    {
        using var scope = NewDisposeScope();
        model.call(input);
    }

    /// <summary>The shortest time in ms: after two seconds all is compiled as it stays, and what then takes longer is the machine's other work.</summary>
    private static double Shortest(Action run)
    {
        for (var warm = Stopwatch.StartNew(); warm.ElapsedMilliseconds < 2000;)
            run();
        var shortest = double.MaxValue;
        for (var watch = Stopwatch.StartNew(); watch.ElapsedMilliseconds < 2000;)
            shortest = Math.Min(shortest, Time(run));
        return shortest;
    }

    private static double Time(Action run)
    {
        var watch = Stopwatch.StartNew();
        run();
        return watch.Elapsed.TotalMilliseconds;
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

using System.Diagnostics;
using TorchSharp.Fx.Vision;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Bench;

/// <summary>What a recorded run costs beside the tensors' own work: for each value that has a name, and for each CIL instruction of code that computes without tensors.</summary>
internal static class RecordingCost
{
    private const int Chain = 2_000;
    private const int Loop = 200_000;

    internal static void Run()
    {
        using var none = no_grad();
        set_num_threads(1);
        Console.WriteLine("                     eager ms  recorded ms   nodes  us a node more");
        using var x = rand(1);
        using (var model = new Additions())
            Report("additions", model, x, "add");
        using (var model = new Layers())
            Report("leaf modules", model, x, "identity");
        foreach (var (name, size) in new[] { ("resnet18", 32), ("resnet18", 224), ("swin_t", 224) })
        {
            using var model = (nn.Module<Tensor, Tensor>)models.get_model(name);
            using var image = rand(1, 3, size, size);
            Report($"{name}, {size}", model, image, "x");
        }
        using var numbers = new Numbers();
        var instructions = Instructions(numbers, x);
        var time = Shortest(() => Record(numbers, x, "add"));
        Console.WriteLine($"\nnumbers: {instructions} instructions, {time * 1e6 / instructions:F0} ns each");
    }

    private static void Report(string name, nn.Module<Tensor, Tensor> model, Tensor x, string node)
    {
        model.eval();
        var nodes = feature_extraction.create_recorder(model, ["x"]).nodes(x).Count;
        // In turns, so that a busy machine is busy for both.
        var (eager, recorded) = (double.MaxValue, double.MaxValue);
        for (var round = 0; round < 5; round++)
            (eager, recorded) = (Math.Min(eager, Shortest(() => Eager(model, x))), Math.Min(recorded, Shortest(() => Record(model, x, node))));
        Console.WriteLine($"{name,-20}{eager,9:F2}{recorded,13:F2}{nodes,8}{(recorded - eager) * 1e3 / nodes,16:F1}");
    }

    private static void Eager(nn.Module<Tensor, Tensor> model, Tensor x)
    {
        using var scope = NewDisposeScope();
        model.call(x);
    }

    private static void Record(nn.Module<Tensor, Tensor> model, Tensor x, string node)
    {
        using var scope = NewDisposeScope();
        feature_extraction.create_recorder(model, [node], to_end: true).call(x).Dispose();
    }

    private static long Instructions(nn.Module<Tensor, Tensor> model, Tensor x)
    {
        var tracer = new LeafModuleAwareTracer();
        tracer.Run(new FeatureRecording(null, mayEnd: false), model, _ => [x]);
        return tracer.Interpreter.Executed;
    }

    private static double Shortest(Action run)
    {
        var shortest = double.MaxValue;
        for (var watch = Stopwatch.StartNew(); watch.ElapsedMilliseconds < 800;)
        {
            var time = Stopwatch.StartNew();
            run();
            shortest = Math.Min(shortest, time.Elapsed.TotalMilliseconds);
        }
        return shortest;
    }

    private sealed class Additions() : nn.Module<Tensor, Tensor>(nameof(Additions))
    {
        public override Tensor forward(Tensor x)
        {
            for (var i = 0; i < Chain; i++)
                x = x + 1;
            return x;
        }
    }

    private sealed class Layers : nn.Module<Tensor, Tensor>
    {
        private readonly TorchSharp.Modules.Identity identity = nn.Identity();

        public Layers() : base(nameof(Layers)) => RegisterComponents();

        public override Tensor forward(Tensor x)
        {
            for (var i = 0; i < Chain; i++)
                x = identity.call(x);
            return x;
        }
    }

    private sealed class Numbers() : nn.Module<Tensor, Tensor>(nameof(Numbers))
    {
        private readonly int[] table = [.. Enumerable.Range(0, 64)];

        public override Tensor forward(Tensor x)
        {
            var sum = 0L;
            for (var i = 0; i < Loop; i++)
                sum += i % 3 == 0 ? table[i & 63] * 31L : Mixed(i, sum);
            return x + sum;
        }

        private static long Mixed(int a, long b) => b - a;
    }
}

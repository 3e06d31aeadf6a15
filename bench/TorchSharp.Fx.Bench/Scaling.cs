using System.Diagnostics;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Bench;

/// <summary>How time grows with a graph: what four times the nodes cost. 4 is linear, 16 quadratic; a short time is mostly noise.</summary>
internal static class Scaling
{
    /// <summary>Measures all, or those whose name contains one of the given words.</summary>
    internal static void Run(string[] words)
    {
        using var noGrad = no_grad();
        set_num_threads(1);
        Console.WriteLine($"{"",-44}{"nodes",8}{"ms",10}{"four times",12}{"ratio",8}");
        foreach (var (shape, make, size) in Shapes)
            foreach (var (name, prepare) in Steps)
                if (words.Length == 0 || Array.Exists(words, word => $"{shape} {name}".Contains(word, StringComparison.Ordinal)))
                    Report($"{shape}: {name}", size, count => prepare(make(count)));
        Leaves();
    }

    private static readonly (string Name, Func<int, Module> Make, int Nodes)[] Shapes =
    [
        ("chain", count => new Repeated(count, (y, x, _) => y + x), 2000),
        ("chain in place", count => new Repeated(count, (y, x, _) => y.add_(x)), 2000),
        ("views of one tensor", count => new Wide(count), 1000),
    ];

    private static readonly (string Name, Func<Module, Action> Prepare)[] Steps =
    [
        ("trace", model => () => new Tracer().trace(model.Source)),
        ("text", model => () => model.Traced.graph.ToString()),
        ("C# code", model => () => model.Traced.graph.csharp_code()),
        ("lint", model => model.Traced.graph.lint),
        ("copy", model => () => model.Traced.graph.clone()),
        ("dead code", model => () => model.Traced.graph.clone().eliminate_dead_code(model.Source)),
        ("common subexpressions", model => () => model.Traced.graph.clone().eliminate_common_subexpressions(model.Source)),
        ("folding constants", model => () => ((IGraphModule)model.Traced).fold_constants()),
        ("compiling", model => () => ((IGraphModule)model.Traced).Program.Compile(model.Traced.graph)),
        ("running", model => () => model.Traced.call(model.Input).Dispose()),
        ("evaluator", model => () => new GraphInterpreter(model.Traced).run(model.Input)),
        ("extractor", model => () => feature_extraction.create_feature_extractor(model.Source, ["x", "sum"]).Dispose()),
        ("saving", model => () => Saved(model.Traced)),
        ("erasing", model => () => Erase(model.Traced.graph.clone())),
        ("optimised copy", model => () => model.Traced.optimize_for_inference().Dispose()),
    ];

    private static void Report(string name, int size, Func<int, Action> prepare)
    {
        var (small, large) = (Time(prepare(size)), Time(prepare(4 * size)));
        Console.WriteLine($"{name,-44}{size,8}{small,10:F1}{large,12:F1}{large / small,8:F1}");
    }

    /// <summary>The user's own leaf modules, against eager.</summary>
    private static void Leaves()
    {
        foreach (var count in new[] { 100, 400 })
        {
            using var model = new Stack(count);
            using var input = rand(8);
            var clock = Stopwatch.StartNew();
            using var extractor = feature_extraction.create_feature_extractor(model, ["sum"], tracer_kwargs: new() { leaf_modules = [typeof(Leaf)] });
            extractor.call(input).Dispose();
            var first = clock.Elapsed.TotalMilliseconds;
            var (eager, graph) = (Time(() => model.call(input).Dispose()), Time(() => extractor.call(input).Dispose()));
            Console.WriteLine($"{count} leaf modules: first call {first:F1} ms, each {graph:F2} ms, eager {eager:F2} ms: {graph / eager:F1} times");
        }
    }

    /// <summary>The processor's time of one run, in ms, after one to warm up: another busy process doesn't count.</summary>
    private static double Time(Action work)
    {
        work();
        var (before, runs) = (Environment.CpuUsage.TotalTime, 0);
        double spent;
        do
        {
            work();
            runs++;
            spent = (Environment.CpuUsage.TotalTime - before).TotalMilliseconds;
        }
        while (spent < 200);
        return spent / runs;
    }

    private static void Saved(nn.Module module)
    {
        var path = Path.GetTempFileName();
        fx.save((GraphModule<Tensor, Tensor>)module, path);
        File.Delete(path);
    }

    private static void Erase(Graph graph)
    {
        foreach (var node in graph.nodes.Reverse().ToArray())
            graph.erase_node(node);
    }

    /// <summary>A program of that many operations, and its graph.</summary>
    internal abstract class Module(string name) : nn.Module<Tensor, Tensor>(name)
    {
        internal nn.Module<Tensor, Tensor> Source => this;

        internal GraphModule<Tensor, Tensor> Traced => field ??= fx.symbolic_trace<Tensor, Tensor>(this);

        internal Tensor Input { get; } = rand(8);
    }

    private sealed class Repeated(int count, Func<Tensor, Tensor, int, Tensor> step) : Module(nameof(Repeated))
    {
        public override Tensor forward(Tensor x)
        {
            var y = x.clone();
            for (var i = 0; i < count; i++)
                y = step(y, x, i);
            return y.sum();
        }
    }

    private sealed class Wide(int count) : Module(nameof(Wide))
    {
        public override Tensor forward(Tensor x)
        {
            var views = new Tensor[count];
            for (var i = 0; i < count; i++)
                views[i] = x.view(2, 4);
            return cat(views).sum();
        }
    }

    private sealed class Leaf() : nn.Module<Tensor, Tensor>(nameof(Leaf))
    {
        public override Tensor forward(Tensor x) => x.relu();
    }

    private sealed class Stack : nn.Module<Tensor, Tensor>
    {
        private readonly TorchSharp.Modules.ModuleList<Leaf> parts;

        internal Stack(int count) : base(nameof(Stack))
        {
            parts = new([.. Enumerable.Range(0, count).Select(_ => new Leaf())]);
            RegisterComponents();
        }

        public override Tensor forward(Tensor x)
        {
            using var scope = NewDisposeScope();
            foreach (var part in parts)
                x = part.call(x);
            return x.sum().MoveToOuterDisposeScope();
        }
    }
}

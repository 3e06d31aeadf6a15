using System.Diagnostics;
using TorchSharp.Fx.Vision;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Bench;

/// <summary>What is timed many times over and held to a limit: tracing, and the start of the tool.</summary>
internal static class Repeated
{
    internal static IEnumerable<GoalResult> Tracing() =>
    [
        Trace("resnet50", 1.5),
        Trace("maxvit_t", 25),
        Extractor(15),
    ];

    internal static IEnumerable<GoalResult> Start(InstalledTool tool)
        => [Timed("torchfx nodes resnet18, whole process", "s", 0.5, 12, 1e3, () => tool.Run(quiet: true, "nodes", "resnet18"))];

    private static GoalResult Trace(string name, double limit)
    {
        using var model = models.get_model(name, device: META);
        model.eval();
        return Timed($"tracing {name}, warm", "ms", limit, 50, 1, () =>
        {
            var tracer = new NodePathTracer(new TracerKwargs());
            tracer.trace(model);
            tracer.DisposeConstants();
        });
    }

    private static GoalResult Extractor(double limit)
    {
        using var model = models.resnet50(device: META);
        return Timed("both modes of resnet50's stages, traced and compiled, warm", "ms", limit, 50, 1, () =>
        {
            using var extractor = feature_extraction.create_feature_extractor(model, ["layer1", "layer2", "layer3", "layer4"]);
            IGraphModule module = extractor;
            module.Program.Compile(module.Program.TrainGraph);
            module.Program.Compile(module.Program.EvalGraph);
        });
    }

    /// <param name="work">What is done.</param>
    /// <param name="unit">The unit of the limit.</param>
    /// <param name="limit">The longest median.</param>
    /// <param name="times">How often it is done, after a fifth of that to warm up.</param>
    /// <param name="milliseconds">How many of them the unit has.</param>
    /// <param name="act">Does it.</param>
    private static GoalResult Timed(string work, string unit, double limit, int times, double milliseconds, Action act)
    {
        var taken = new List<double>();
        for (var i = -times / 5; i < times; i++)
        {
            var watch = Stopwatch.StartNew();
            act();
            if (i >= 0)
                taken.Add(watch.Elapsed.TotalMilliseconds / milliseconds);
        }
        return new(work, unit, limit, NodeTime.MedianOf(taken), taken.Min());
    }
}

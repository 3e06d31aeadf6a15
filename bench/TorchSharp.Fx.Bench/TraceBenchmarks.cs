using BenchmarkDotNet.Attributes;
using TorchSharp.Fx.Vision;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Bench;

/// <summary>How long it takes to capture a model, warm.</summary>
[MemoryDiagnoser]
public class TraceBenchmarks
{
    private nn.Module model = null!;
    private string last = "";

    /// <summary>The model's name.</summary>
    [Params("resnet18", "resnet50", "inception_v3", "maxvit_t")]
    public string Model { get; set; } = "";

    /// <summary>Weights don't matter to a trace.</summary>
    [GlobalSetup]
    public void Setup()
    {
        model = models.get_model(Model, device: META);
        last = feature_extraction.get_graph_node_names(model, suppress_diff_warning: true).eval_nodes[^1];
    }

    /// <summary>One mode's graph.</summary>
    [Benchmark]
    public Graph Trace() => new Tracer().trace(model);

    /// <summary>The names of both modes.</summary>
    [Benchmark]
    public object Names() => feature_extraction.get_graph_node_names(model, suppress_diff_warning: true);

    /// <summary>Both modes, traced, cut at the last node and compiled.</summary>
    [Benchmark]
    public void TraceAndCompile()
    {
        using var traced = feature_extraction.create_feature_extractor(model, [last], suppress_diff_warning: true);
        IGraphModule module = traced;
        module.Program.Compile(module.Program.TrainGraph);
        module.Program.Compile(module.Program.EvalGraph);
    }
}

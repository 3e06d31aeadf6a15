using BenchmarkDotNet.Attributes;
using TorchSharp.Fx.Vision;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Bench;

/// <summary>How long it takes to capture a model, warm.</summary>
[MemoryDiagnoser]
public class TraceBenchmarks
{
    private nn.Module model = null!;

    /// <summary>The model's name.</summary>
    [Params("resnet18", "resnet50", "inception_v3")]
    public string Model { get; set; } = "";

    /// <summary>Weights don't matter to a trace.</summary>
    [GlobalSetup]
    public void Setup() => model = models.get_model(Model, device: META);

    /// <summary>One mode's graph.</summary>
    [Benchmark]
    public Graph Trace() => new Tracer().trace(model);

    /// <summary>The names of both modes.</summary>
    [Benchmark]
    public object Names() => feature_extraction.get_graph_node_names(model, suppress_diff_warning: true);
}

using BenchmarkDotNet.Attributes;
using BenchmarkDotNet.Engines;
using TorchSharp.Fx.Vision;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Bench;

/// <summary>
/// resnet50 in eval mode without gradients: the module as written, within a dispose scope as a careful user calls it, and its compiled graph.
/// The contenders take turns within each invocation of the benchmark's process group, and the ratio is to the eager one of the same run.
/// </summary>
[SimpleJob(RunStrategy.Throughput, launchCount: 3, warmupCount: 3, iterationCount: 8, invocationCount: 1)]
public class RunBenchmarks
{
    private ResNet model = null!;
    private GraphModule<Tensor, Tensor> traced = null!;
    private DualGraphModule<Tensor> extractor = null!;
    private Tensor input = null!;
    private IDisposable noGrad = null!;

    /// <summary>Images at once.</summary>
    [Params(1, 16)]
    public int Batch { get; set; }

    /// <summary>The same weights and input for all.</summary>
    [GlobalSetup]
    public void Setup()
    {
        set_num_threads(2);
        noGrad = no_grad();
        model = models.resnet50();
        model.eval();
        traced = fx.symbolic_trace(model);
        extractor = feature_extraction.create_feature_extractor(model, ["layer1", "layer2", "layer3", "layer4"]);
        input = rand(Batch, 3, 224, 224);
    }

    /// <summary>Gives the native memory back.</summary>
    [GlobalCleanup]
    public void Cleanup()
    {
        input.Dispose();
        extractor.Dispose();
        traced.Dispose();
        model.Dispose();
        noGrad.Dispose();
    }

    /// <summary>The hand-written module; a dispose scope frees the intermediates at its end.</summary>
    [Benchmark(Baseline = true)]
    public void Eager()
    {
        using var scope = NewDisposeScope();
        model.call(input);
    }

    /// <summary>Its compiled graph, which frees each intermediate at its last use.</summary>
    [Benchmark]
    public void Compiled() => traced.call(input).Dispose();

    /// <summary>The four stages' features; the pooling and the classifier don't run.</summary>
    [Benchmark]
    public void Features() => extractor.call(input).Dispose();
}

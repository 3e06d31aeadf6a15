using System.Diagnostics;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Cli;

/// <summary>One way of running a model, measured in a process of its own.</summary>
internal abstract class BenchPeer : IDisposable
{
    /// <summary>ONNX Runtime on a file that has the nodes and what they need.</summary>
    internal const string Ort = "ort";

    /// <summary>ONNX Runtime on a file of the whole model, asked for the nodes only.</summary>
    internal const string OrtFull = "ort-full";

    /// <summary>ONNX Runtime on the quantised nodes, as a QDQ file.</summary>
    internal const string OrtInt8 = "ort-int8";

    /// <summary>The quantised nodes with kernels of whole numbers.</summary>
    internal const string Int8 = "int8";

    // Of a call of less than a millisecond, most would be what it takes to wake threads and fill caches that another process has used
    // meanwhile.
    private static readonly TimeSpan ShortestTurn = TimeSpan.FromMilliseconds(100);

    /// <summary>The ways that run a graph of ours, node by node.</summary>
    internal static readonly string[] Graphs = ["graph", "folded", "optimised", "bfloat16", "float16", Int8];

    /// <summary>The ways that ONNX Runtime runs.</summary>
    internal static readonly string[] InOnnxRuntime = [Ort, OrtFull, OrtInt8];

    /// <summary>The ways there are.</summary>
    internal static readonly string[] Names = ["eager", .. Graphs, .. InOnnxRuntime];

    /// <summary>Makes the call that is measured; what it returns is disposed.</summary>
    internal abstract IDisposable Run();

    /// <summary>The nodes' values, by key; null where it is not theirs alone.</summary>
    internal abstract IEnumerable<KeyValuePair<string, Tensor>>? Read(IDisposable result);

    /// <summary>How long each node takes; null for a way that has no nodes.</summary>
    internal virtual GraphProfile? Profile(int calls) => null;

    public abstract void Dispose();

    /// <summary>How long a call takes, in ms: the mean of those of one turn.</summary>
    internal double Measure()
    {
        var (watch, calls) = (Stopwatch.StartNew(), 0);
        do
        {
            Run().Dispose();
            calls++;
        }
        while (watch.Elapsed < ShortestTurn);
        return watch.Elapsed.TotalMilliseconds / calls;
    }

    /// <summary>Writes what the nodes give; no file where that isn't known.</summary>
    internal void Save(string path)
    {
        using var scope = NewDisposeScope();
        using var result = Run();
        if (Read(result) is { } features)
            Safetensors.save_file(features.ToDictionary(feature => feature.Key, feature => feature.Value.contiguous()), path);
    }

    /// <param name="name">One of <see cref="Names"/> that libtorch runs.</param>
    /// <param name="subject">What it runs.</param>
    /// <param name="batch">How many samples a call has.</param>
    internal static BenchPeer Make(string name, BenchSubject subject, int batch)
    {
        var module = subject.Build();
        if (name == "eager")
            return new EagerPeer(module, subject.Input(batch), subject.ResultKey(module));
        var extractor = subject.Extractor(module);
        if (name == "graph")
            return new GraphPeer(extractor, subject.Input(batch), module);
        var changed = name switch
        {
            "folded" => Folded(extractor),
            "bfloat16" => extractor.optimize_for_inference(ScalarType.BFloat16, discard_parameters: true),
            "float16" => extractor.optimize_for_inference(ScalarType.Float16, discard_parameters: true),
            Int8 => OptimisedInt8(extractor, subject),
            _ => extractor.optimize_for_inference(discard_parameters: true),
        };
        // The peak of the memory is not to have the weights twice.
        extractor.Dispose();
        module.Dispose();
        return new GraphPeer(changed, name == "folded" ? LaidOut(subject.Input(batch)) : subject.Input(batch));
    }

    /// <summary>The nodes in eight bits, by the lowest and highest values that they have for two samples.</summary>
    internal static DualGraphModule Quantised(DualGraphModule extractor, BenchSubject subject)
    {
        using var sample = subject.Input(2);
        return extractor.quantize([sample], QConfigMapping.default_mapping(QConfig.minmax_qconfig, attention: true));
    }

    private static DualGraphModule OptimisedInt8(DualGraphModule extractor, BenchSubject subject)
    {
        using var reference = Quantised(extractor, subject);
        return reference.optimize_for_inference();
    }

    /// <summary>
    /// The graph of a careful user of PyTorch without other kernels: batch norms folded, channels last, each tensor disposed after its last
    /// use.
    /// </summary>
    private static DualGraphModule Folded(DualGraphModule extractor)
    {
        // Blocks of a library that are leaves hide their batch norms.
        var layers = new InferenceGraph(extractor, extractor.graph.clone());
        new LeafInlining(layers).Run();
        using var open = layers.Shared(extractor);
        var folded = optimization.fuse(open);
        foreach (var convolution in folded.modules().OfType<TorchSharp.Modules.Convolution>()
            .Where(convolution => convolution.weight!.dim() == 4))
        {
            using var old = convolution.weight!;
            convolution.weight = new(LaidOut(old.detach()), requires_grad: false);
        }
        return folded;
    }

    /// <summary>The tensor with its channels last where it has two more dimensions, instead of the given one.</summary>
    private static Tensor LaidOut(Tensor tensor)
    {
        if (tensor.dim() != 4)
            return tensor;
        Span<long> strides = stackalloc long[4];
        MemoryFormat.ChannelsLast(tensor.shape, strides);
        if (MemoryFormat.Ordered(tensor, strides) is not { } ordered)
            return tensor;
        tensor.Dispose();
        return ordered;
    }
}

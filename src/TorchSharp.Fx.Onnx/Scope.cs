using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx;

/// <summary>One graph on its way to ONNX: its example runs, and what stands for the values of its nodes.</summary>
/// <param name="graph">The ONNX graph that is made.</param>
/// <param name="runs">The example runs.</param>
/// <param name="path">Where the graph's module is in the whole.</param>
internal sealed class Scope(OnnxGraph graph, ExampleRun[] runs, string path)
{
    private readonly Dictionary<Node, (Tensor Content, object Value)> constants = [];
    private Numbers? numbers;
    private AliasAnalysis? aliases;

    internal OnnxGraph Graph => graph;

    internal ExampleRun[] Runs => runs;

    internal string Path => path;

    /// <summary>The runs' first, where all agree.</summary>
    internal ExampleRun Run => runs[0];

    /// <summary>A tensor's name or its parts, a size, or an array of these, for each node that has been converted or is an input.</summary>
    internal Dictionary<Node, object?> Values { get; } = [];

    /// <summary>Which nodes write to a tensor, and which tensors share memory.</summary>
    internal AliasAnalysis Aliases => aliases ??= Run.graph.Aliases(Run.Modules, training: false);

    internal Numbers Numbers => numbers ??= new(this);

    /// <summary>
    /// Whether all runs gave the same tensors, or left the same in what was written to, whatever the data: then nothing has to be computed.
    /// </summary>
    internal bool IsConstant(Node node)
        => runs[0].Flow.ContentOf(node) is { } content && Array.TrueForAll(runs, run => Same(content, run.Flow.ContentOf(node)));

    /// <summary>What stands for a value as a node reads it; null where nothing does.</summary>
    internal object? Value(Node reader, Node read)
        => Values.TryGetValue(read, out var value) && value is not null ? value : Constant(reader, read);

    /// <summary>The name of a tensor of reals as a node reads it; null where it is none.</summary>
    internal string? Tensor(Node reader, Node read) => Value(reader, read) as string;

    /// <summary>A list of tensors as a node reads it, some of complex numbers; null where it is no list of tensors.</summary>
    internal object?[]? Parts(Node reader, Node read)
        => Value(reader, read) is object?[] items && Array.TrueForAll(items, item => item is string or ComplexValue) ? items : null;

    private object? Constant(Node reader, Node read)
    {
        var content = runs[0].Flow.ContentAt(reader, read);
        return content is not null && Array.TrueForAll(runs, run => Same(content, run.Flow.ContentAt(reader, read)))
            ? Initializer(read, content) : null;
    }

    private object? Initializer(Node node, object? content) => content switch
    {
        object?[] items => Array.ConvertAll(items, item => item is torch.Tensor tensor
            ? InParts(node.name, tensor, graph.Constant) : null),
        Tensor tensor when constants.TryGetValue(node, out var known) && Same(known.Content, tensor) => known.Value,
        Tensor tensor => (constants[node] = (tensor, InParts(node.name, tensor, graph.Constant))).Value,
        _ => null,
    };

    /// <summary>A tensor of the file, or two for one of complex numbers.</summary>
    internal static object InParts(string name, Tensor tensor, Func<string, Tensor, string> add)
        => tensor.is_complex() ? new ComplexValue(add(name + ".real", tensor.real.clone()), add(name + ".imag", tensor.imag.clone()))
            : add(name, tensor);

    /// <summary>Whether two values of the same node in two runs are the same, tensors by content.</summary>
    internal static bool Same(object? a, object? b) => (a, b) switch
    {
        (Tensor x, Tensor y) => ReferenceEquals(x, y)
            || (x.dtype == y.dtype && x.shape.AsSpan().SequenceEqual(y.shape) && x.eq(y).all().item<bool>()),
        (TensorFacts x, TensorFacts y) => x.Type == y.Type && x.Shape.AsSpan().SequenceEqual(y.Shape),
        (object?[] x, object?[] y) => x.Length == y.Length && x.Zip(y).All(pair => Same(pair.First, pair.Second)),
        (Dictionary<object, object?> x, Dictionary<object, object?> y) => x.Count == y.Count
            && x.All(item => Same(item.Value, y.GetValueOrDefault(item.Key))),
        (Array x, Array y) => x.Cast<object>().SequenceEqual(y.Cast<object>()),
        _ => Equals(a, b),
    };
}

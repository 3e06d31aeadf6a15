using System.Collections.Frozen;
using System.Collections.Immutable;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx.Importing;

/// <summary>Computes what depends on nothing but constants while loading, as long as it stays small.</summary>
internal static class Folding
{
    private const long MostElements = 1 << 20;

    /// <summary>Operations whose result is as large as their input at most, whatever it is.</summary>
    private static readonly FrozenSet<string> NeverGrow = new[]
    {
        "Cast", "Transpose", "Reshape", "Squeeze", "Unsqueeze", "Flatten", "DequantizeLinear", "QuantizeLinear", "Neg", "Slice", "Shape",
            "Size", "Not", "NonZero", "Compress", "Unique", "TopK",
    }.ToFrozenSet(StringComparer.Ordinal);

    /// <summary>Operations that draw, that hold graphs, or that keep weights in few bits.</summary>
    private static readonly FrozenSet<string> Kept = new[]
    {
        "DequantizeLinear", "RandomNormal", "RandomUniform", "RandomNormalLike", "RandomUniformLike", "Bernoulli", "Multinomial", "Dropout",
        "Constant",
            "Identity", "If", "Loop", "Scan", "SequenceConstruct", "SplitToSequence", "Optional", "OptionalGetElement",
    }.ToFrozenSet(StringComparer.Ordinal);

    /// <summary>The results as constants; null where they depend on more, or may be large.</summary>
    internal static Value[]? Convert(string operation, OnnxNode node, Converter converter)
        => Kept.Contains(operation) || node.Inputs.Length == 0 || node.Inputs.Any(input => input is not (null or ConstantValue)) ? null
            : Compute(operation, node, node.Inputs, converter);

    /// <summary>Computes an operation on constants; null where its result may be large.</summary>
    internal static ConstantValue[]? Compute(string operation, OnnxNode node, ImmutableArray<Value?> inputs, Converter converter)
    {
        if (!NeverGrow.Contains(operation) && inputs.OfType<ConstantValue>().Sum(input => input.Weight.Count) > MostElements)
            return null;
        var graph = new Graph();
        var (given, tensors) = (new List<Node>(), new List<Tensor>());
        var writer = new GraphWriter(graph, weight =>
        {
            tensors.Add(weight.Tensor);
            // Inputs come before all else.
            using (given.Count > 0 ? graph.inserting_after(given[^1]) : graph.Count > 0 ? graph.inserting_before(graph.End.next) : null)
                given.Add(graph.placeholder($"x{tensors.Count}", typeof(Tensor)));
            return given[^1];
        }, null);
        var results = converter(node.With(writer, inputs));
        if (!NeverGrow.Contains(operation) && !results.All(result => result.Count <= MostElements))
            return null;
        graph.output(new ListArgument([.. results.Select(writer.Tensor)], typeof(Tensor)), typeof(Tensor[]));
        using var root = ModuleTree.Of([]);
        var values = (Tensor[])new GraphInterpreter(root, graph).run([.. tensors])!;
        return [.. values.Select(value => new ConstantValue(new(node.Path, value)))];
    }
}

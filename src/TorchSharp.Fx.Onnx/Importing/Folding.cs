using System.Collections.Frozen;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx.Importing;

/// <summary>Computes what depends on nothing but constants while loading, as long as it stays small.</summary>
internal static class Folding
{
    private const long MostElements = 1 << 20;

    /// <summary>Operations whose result is as large as their input at most, whatever it is.</summary>
    private static readonly FrozenSet<string> NeverGrow = new[]
    {
        "Cast", "Transpose", "Reshape", "Squeeze", "Unsqueeze", "Flatten", "DequantizeLinear", "QuantizeLinear", "Neg", "Slice", "Shape", "Size", "Not", "NonZero", "Compress", "Unique", "TopK",
    }.ToFrozenSet(StringComparer.Ordinal);

    private static readonly FrozenSet<string> Random = new[]
    {
        "RandomNormal", "RandomUniform", "RandomNormalLike", "RandomUniformLike", "Bernoulli", "Multinomial", "Dropout", "Constant", "Identity", "If", "Loop", "Scan",
    }.ToFrozenSet(StringComparer.Ordinal);

    /// <summary>The results as constants; null where they depend on more, or may be large.</summary>
    internal static Value[]? Convert(string operation, OnnxNode node, Converter converter)
    {
        if (Random.Contains(operation) || node.Inputs.Length == 0 || node.Inputs.Any(input => input is not (null or ConstantValue)))
            return null;
        if (!NeverGrow.Contains(operation) && node.Inputs.OfType<ConstantValue>().Sum(input => input.Weight.Count) > MostElements)
            return null;
        var graph = new Graph();
        var tensors = new List<Tensor>();
        var writer = new GraphWriter(graph, weight =>
        {
            tensors.Add(weight.Tensor);
            using (tensors.Count > 1 ? graph.inserting_after(graph.find_nodes(Opcode.placeholder).Last()) : graph.nodes.FirstOrDefault() is { } first ? graph.inserting_before(first) : null)
                return graph.placeholder($"x{tensors.Count}", typeof(Tensor));
        }, null);
        var results = converter(node.With(writer));
        if (!NeverGrow.Contains(operation) && !results.All(result => result.Count <= MostElements))
            return null;
        graph.output(new ListArgument([.. results.Select(writer.Tensor)], typeof(Tensor)), typeof(Tensor[]));
        using var root = ModuleTree.Of([]);
        var values = (Tensor[])new GraphInterpreter(root, graph).run([.. tensors])!;
        return [.. results.Zip(values, (result, value) => new ConstantValue(new(node.Path, value)))];
    }
}

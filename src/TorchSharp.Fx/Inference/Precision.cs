using System.Collections.Immutable;
using System.Reflection;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Inference;

/// <summary>
/// Computing in numbers of half the size: inputs are converted on the way in, results back to single precision on the way out.
/// </summary>
internal static class Precision
{
    private static readonly MethodInfo Conversion = typeof(Precision).GetMethod(nameof(converted))!;

    /// <summary>
    /// The tensor in another precision; itself, under a handle of its own, if it has that already or holds no floating-point numbers.
    /// </summary>
    public static Tensor converted(Tensor tensor, ScalarType dtype)
        => tensor.is_floating_point() && tensor.dtype != dtype ? tensor.to(dtype) : tensor.alias();

    internal static void Check(ScalarType dtype)
    {
        if (dtype is not (ScalarType.Float32 or ScalarType.BFloat16 or ScalarType.Float16))
            throw new ArgumentException($"A module can be optimised for float32, bfloat16 or float16, but not for {dtype}.", nameof(dtype));
    }

    /// <summary>Converts what comes in and what goes out.</summary>
    internal static void Convert(Graph graph, ScalarType dtype)
    {
        var inputs = graph.find_nodes(Opcode.placeholder).ToArray();
        foreach (var input in inputs.Where(input => TensorTypes.IsTensor(input.type)))
            using (graph.inserting_after(inputs[^1]))
            {
                var copy = graph.call_function(Conversion, input, new Literal(dtype));
                input.replace_all_uses_with(copy, user => user != copy);
            }
        var output = graph.output_node();
        var results = new Dictionary<Node, Node>();
        using (graph.inserting_before(output))
            foreach (var result in output.all_input_nodes.Where(result => TensorTypes.IsTensor(result.type)))
                results[result] = graph.call_function(Conversion, result, new Literal(ScalarType.Float32));
        output.args = ImmutableArray.Create(output.args[0].map(node => results.GetValueOrDefault(node, node)));
    }
}

using System.Reflection;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Quantization;

/// <summary>
/// Makes the reference graph of a model in floating point by a checkpoint of PyTorch's eager quantisation: weights, scales and zero points
/// are the checkpoint's, by the paths of the modules. Counterpart: <c>torch.ao.quantization.convert</c> and <c>load_state_dict</c>.
/// </summary>
/// <param name="layers">The model's graph, which is changed, and what it names.</param>
/// <param name="checkpoint">The checkpoint.</param>
/// <param name="modules">The paths of all modules of the model: some of them are for training only.</param>
internal sealed class CheckpointConversion(InferenceGraph layers, QuantizedCheckpoint checkpoint, IReadOnlySet<string> modules)
{
    private static readonly MethodInfo Quantize = typeof(quantized_decomposed).GetMethod(nameof(quantized_decomposed.quantize_per_tensor),
        [typeof(Tensor), typeof(double), typeof(long), typeof(long), typeof(long), typeof(ScalarType)])!;

    private static readonly MethodInfo Dequantize =
        typeof(quantized_decomposed).GetMethod(nameof(quantized_decomposed.dequantize_per_tensor),
        [typeof(Tensor), typeof(double), typeof(long)])!;

    private static readonly MethodInfo DequantizeChannels = typeof(quantized_decomposed).GetMethod(
        nameof(quantized_decomposed.dequantize_per_channel))!;

    // Their results are between the steps of what they are given, and are rounded to these.
    private static readonly string[] Averages = ["mean", "avg_pool1d", "avg_pool2d", "avg_pool3d",
        "adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d"];

    private readonly Dictionary<Node, (double Scale, long Zero)> ranges = [];

    private Graph Graph => layers.Graph;

    internal void Run()
    {
        foreach (var node in Graph.nodes.ToArray())
            if (node.op == Opcode.call_module)
                Convert(node, node.target.name, layers.Module(node.target.name));
            else if (node.op is Opcode.call_function or Opcode.call_method)
                Shared(node, Averages.Contains(node.target.name));
        checkpoint.CheckAllFit(modules);
        layers.EliminateDeadCode();
    }

    private void Convert(Node node, string path, nn.Module module)
    {
        var owner = module is Identity && path.EndsWith(Observed, StringComparison.Ordinal) ? path[..^Observed.Length] : path;
        if (QuantizableLayer.Of(module) is { } layer)
            Layer(node, path, layer);
        else if (module is BatchNorm1d or BatchNorm2d or BatchNorm3d && checkpoint.IsFolded(path))
            layers.Drop(node, node.all_input_nodes[0]);
        else if (HasFixedRange(node) || module is AdaptiveAvgPool2d or AvgPool2d)
            Shared(node, module is AdaptiveAvgPool2d or AvgPool2d);
        else if (checkpoint.Range(owner) is { } range)
        {
            Round(node, range);
            if (QuantizationTracer.IsStub(module))
                layers.Drop(node, node.all_input_nodes[0]);
        }
    }

    /// <summary>The observers that a <c>FloatFunctional</c> calls with its results.</summary>
    private const string Observed = ".activation_post_process";

    /// <summary>Rounds a result that has no range of its own in the checkpoint, where what it is computed of lies on steps.</summary>
    /// <param name="node">The node.</param>
    /// <param name="isAverage">Whether it lies between the steps of its input.</param>
    private void Shared(Node node, bool isAverage)
    {
        if ((isAverage || HasFixedRange(node)) && Range(node.all_input_nodes[0]) is { } range)
            Round(node, isAverage ? range : FixedRange(node)!.Value);
    }

    private bool HasFixedRange(Node node) => FixedRange(node) is not null;

    /// <summary>The steps of an operation whose results lie in a known range.</summary>
    private (double Scale, long Zero)? FixedRange(Node node)
        => OperationName.Of(node, layers.Module) is { } name && BackendConfig.FixedRanges.FirstOrDefault(row => row.Name == name) is
            { Name: not null, QParams: var known } ? (known.Scale, known.ZeroPoint) : null;

    private void Layer(Node node, string path, QuantizableLayer layer)
    {
        // Steps that were only moved are steps for a kernel, too: rounding leaves them as they are.
        if (node.all_input_nodes[0] is var input && !ranges.ContainsKey(input) && Range(input) is { } moved)
            Round(input, moved);
        using var here = Graph.inserting_before(node);
        var norm = After(node, module => module is BatchNorm);
        var relu = After(norm ?? node, module => module is ReLU);
        var kept = checkpoint.Layer(path, layer.Weight.shape, norm is null ? null : (BatchNorm)layers.Module(norm.target.name));
        layers.Add(path + ".weight", kept.Steps);
        layers.Add(path + ".weight_scale", kept.Scale);
        layers.Add(path + ".weight_zero_point", kept.ZeroPoint);
        if (kept.Bias is not null)
        {
            layers.Add(path + ".bias", kept.Bias);
            layer = layer with { Bias = layer.Bias ?? layer.Weight };
        }
        var weight = Graph.call_function(DequantizeChannels, [Graph.get_attr(path + ".weight"),
            Graph.get_attr(path + ".weight_scale"), Graph.get_attr(path + ".weight_zero_point"), 0L]);
        layer.Substitute(Graph, node, weight);
        // A layer and the activation after it are one for PyTorch, with the range of the activation.
        if (checkpoint.Range(path) is { } range)
            Round(relu ?? weight.users.Single(), range);
    }

    /// <summary>The only reader of a value, where it is such a module.</summary>
    private Node? After(Node node, Func<nn.Module, bool> isSuch)
        => node.users is [{ op: Opcode.call_module } reader] && isSuch(layers.Module(reader.target.name)) ? reader : null;

    /// <summary>Rounds a value to steps, and reads them as numbers.</summary>
    private void Round(Node node, (double Scale, long Zero) range)
    {
        using var here = Graph.inserting_after(node);
        var steps = Graph.call_function(Quantize, [node, range.Scale, range.Zero, 0L, 255L, new Literal(ScalarType.Byte)]);
        using var there = Graph.inserting_after(steps);
        var numbers = Graph.call_function(Dequantize, [steps, range.Scale, range.Zero]);
        node.replace_all_uses_with(numbers, user => user != steps);
        ranges[numbers] = range;
    }

    /// <summary>The steps that a value lies on: its own, or those of what it was picked from.</summary>
    private (double Scale, long Zero)? Range(Node node) => ranges.TryGetValue(node, out var range) ? range
        : node.all_input_nodes.Count == 1 ? Range(node.all_input_nodes[0]) : null;
}

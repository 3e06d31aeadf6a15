using System.Reflection;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Quantization;

/// <summary>
/// Makes the reference graph of a model in floating point by a checkpoint of PyTorch's eager quantisation: weights, scales and zero points
/// are the
/// checkpoint's, by the paths of the modules. Counterpart: <c>torch.ao.quantization.convert</c> and <c>load_state_dict</c>.
/// </summary>
/// <param name="layers">The model's graph, which is changed, and what it names.</param>
/// <param name="state">The checkpoint, as <c>Pth.load_file</c> reads it.</param>
/// <param name="modules">The paths of all modules of the model: some of them are for training only.</param>
internal sealed class CheckpointConversion(InferenceGraph layers, IReadOnlyDictionary<string, Tensor> state, IReadOnlySet<string> modules)
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
    private readonly HashSet<string> read = new(StringComparer.Ordinal);

    private Graph Graph => layers.Graph;

    internal void Run()
    {
        foreach (var node in Graph.nodes.ToArray())
            if (node.op == Opcode.call_module)
                Convert(node, node.target.name, layers.Module(node.target.name));
            else if (node.op is Opcode.call_function or Opcode.call_method && Averages.Contains(node.target.name)
                && Range(node.all_input_nodes[0]) is { } range)
                Round(node, range);
        string[] others = [.. state.Keys.Where(key => !read.Contains(key) && !modules.Contains(key[..Math.Max(0, key.LastIndexOf('.'))]))
            .Order(StringComparer.Ordinal)];
        if (others.Length > 0)
            throw new ArgumentException(
                $"The model has no place for '{others[0]}', and in all {others.Length} of {state.Count} tensors of the checkpoint: is it "
                    + "of this model?");
        layers.EliminateDeadCode();
    }

    private void Convert(Node node, string path, nn.Module module)
    {
        var owner = module is Identity && path.EndsWith(Observed, StringComparison.Ordinal) ? path[..^Observed.Length] : path;
        if (QuantizableLayer.Of(module) is { } layer)
            Layer(node, path, layer);
        else if (module is BatchNorm1d or BatchNorm2d or BatchNorm3d && !state.ContainsKey(path + ".weight"))
            layers.Drop(node, node.all_input_nodes[0]);
        else if (state.ContainsKey(owner + ".scale"))
        {
            Round(node, RangeOf(owner));
            if (QuantizationTracer.IsStub(module))
                layers.Drop(node, node.all_input_nodes[0]);
        }
        else if (module is AdaptiveAvgPool2d or AvgPool2d && Range(node.all_input_nodes[0]) is { } range)
            Round(node, range);
    }

    /// <summary>The observers that a <c>FloatFunctional</c> calls with its results.</summary>
    private const string Observed = ".activation_post_process";

    private void Layer(Node node, string path, QuantizableLayer layer)
    {
        using var here = Graph.inserting_before(node);
        var (steps, scale, zero) = (Tensor(path + ".weight"), Tensor(path + ".weight_scale"), Tensor(path + ".weight_zero_point"));
        var channels = steps.shape[0];
        layers.Add(path + ".weight", steps.clone());
        layers.Add(path + ".weight_scale", scale.to(ScalarType.Float32).reshape(-1).expand(channels).clone());
        layers.Add(path + ".weight_zero_point", zero.to(steps.dtype).reshape(-1).expand(channels).clone());
        if (state.TryGetValue(path + ".bias", out var bias))
        {
            read.Add(path + ".bias");
            layers.Add(path + ".bias", bias.clone());
            layer = layer with { Bias = layer.Bias ?? layer.Weight };
        }
        var weight = Graph.call_function(DequantizeChannels, [Graph.get_attr(path + ".weight"),
            Graph.get_attr(path + ".weight_scale"), Graph.get_attr(path + ".weight_zero_point"), 0L]);
        layer.Substitute(Graph, node, weight);
        if (state.ContainsKey(path + ".scale"))
            Round(weight.users.Single(), RangeOf(path));
    }

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

    private (double Scale, long Zero) RangeOf(string path)
        => (Tensor(path + ".scale").to(ScalarType.Float64).flatten()[0].item<double>(),
            Tensor(path + ".zero_point").to(ScalarType.Int64).flatten()[0].item<long>());

    /// <summary>The steps that a value lies on: its own, or those of what it was picked from.</summary>
    private (double Scale, long Zero)? Range(Node node) => ranges.TryGetValue(node, out var range) ? range
        : node.all_input_nodes.Count == 1 ? Range(node.all_input_nodes[0]) : null;

    private Tensor Tensor(string key)
    {
        read.Add(key);
        return state.TryGetValue(key, out var tensor) ? tensor
            : throw new ArgumentException($"The checkpoint has no '{key}': it is of another model, or not quantised.");
    }
}

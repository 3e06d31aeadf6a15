using System.Reflection;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Quantization;

/// <summary>
/// Makes the reference graph of an observed one: in the place of each observer values become steps and numbers again, and layers
/// compute with weights
/// that are kept as steps. Counterpart: <c>torch.ao.quantization.fx.convert</c> with <c>is_reference=True</c>.
/// </summary>
/// <param name="layers">The observed graph, which is changed, and what it names.</param>
internal sealed class ReferenceConversion(InferenceGraph layers)
{
    /// <summary>On the first node of what is quantised: what observes its weight.</summary>
    internal static readonly MetaKey<QConfig> Weighted = new("weighted");

    private static readonly MethodInfo QuantizeTensor = Function(nameof(quantized_decomposed.quantize_per_tensor),
        typeof(Tensor), typeof(double), typeof(long), typeof(long), typeof(long), typeof(ScalarType));

    private static readonly MethodInfo DequantizeTensor = Function(nameof(quantized_decomposed.dequantize_per_tensor),
        typeof(Tensor), typeof(double), typeof(long));

    private static readonly MethodInfo QuantizeDynamic = Function(nameof(quantized_decomposed.quantize_per_tensor),
        typeof(Tensor), typeof(Tensor), typeof(Tensor), typeof(long), typeof(long), typeof(ScalarType));

    private static readonly MethodInfo DequantizeDynamic = Function(nameof(quantized_decomposed.dequantize_per_tensor),
        typeof(Tensor), typeof(Tensor), typeof(Tensor));

    private static readonly MethodInfo Choose = Function(nameof(quantized_decomposed.choose_qparams),
        typeof(Tensor), typeof(long), typeof(long), typeof(double));

    private static readonly MethodInfo DequantizeChannels = Function(nameof(quantized_decomposed.dequantize_per_channel),
        typeof(Tensor), typeof(Tensor), typeof(Tensor), typeof(long));

    // Each weight once, though several nodes may read it.
    private readonly Dictionary<string, string> converted = new(StringComparer.Ordinal);

    private Graph Graph => layers.Graph;

    internal void Run()
    {
        foreach (var node in Graph.find_nodes(Opcode.call_module).ToArray())
            if (layers.Module(node.target.name) is ObserverBase observer)
                layers.Bypass(node, observer.SeesOthers ? node.all_input_nodes[0] : Replace(node, observer));
            else if (layers.Module(node.target.name) is ConvBn norm)
                Replace(node, norm);
            else if (node.get_meta(Weighted) is { } config)
                Replace(node, layers.Module(node.target.name), config);
        foreach (var node in Graph.find_nodes(Opcode.call_function).ToArray())
            if (node.get_meta(Weighted) is { } config && LeafCalls.Function(node) is { } function)
                Replace(node, function, config);
        layers.EliminateDeadCode();
    }

    /// <summary>A leaf function that is given the numbers of its weights' steps.</summary>
    private void Replace(Node node, MethodInfo function, QConfig config)
    {
        foreach (var (position, parameter) in function.GetParameters().Index())
            if (parameter.Name!.EndsWith("weight", StringComparison.Ordinal)
                && node.args[position] is NodeArgument { Node: { op: Opcode.get_attr } weight }
                && layers.Tensor(weight.target.name) is { ndim: 2 } tensor && tensor.is_floating_point())
            {
                using var here = Graph.inserting_before(node);
                using var observer = config.weight();
                node.update_arg(position, Weight(node, weight.target.name, tensor, observer));
            }
    }

    private Node Replace(Node node, ObserverBase observer)
    {
        var input = node.all_input_nodes[0];
        using var here = Graph.inserting_before(node);
        if (observer.is_dynamic)
            return Dynamic(node, input, observer);
        if (input.op == Opcode.get_attr && observer.dtype == ScalarType.Int8)
            return Weight(node, input.target.name, layers.Tensor(input.target.name), observer);
        var parameters = observer.Parameters;
        var (scale, zero) = ((Argument)(double)parameters.Scale[0], (Argument)parameters.ZeroPoint[0]);
        var steps = Call(node, QuantizeTensor, input, scale, zero, observer.quant_min, observer.quant_max, new Literal(observer.dtype));
        return Call(node, DequantizeTensor, steps, scale, zero);
    }

    private Node Dynamic(Node node, Node input, ObserverBase observer)
    {
        var chosen = Call(node, Choose, input, observer.quant_min, observer.quant_max, (double)observer.eps);
        var (scale, zero) = (Item(node, chosen, 0), Item(node, chosen, 1));
        var steps = Call(node, QuantizeDynamic, input, scale, zero, observer.quant_min, observer.quant_max, new Literal(observer.dtype));
        return Call(node, DequantizeDynamic, steps, scale, zero);
    }

    private void Replace(Node node, nn.Module module, QConfig config)
    {
        if (QuantizableLayer.Of(module) is { } layer)
        {
            using var observer = config.weight();
            Replace(node, layer, observer);
        }
        else if (module is LSTM or GRU)
            Recurrent(node, module, config);
    }

    /// <summary>A recurrent layer as a function of its weights.</summary>
    private void Recurrent(Node node, nn.Module module, QConfig config)
    {
        using var here = Graph.inserting_before(node);
        using var activation = config.activation();
        var settings = NativeSettings.Of(module);
        var weights = module.named_parameters().Select(entry => Recurrent(node, entry.name, entry.parameter, config));
        var name = module is LSTM ? nameof(quantized_decomposed.lstm) : nameof(quantized_decomposed.gru);
        var call = Call(node, typeof(quantized_decomposed).GetMethod(name)!, node.args[0],
            node.args.Length > 1 ? node.args[1] : new Literal(null), new ListArgument([.. weights], typeof(Tensor)),
            new Literal(settings["bias"]), new Literal(settings["numLayers"]), new Literal(settings["bidirectional"]),
            new Literal(settings["batchFirst"]), activation.quant_max);
        layers.Bypass(node, call);
    }

    /// <summary>A weight of a recurrent layer, or a bias, which stays in numbers.</summary>
    private Argument Recurrent(Node node, string name, Tensor tensor, QConfig config)
    {
        var path = ModuleHierarchy.Join(node.target.name, name);
        if (name.StartsWith("bias", StringComparison.Ordinal))
            return Graph.get_attr(path);
        using var observer = config.weight();
        return Weight(node, path, tensor, observer);
    }

    private void Replace(Node node, QuantizableLayer layer, ObserverBase observer)
    {
        using var here = Graph.inserting_before(node);
        layer.Substitute(Graph, node, Weight(node, ModuleHierarchy.Join(node.target.name, "weight"), layer.Weight, observer));
    }

    /// <summary>A layer that has its batch norm in weight and bias from now on.</summary>
    private void Replace(Node node, ConvBn norm)
    {
        using var here = Graph.inserting_before(node);
        var (layer, path) = (norm.Folded(), node.target.name);
        layers.Add(path + ".bias", layer.Bias!);
        if (norm.weight_fake_quant is null)
            layers.Add(path + ".weight", layer.Weight);
        layer.Substitute(Graph, node, norm.weight_fake_quant is { } observer
            ? Weight(node, path + ".weight", layer.Weight, observer) : Graph.get_attr(path + ".weight"));
    }

    /// <summary>A weight that is kept as steps, read as numbers.</summary>
    private Node Weight(Node node, string path, Tensor weight, ObserverBase observer)
    {
        if (!converted.TryGetValue(path, out var kept))
            converted[path] = kept = Keep(path, weight, observer);
        var (steps, scale, zero) = (Graph.get_attr(kept), Graph.get_attr(kept + "_scale"), Graph.get_attr(kept + "_zero_point"));
        return Call(node, DequantizeChannels, steps, scale, zero, observer.ch_axis);
    }

    private string Keep(string path, Tensor weight, ObserverBase observer)
    {
        using var scope = NewDisposeScope();
        // One that trained with the weight has its scale.
        if (observer is not FakeQuantize || ReferenceEquals(observer.Parameters, QParams.Default))
            observer.forward(weight);
        var (scale, zero) = observer.calculate_qparams();
        var channels = weight.shape[observer.ch_axis];
        if (scale.numel() == 1)
            (scale, zero) = (scale.expand(channels).clone(), zero.expand(channels).clone());
        var steps = quantized_decomposed.quantize_per_channel(weight, scale, zero, observer.ch_axis, observer.quant_min, observer.quant_max,
            observer.dtype);
        layers.Add(path, steps);
        layers.Add(path + "_scale", scale);
        layers.Add(path + "_zero_point", zero.to(observer.dtype));
        return path;
    }

    private Node Item(Node node, Node list, int index)
    {
        var target = new BuiltinTarget(Builtin.getitem, typeof(Tensor[]));
        var item = Graph.create_node(Opcode.call_function, target, [list, index], typeof(Tensor));
        item.StandsFor(node);
        return item;
    }

    private Node Call(Node node, MethodInfo function, params Argument[] args)
    {
        var call = Graph.call_function(function, [.. args]);
        call.StandsFor(node);
        return call;
    }

    private static MethodInfo Function(string name, params Type[] takes) => typeof(quantized_decomposed).GetMethod(name, takes)!;
}

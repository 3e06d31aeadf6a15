using System.Collections.Immutable;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TorchSharp.Fx;

public static partial class quantization
{
    /// <summary>
    /// A copy of a graph module for quantisation-aware training: with a <see cref="FakeQuantize"/> after values and weights, and a
    /// <see cref="ConvBn"/> in place of a layer and the batch norm after it. Train the copy, call <c>eval()</c>, then
    /// <see cref="convert_to_reference_fx"/>. Counterpart: <c>prepare_qat_fx</c>.
    /// </summary>
    /// <param name="model">The module; it is not changed.</param>
    /// <param name="qconfig_mapping">The configuration of each part; <see cref="QConfig.default_qat_qconfig"/> for all when null.</param>
    /// <param name="backend_config">The operations that can be quantised; <see cref="BackendConfig.native"/> when null, as in PyTorch's
    /// training.</param>
    /// <returns>A module of the same type in train mode, with its own weights.</returns>
    public static T prepare_qat_fx<T>(T model, QConfigMapping? qconfig_mapping = null, BackendConfig? backend_config = null)
        where T : nn.Module, IGraphModule
    {
        ArgumentNullException.ThrowIfNull(model);
        using var scope = NewDisposeScope();
        var mapping = qconfig_mapping ?? QConfigMapping.default_mapping(QConfig.default_qat_qconfig);
        using var prepared = Observed(WithNorms(model), mapping, backend_config ?? BackendConfig.native,
            ImmutableDictionary<string, Func<ObserverBase>>.Empty);
        var layers = new InferenceGraph(prepared, prepared.Program.EvalGraph.clone());
        foreach (var call in layers.Calls)
            if (call.get_meta(ReferenceConversion.Weighted) is { } config)
                if (layers.Module(call.target.name) is ConvBn norm)
                    norm.weight_fake_quant = config.weight();
                else if (QuantizableLayer.Of(layers.Module(call.target.name)) is { } layer)
                {
                    using var here = layers.Graph.inserting_before(call);
                    var path = ModuleHierarchy.Join(call.target.name, "weight");
                    layers.Replace(path + "_fake_quant", config.weight());
                    layer.Substitute(layers.Graph, call, layers.Graph.call_module(path + "_fake_quant", layers.Graph.get_attr(path)));
                }
        var trained = layers.Owned(prepared, null);
        trained.train();
        return trained;
    }

    /// <summary>
    /// Makes the batch norm of a <see cref="ConvBn"/> use its running statistics from now on, and no longer update them:
    /// <c>model.apply(quantization.freeze_bn_stats)</c>. Counterpart: <c>torch.ao.nn.intrinsic.qat.freeze_bn_stats</c>.
    /// </summary>
    /// <param name="mod">A module; ignored unless it is a <see cref="ConvBn"/>.</param>
    public static void freeze_bn_stats(nn.Module mod) => (mod as ConvBn)?.freeze_bn_stats();

    /// <summary>
    /// Makes the batch norm of a <see cref="ConvBn"/> use and track the statistics of each batch again in train mode. Counterpart:
    /// <c>torch.ao.nn.intrinsic.qat.update_bn_stats</c>.
    /// </summary>
    /// <param name="mod">A module; ignored unless it is a <see cref="ConvBn"/>.</param>
    public static void update_bn_stats(nn.Module mod) => (mod as ConvBn)?.update_bn_stats();

    /// <summary>
    /// Makes a <see cref="FakeQuantize"/> keep its present scale and stop observing: <c>model.apply(quantization.disable_observer)</c>.
    /// Counterpart: <c>torch.ao.quantization.disable_observer</c>.
    /// </summary>
    /// <param name="mod">A module; ignored unless it is a <see cref="FakeQuantize"/>.</param>
    public static void disable_observer(nn.Module mod) => SetObserver(mod, false);

    /// <summary>Makes a <see cref="FakeQuantize"/> observe again. Counterpart: <c>torch.ao.quantization.enable_observer</c>.</summary>
    /// <param name="mod">A module; ignored unless it is a <see cref="FakeQuantize"/>.</param>
    public static void enable_observer(nn.Module mod) => SetObserver(mod, true);

    /// <summary>
    /// Makes a <see cref="FakeQuantize"/> only observe, without rounding. Counterpart: <c>torch.ao.quantization.disable_fake_quant</c>.
    /// </summary>
    /// <param name="mod">A module; ignored unless it is a <see cref="FakeQuantize"/>.</param>
    public static void disable_fake_quant(nn.Module mod) => SetRounding(mod, false);

    /// <summary>Makes a <see cref="FakeQuantize"/> round again. Counterpart: <c>torch.ao.quantization.enable_fake_quant</c>.</summary>
    /// <param name="mod">A module; ignored unless it is a <see cref="FakeQuantize"/>.</param>
    public static void enable_fake_quant(nn.Module mod) => SetRounding(mod, true);

    private static void SetObserver(nn.Module mod, bool isEnabled)
    {
        if (mod is FakeQuantize fake)
            fake.observer_enabled = isEnabled;
    }

    private static void SetRounding(nn.Module mod, bool isEnabled)
    {
        if (mod is FakeQuantize fake)
            fake.fake_quant_enabled = isEnabled;
    }

    /// <summary>A copy in which layers and the batch norms after them are one.</summary>
    private static T WithNorms<T>(T model) where T : nn.Module, IGraphModule
    {
        using var mode = no_grad();
        var layers = Opened(model, null);
        foreach (var call in layers.Calls)
            if (layers.Module(call) is BatchNorm { running_var: not null } norm
                && call.args is [NodeArgument { Node: { op: Opcode.call_module, users.Count: 1 } before }]
                && QuantizableLayer.Of(layers.Module(before)) is { } layer && norm.num_features == layer.Weight.size(0)
                && IsCalledOnce(layers, call) && IsCalledOnce(layers, before) && !optimization.IsTied(model, layers.Module(before)))
            {
                var path = before.target.name;
                layers.Replace(path, new ConvBn(layer, (BatchNorm)new DeepCopy().Of(norm, call.target.name)));
                layers.Bypass(call, before);
            }
        return layers.Owned(model, null);
    }

    private static bool IsCalledOnce(InferenceGraph layers, Node call)
        => layers.Graph.find_nodes(Opcode.call_module, call.target.name).Count() == 1;
}

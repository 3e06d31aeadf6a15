using System.Collections.Immutable;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TorchSharp.Fx;

public static partial class quantization
{
    /// <summary>
    /// A copy of a graph module that trains with the error of quantisation: <see cref="FakeQuantize"/> behind the values and the
    /// weights, and <see cref="ConvBn"/> in the place of layers and the batch norms after them. Train it, call <c>eval()</c>, and take
    /// <see cref="convert_to_reference_fx"/>. Counterpart: <c>prepare_qat_fx</c>.
    /// </summary>
    /// <param name="model">The module; it stays as it is.</param>
    /// <param name="qconfig_mapping">What is quantised how; all by <see cref="QConfig.default_qat_qconfig"/> where null.</param>
    /// <param name="backend_config">
    /// What can be quantised; <see cref="BackendConfig.native"/> where null, as PyTorch trains by that.
    /// </param>
    /// <returns>A module of the same type in training mode, with weights of its own.</returns>
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
    /// From here on the batch norms of a <see cref="ConvBn"/> go by their statistics and keep them:
    /// <c>model.apply(quantization.freeze_bn_stats)</c>. Counterpart: <c>torch.ao.nn.intrinsic.qat.freeze_bn_stats</c>.
    /// </summary>
    /// <param name="mod">A module; what is no <see cref="ConvBn"/> stays as it is.</param>
    public static void freeze_bn_stats(nn.Module mod) => (mod as ConvBn)?.freeze_bn_stats();

    /// <summary>
    /// From here on the batch norms of a <see cref="ConvBn"/> go by each batch in training. Counterpart:
    /// <c>torch.ao.nn.intrinsic.qat.update_bn_stats</c>.
    /// </summary>
    /// <param name="mod">A module; what is no <see cref="ConvBn"/> stays as it is.</param>
    public static void update_bn_stats(nn.Module mod) => (mod as ConvBn)?.update_bn_stats();

    /// <summary>
    /// Keeps the scale of a <see cref="FakeQuantize"/> as it is: <c>model.apply(quantization.disable_observer)</c>. Counterpart:
    /// <c>torch.ao.quantization.disable_observer</c>.
    /// </summary>
    /// <param name="mod">A module; what is no <see cref="FakeQuantize"/> stays as it is.</param>
    public static void disable_observer(nn.Module mod) => SetObserver(mod, false);

    /// <summary>Has a <see cref="FakeQuantize"/> observe again. Counterpart: <c>torch.ao.quantization.enable_observer</c>.</summary>
    /// <param name="mod">A module; what is no <see cref="FakeQuantize"/> stays as it is.</param>
    public static void enable_observer(nn.Module mod) => SetObserver(mod, true);

    /// <summary>Has a <see cref="FakeQuantize"/> observe only. Counterpart: <c>torch.ao.quantization.disable_fake_quant</c>.</summary>
    /// <param name="mod">A module; what is no <see cref="FakeQuantize"/> stays as it is.</param>
    public static void disable_fake_quant(nn.Module mod) => SetRounding(mod, false);

    /// <summary>Has a <see cref="FakeQuantize"/> round again. Counterpart: <c>torch.ao.quantization.enable_fake_quant</c>.</summary>
    /// <param name="mod">A module; what is no <see cref="FakeQuantize"/> stays as it is.</param>
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
        var layers = Opened(model);
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

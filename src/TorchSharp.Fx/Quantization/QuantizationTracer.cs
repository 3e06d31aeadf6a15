using System.Reflection;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Quantization;

/// <summary>
/// Traces for quantisation: torch.nn's modules are leaves, those of libraries are followed, so that the layers in them are seen;
/// functions that carry
/// the mark of a leaf are none of the backend's and stay one node. Counterpart: <c>torch.ao.quantization.fx.tracer.QuantizationTracer</c>.
/// </summary>
internal sealed class QuantizationTracer : Tracer
{
    internal override bool IsMarkedLeaf(MethodBase method) => LeafMark.Of(method) is not null || base.IsMarkedLeaf(method);

    /// <inheritdoc/>
    public override bool is_leaf_module(nn.Module m, string module_qualified_name)
        => IsStub(m) || IsStandIn(m.GetType()) || base.is_leaf_module(m, module_qualified_name);

    /// <summary>Whether a module says where eight bits begin; libraries have their own, by the name of PyTorch's.</summary>
    internal static bool IsStub(nn.Module module) => module.GetType().Name == "QuantStub";

    /// <summary>Whether a marked module stands for one of torch.nn's, as it has its name.</summary>
    internal static bool IsStandIn(Type type) => LeafMark.Of(type) is not null
        && type.Assembly != typeof(nn).Assembly && typeof(nn).Assembly.GetType($"TorchSharp.Modules.{type.Name}") is not null;
}

using TorchSharp.Fx.Tracing;
using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>
/// A copy of a leaf module to run in its stead, in the modes of a trace: what it writes, nobody sees. What TorchSharp keeps in native code is shared, but for a table that scales its rows down to a largest norm.
/// </summary>
internal sealed class DetachedCopy
{
    private readonly DeepCopy copier;

    private DetachedCopy(nn.Module module, string path, ModuleModes? modes)
    {
        copier = new() { SharesNative = true, SharesParameters = Homes.Of(module.GetType()) == Home.TorchSharp && !NativeSettings.AnyRenormalises(module), Modes = modes };
        Module = (nn.Module)copier.Of(module, path);
    }

    internal nn.Module Module { get; }

    /// <summary>A copy where running the module itself might change it, or where it is in another mode; else null.</summary>
    internal static DetachedCopy? Where(nn.Module module, string path, ModuleModes? modes)
        => Homes.Of(module.GetType()) != Home.TorchSharp || NativeSettings.AnyRenormalises(module) || (ModuleModes.Matters(module) && (module.training || modes?.IsTraining(module) is true)) ? new(module, path, modes) : null;

    /// <summary>Gives up the copied tensors, but for those in the result.</summary>
    internal void Release(object? result)
    {
        var kept = Disposal.TensorsIn(result).ToHashSet<object>(ReferenceEqualityComparer.Instance);
        foreach (var tensor in copier.Tensors)
            if (!kept.Contains(tensor))
                tensor.Dispose();
    }
}

using TorchSharp.Fx.Tracing;
using TorchSharp.Modules;
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
        var writes = Renormalises(module);
        copier = new() { SharesNative = !writes, SharesParameters = !writes && Homes.Of(module.GetType()) == Home.TorchSharp, Modes = modes };
        Module = (nn.Module)copier.Of(module, path);
    }

    internal nn.Module Module { get; }

    /// <summary>A copy where running the module itself might change it, or where it is in another mode; else null.</summary>
    internal static DetachedCopy? Where(nn.Module module, string path, ModuleModes? modes)
        => Homes.Of(module.GetType()) != Home.TorchSharp || Renormalises(module) || (ModuleModes.Matters(module) && (module.training || modes?.IsTraining(module) is true)) ? new(module, path, modes) : null;

    /// <summary>Whether a module scales the rows that are looked up in it down to a largest norm, whatever its mode.</summary>
    internal static bool Renormalises(nn.Module module) => module is Embedding or EmbeddingBag && NativeText.Of(module) is { } text && NativeText.Number(text, "max_norm") is not null;

    /// <summary>Gives up the copied tensors, but for those in the result.</summary>
    internal void Release(object? result)
    {
        var kept = Disposal.TensorsIn(result).ToHashSet<object>(ReferenceEqualityComparer.Instance);
        foreach (var tensor in copier.Tensors)
            if (!kept.Contains(tensor))
                tensor.Dispose();
    }
}

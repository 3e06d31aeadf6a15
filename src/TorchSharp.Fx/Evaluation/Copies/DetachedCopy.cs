using static TorchSharp.torch;

namespace TorchSharp.Fx.Evaluation;

/// <summary>
/// A copy of a leaf module to run in its stead, in the modes of a trace: what it writes, nobody sees. What TorchSharp keeps in native code
/// is shared, but for a table that scales its rows down to a largest norm.
/// </summary>
internal sealed class DetachedCopy
{
    private readonly DeepCopy copier;

    private DetachedCopy(nn.Module module, string path, ModuleModes? modes)
    {
        copier = new() { SharesNative = true, SharesParameters = Homes.Of(module.GetType()) == Home.TorchSharp
            && !NativeSettings.AnyRenormalises(module), Modes = modes };
        Module = (nn.Module)copier.Of(module, path);
    }

    internal nn.Module Module { get; }

    /// <summary>A copy where running the module itself might change it, or where it is in another mode; else null.</summary>
    internal static DetachedCopy? Where(nn.Module module, string path, ModuleModes? modes)
        => Homes.Of(module.GetType()) != Home.TorchSharp || NativeSettings.AnyRenormalises(module)
            || (ModuleModes.Matters(module) && (module.training || modes?.IsTraining(module) is true)) ? new(module, path, modes) : null;

    /// <summary>All rows that a table looks up: it scales those down whose norm is too large. The table stays as it is.</summary>
    /// <param name="table">The layer.</param>
    /// <param name="count">How many rows it has.</param>
    /// <param name="look">Looks up rows of these numbers.</param>
    internal static Tensor RowsOf<T>(T table, long count, Func<T, Tensor, Tensor> look) where T : nn.Module
    {
        using var noGradients = no_grad();
        var copy = Where(table, "", null);
        using var numbers = arange(count);
        var rows = look((T)(copy?.Module ?? table), numbers);
        copy?.Release(rows);
        return rows;
    }

    /// <summary>Gives up the copied tensors, but for those in the result.</summary>
    internal void Release(object? result)
    {
        var kept = Disposal.TensorsIn(result).ToHashSet<object>(ReferenceEqualityComparer.Instance);
        foreach (var tensor in copier.Tensors)
            if (!kept.Contains(tensor))
                tensor.Dispose();
    }
}

namespace TorchSharp.Fx.Inference;

/// <summary>
/// The layers that several graphs of one function have in common, so that each weight is kept once. They go with any of the graphs, which
/// therefore go together.
/// </summary>
/// <param name="names">The names that stand for the same weight in all graphs.</param>
internal sealed class SharedKernels(IReadOnlySet<string> names)
{
    private readonly List<(string Weight, FusedModule Layer)> layers = [];

    /// <summary>
    /// The layer that all graphs use in the place of this one: itself where it is the first of its kind, else it is disposed.
    /// </summary>
    /// <param name="weight">The name of its weight.</param>
    /// <param name="layer">The layer.</param>
    internal FusedModule Of(string weight, FusedModule layer)
    {
        if (!names.Contains(weight))
            return layer;
        foreach (var (name, known) in layers)
            if (name == weight && known.DiffersByWeightAtMost(layer))
            {
                layer.Dispose();
                return known;
            }
        layers.Add((weight, layer));
        return layer;
    }

    internal void Clear() => layers.Clear();
}

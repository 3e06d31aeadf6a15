using System.Collections.Immutable;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Quantization;

/// <summary>
/// Quantises as many layers as leave the outputs near those in floating point. Inputs are observed once: what they show holds
/// whichever layers are quantised, as observers see numbers in floating point.
/// </summary>
/// <param name="floating">The module in floating point, with its batch norms folded.</param>
/// <param name="mapping">What is quantised how.</param>
/// <param name="inputs">Typical inputs.</param>
internal sealed class PrecisionSearch<T>(T floating, QConfigMapping mapping, IReadOnlyList<Tensor> inputs) where T : nn.Module, IGraphModule
{
    private IReadOnlyDictionary<string, Func<ObserverBase>> observed
        = ImmutableDictionary<string, Func<ObserverBase>>.Empty;

    /// <summary>
    /// The reference graph whose outputs meet a cosine on each of the inputs, with as few layers in floating point as that takes.
    /// </summary>
    internal T Run(double target)
    {
        var best = Quantised([]);
        var report = QuantizationReport.Of(floating, best, inputs);
        if (report.cosine >= target)
            return best;
        // Those that cost most by themselves go first; how many of them is found by halving.
        var costly = report.layers.OrderBy(layer => layer.own_sqnr).Select(layer => layer.name).ToArray();
        var (least, most) = (1, costly.Length);
        while (least <= most)
        {
            var middle = (least + most) / 2;
            var tried = Quantised(costly.AsSpan(0, middle));
            if (middle < costly.Length && QuantizationReport.CosinesOf(floating, tried, inputs).Values.Min() < target)
            {
                least = middle + 1;
                tried.Dispose();
                continue;
            }
            most = middle - 1;
            best.Dispose();
            best = tried;
        }
        return best;
    }

    private T Quantised(ReadOnlySpan<string> floatingLayers)
    {
        using var prepared = quantization.Observed(floating.clone(), mapping.Without(floatingLayers), null, observed);
        var own = Observers(prepared);
        // What was quantised by the operation before, at the scale of another value, may have had no observer.
        if (own.Values.Any(observer => observer is not FixedQParamsObserver && !observer.is_dynamic))
            quantization.Calibrate(prepared, inputs);
        if (observed.Count == 0)
            observed = own.Where(entry => !entry.Value.is_dynamic && !entry.Value.SeesOthers)
                .ToDictionary(entry => entry.Key, entry => Fixed(entry.Value));
        return quantization.convert_to_reference_fx(prepared);
    }

    /// <summary>An observer that always answers as this one does now.</summary>
    private static Func<ObserverBase> Fixed(ObserverBase observer)
    {
        var known = new FixedQParamsObserver(observer);
        return () => new FixedQParamsObserver(known);
    }

    /// <summary>The observers by the names of the nodes that they see.</summary>
    private static Dictionary<string, ObserverBase> Observers(T prepared)
    {
        var observers = new Dictionary<string, ObserverBase>(StringComparer.Ordinal);
        foreach (var node in prepared.graph.find_nodes(Opcode.call_module))
            if (prepared.Program.Source.Module(node.target.name) is ObserverBase observer && node.all_input_nodes[0].op != Opcode.get_attr)
                observers[node.all_input_nodes[0].name] = observer;
        return observers;
    }
}

using System.Globalization;
using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>The error of one quantised value against floating point.</summary>
/// <param name="name">The node's name in feature extraction.</param>
/// <param name="operation">The node's operation.</param>
/// <param name="sqnr">The signal-to-quantisation-noise ratio (SQNR) in decibels, with the errors of all layers before it; 6 dB are one bit.
/// Counterpart: <c>torch.ao.ns.fx.utils.compute_sqnr</c>.</param>
/// <param name="own_sqnr">The SQNR when all layers before it compute in floating point: the cost of its own weight and rounding.</param>
public sealed record LayerError(string name, string operation, double sqnr, double own_sqnr);

/// <summary>
/// The error of a quantised model against the floating-point model. Counterpart: PyTorch's numeric suite, <c>torch.ao.ns</c>.
/// </summary>
/// <param name="layers">The error of each quantised value, in the order of execution.</param>
/// <param name="cosines">The cosine similarity of each output to that in floating point, by the output's name; the smallest over all
/// inputs. An output that isn't a dictionary is called <c>output</c>.</param>
public sealed record QuantizationReport(IReadOnlyList<LayerError> layers, IReadOnlyDictionary<string, double> cosines)
{
    /// <summary>The smallest cosine of all outputs.</summary>
    public double cosine => cosines.Values.DefaultIfEmpty(1).Min();

    /// <summary>The report as a table.</summary>
    public override string ToString()
    {
        var rows = new List<string[]> { new[] { "layer", "operation", "SQNR (dB)", "alone" } };
        rows.AddRange(layers.Select(layer => new[] { layer.name, layer.operation, Decibels(layer.sqnr), Decibels(layer.own_sqnr) }));
        return GraphText.Table(rows)
            + string.Concat(cosines.Select(entry => FormattableString.Invariant($"cosine of {entry.Key}: {entry.Value:F6}\n")));
    }

    /// <summary>The report as an SVG picture: one row per layer, with bars for its ratios in decibels.</summary>
    /// <param name="name">The picture's title.</param>
    public string to_svg(string name = "model") => new QuantizationChart(this).Draw(name);

    private static string Decibels(double value) => value.ToString("F1", CultureInfo.InvariantCulture);

    /// <summary>Runs both on inputs and compares.</summary>
    /// <param name="floating">The model in floating point, with its batch norms folded.</param>
    /// <param name="quantized">The quantised model.</param>
    /// <param name="inputs">The inputs.</param>
    internal static QuantizationReport Of(IGraphModule floating, IGraphModule quantized, IEnumerable<Tensor> inputs)
    {
        using var mode = no_grad();
        var names = Names(quantized);
        var sums = new Dictionary<string, (double Signal, double Noise)>();
        var own = new Dictionary<string, (double Signal, double Noise)>();
        var cosines = new Dictionary<string, double>();
        foreach (var input in inputs)
        {
            using var scope = NewDisposeScope();
            var exact = new Recorded(floating, names);
            var expected = exact.run(input);
            foreach (var (name, value) in Outputs(expected, new Compared(quantized, exact.Values, sums, replaces: false).run(input)))
                cosines[name] = Math.Min(value, cosines.GetValueOrDefault(name, 1));
            _ = new Compared(quantized, exact.Values, own, replaces: true).run(input);
        }
        return new([.. quantized.graph.nodes.Where(node => sums.ContainsKey(node.name)).Select(node => new LayerError(
            node.get_meta(Node.QualifiedName) ?? node.name, node.target.name, Ratio(sums[node.name]), Ratio(own[node.name])))], cosines);
    }

    /// <summary>The values that are quantised, by the names that they have in floating point.</summary>
    internal static HashSet<string> Names(IGraphModule quantized)
        => quantized.graph.nodes.Where(IsSteps).Select(node => node.all_input_nodes[0].name).ToHashSet(StringComparer.Ordinal);

    /// <summary>The cosine between the outputs, by their names; the least of all inputs.</summary>
    internal static IReadOnlyDictionary<string, double> CosinesOf(IGraphModule floating, IGraphModule quantized, IEnumerable<Tensor> inputs)
    {
        using var mode = no_grad();
        var cosines = new Dictionary<string, double>();
        foreach (var input in inputs)
        {
            using var scope = NewDisposeScope();
            foreach (var (name, value) in Outputs(new GraphInterpreter(floating).run(input), new GraphInterpreter(quantized).run(input)))
                cosines[name] = Math.Min(value, cosines.GetValueOrDefault(name, 1));
        }
        return cosines;
    }

    private static IEnumerable<(string Name, double Cosine)> Outputs(object? expected, object? actual)
    {
        var names = expected is Features features ? features.Keys.ToArray() : null;
        foreach (var (i, (a, b)) in Structure.Tensors(expected).Zip(Structure.Tensors(actual)).Index())
            yield return (names is not null && i < names.Length ? names[i] : i == 0 ? "output" : $"output_{i}",
                nn.functional.cosine_similarity(Row(a), Row(b)).item<double>());

        static Tensor Row(Tensor tensor) => tensor.reshape(1, -1).to(ScalarType.Float64);
    }

    private static double Ratio((double Signal, double Noise) sums)
        => sums.Noise == 0 ? double.PositiveInfinity : 10 * Math.Log10(sums.Signal / sums.Noise);

    private static bool IsSteps(Node node)
        => node.target is FunctionTarget { Method.DeclaringType: var type } && type == typeof(quantized_decomposed)
        && node.target.name == nameof(quantized_decomposed.quantize_per_tensor);

    /// <summary>Keeps copies of some values, which operations in place would change.</summary>
    private sealed class Recorded(IGraphModule module, HashSet<string> names) : GraphInterpreter(module)
    {
        internal Dictionary<string, Tensor> Values { get; } = new(StringComparer.Ordinal);

        public override object? run_node(Node node)
        {
            var value = base.run_node(node);
            if (value is Tensor tensor && names.Contains(node.name))
                Values[node.name] = tensor.clone();
            return value;
        }
    }

    /// <summary>Compares the numbers that steps become with the exact ones, and goes on with these where asked.</summary>
    private sealed class Compared(
        IGraphModule module, Dictionary<string, Tensor> exact, Dictionary<string, (double Signal, double Noise)> sums, bool replaces)
        : GraphInterpreter(module)
    {
        public override object? run_node(Node node)
        {
            var value = base.run_node(node);
            if (value is not Tensor tensor || node.all_input_nodes is not [var steps, ..] || !IsSteps(steps)
                || steps.all_input_nodes[0].name is var name && !exact.ContainsKey(name))
                return value;
            var (signal, noise) = sums.GetValueOrDefault(name);
            sums[name] = (signal + Energy(exact[name]), noise + Energy(tensor - exact[name]));
            return replaces ? exact[name].clone() : value;
        }

        private static double Energy(Tensor values) => values.square().sum(ScalarType.Float64).item<double>();
    }
}

using TorchSharp.Fx.Onnx.Format;

namespace TorchSharp.Fx.Onnx;

/// <summary>The inputs and outputs of a model, with their types and shapes.</summary>
internal static class Signature
{
    /// <summary>The name of an input: as the caller says, or as <c>forward</c> does.</summary>
    internal static string[] Names(Graph graph, IReadOnlyList<string>? names)
    {
        var placeholders = graph.nodes.Where(node => node.op == Opcode.placeholder).ToArray();
        return names is null || names.Count == placeholders.Length
            ? [.. names ?? placeholders.Select(node => ((PlaceholderTarget)node.target).Parameter)]
            : throw new ArgumentException($"The graph has {placeholders.Length} inputs, but {names.Count} names are given.", nameof(names));
    }

    /// <summary>The dimensions that the caller names, for each input.</summary>
    internal static IReadOnlyDictionary<int, string>[] Axes(string[] names,
        IReadOnlyDictionary<string, IReadOnlyDictionary<int, string>>? dynamic_axes, IReadOnlyList<object?> inputs)
    {
        foreach (var (name, axes) in dynamic_axes ?? new Dictionary<string, IReadOnlyDictionary<int, string>>())
        {
            var at = Array.IndexOf(names, name);
            if (at < 0)
                throw new ArgumentException($"dynamic_axes names an input '{name}', but the inputs are {string.Join(", ", names)}.",
                    nameof(dynamic_axes));
            // A number has no dimensions: to name it is to leave it free.
            var rank = inputs.ElementAtOrDefault(at) switch { torch.Tensor tensor => (int)tensor.dim(),
                InputShape shape => shape.letters.Count, _ => 0 };
            if (axes.Keys.Any(axis => axis < 0 || axis >= rank))
                throw new ArgumentException(
                    $"dynamic_axes names dimension {axes.Keys.First(axis => axis < 0 || axis >= rank)} of '{name}', which has {rank}.",
                    nameof(dynamic_axes));
        }
        return [.. names.Select(name => dynamic_axes?.GetValueOrDefault(name) ?? new Dictionary<int, string>())];
    }

    /// <summary>Declares the tensors among the placeholders, and the numbers that stay free as tensors without dimensions.</summary>
    internal static object?[] Inputs(OnnxGraph graph, Examples examples, string[] names)
    {
        var run = examples.Runs[0];
        var placeholders = run.graph.nodes.Where(node => node.op == Opcode.placeholder);
        return [.. placeholders.Select((node, i) => run.Values[node] is TensorFacts facts
            ? Tensor(facts, i) : examples.Numbers[i] ? Number(run.Values[node]!, i) : null)];

        object Tensor(TensorFacts facts, int i)
        {
            var (name, before) = (Declare(ComplexValue.PairFacts(facts), graph.Name(names[i]), examples.Axes[i]), graph.Proto.Node.Count);
            if (!ComplexValue.Has(facts))
                return name;
            var parts = ComplexValue.OfPairs(graph, names[i], name);
            graph.NameNodes(before, names[i], null);
            return parts;
        }

        object Number(object value, int i)
        {
            var (type, before) = (DataTypes.OfNumber(value.GetType()), graph.Proto.Node.Count);
            var one = graph.Add("Reshape", names[i], [Declare(new([], type), graph.Name(names[i]), examples.Axes[i]), graph.Integers(1)]);
            graph.NameNodes(before, names[i], null);
            return type == torch.ScalarType.Int64 ? new Size(0, one) : new Fraction(one, type);
        }

        string Declare(TensorFacts facts, string name, IReadOnlyDictionary<int, string> free)
        {
            var input = new ValueInfoProto { Name = name, Type = TypeOf(facts.Type) };
            input.Type.TensorType.Shape = new TensorShapeProto();
            input.Type.TensorType.Shape.Dim.Add(
                facts.Shape.Select((size, axis) => free.TryGetValue(axis, out var letter)
                    ? new TensorShapeProto.Types.Dimension { DimParam = letter } : new() { DimValue = size }));
            graph.Proto.Input.Add(input);
            return graph.Declare(name, facts.Type);
        }
    }

    /// <summary>The keys of features are names that no node may take.</summary>
    internal static Dictionary<string, string> Keys(OnnxGraph graph, Graph source) => source.output_node().args[0] is DictArgument dict
        ? dict.Entries.Select(entry => entry.Key).OfType<Literal>().Select(key => key.Value!.ToString()!)
            .ToDictionary(key => key, graph.Name)
        : [];

    /// <summary>Gives each result its own name.</summary>
    internal static void Outputs(OnnxGraph graph, Dictionary<string, (string Value, TensorFacts Facts)> results,
        Dictionary<string, string> keys)
    {
        foreach (var (name, (value, facts)) in results.Where(result => result.Value.Value.Length > 0))
        {
            var output = new ValueInfoProto { Name = keys.GetValueOrDefault(name) ?? graph.Name(name), Type = TypeOf(facts.Type) };
            // A node of its own, for the value may have another name, be an input, or be asked for twice.
            graph.Proto.Node.Add(graph.Checked(value, name, output.Name));
            graph.Proto.Output.Add(output);
        }
    }

    private static TypeProto TypeOf(torch.ScalarType type) => new() { TensorType = new() { ElemType = DataTypes.Of(type) } };
}

using TorchSharp.Fx.Onnx.Format;

namespace TorchSharp.Fx.Onnx;

/// <summary>The inputs and outputs of a model, with their types and shapes.</summary>
internal static class Signature
{
    /// <summary>Declares the tensors among the placeholders, and finds the free dimension in one of them.</summary>
    internal static object?[] Inputs(OnnxGraph graph, ExampleRun[] runs, long[] free, string? letter, IReadOnlyList<string>? names)
    {
        var placeholders = runs[0].graph.nodes.Where(node => node.op == Opcode.placeholder).ToArray();
        if (names is not null && names.Count != placeholders.Length)
            throw new ArgumentException($"The graph has {placeholders.Length} inputs, but {names.Count} names are given.", nameof(names));
        return [.. placeholders.Select((node, i) => runs[0].Values[node] is TensorFacts facts ? Declare(node, facts, names?[i] ?? ((PlaceholderTarget)node.target).Parameter) : null)];

        string Declare(Node node, TensorFacts facts, string name)
        {
            var input = new ValueInfoProto { Name = graph.Name(name), Type = TypeOf(facts.Type) };
            input.Type.TensorType.Shape = new TensorShapeProto();
            for (var axis = 0; axis < facts.Shape.Length; axis++)
            {
                var size = Size.Of([.. runs.Select(run => ((TensorFacts)run.Values[node]!).Shape[axis])], free)!.Value;
                input.Type.TensorType.Shape.Dim.Add(size.IsFixed ? new TensorShapeProto.Types.Dimension { DimValue = size.Constant } : new() { DimParam = letter });
                if (!size.IsFixed && graph.FreeSize is null)
                    graph.FreeSize = Once(graph, input.Name, axis);
            }
            graph.Proto.Input.Add(input);
            return input.Name;
        }
    }

    /// <summary>The keys of features are names that no node may take.</summary>
    internal static Dictionary<string, string> Keys(OnnxGraph graph, Graph source) => source.output_node().args[0] is DictArgument dict
        ? dict.Entries.Select(entry => entry.Key).OfType<Literal>().Select(key => key.Value!.ToString()!).ToDictionary(key => key, graph.Name)
        : [];

    /// <summary>Gives each result its own name.</summary>
    internal static void Outputs(OnnxGraph graph, Dictionary<string, (string Value, TensorFacts Facts)> results, Dictionary<string, string> keys)
    {
        foreach (var (name, (value, facts)) in results.Where(result => result.Value.Value.Length > 0))
        {
            var output = new ValueInfoProto { Name = keys.GetValueOrDefault(name) ?? graph.Name(name), Type = TypeOf(facts.Type) };
            // An Identity, for the value may have another name, be an input, or be asked for twice.
            var node = new NodeProto { OpType = "Identity", Name = graph.Name(name + "/Identity"), Input = { value }, Output = { output.Name } };
            graph.Proto.Node.Add(node);
            graph.Proto.Output.Add(output);
        }
    }

    private static TypeProto TypeOf(torch.ScalarType type) => new() { TensorType = new() { ElemType = DataTypes.Of(type) } };

    private static Func<string> Once(OnnxGraph graph, string input, int axis)
    {
        var size = new Lazy<string>(() => graph.Add("Gather", "free_size", [graph.Add("Shape", "free_size", [input]), graph.Integers(axis)], OnnxGraph.Attribute("axis", 0)));
        return () => size.Value;
    }
}

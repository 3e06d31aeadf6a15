using System.Text.Json;

namespace TorchSharp.Fx.Export;

/// <summary>Writes a graph, of a program or of a branch.</summary>
internal sealed class GraphWriter
{
    private readonly byte[] nodes;
    private readonly WrittenState state;

    /// <param name="plain">The graph.</param>
    /// <param name="state">The tensors that it names.</param>
    /// <param name="facts">What is known of its values.</param>
    /// <param name="options">How its JSON is written.</param>
    internal GraphWriter(PlainGraph plain, WrittenState state, IReadOnlyDictionary<Node, Fact> facts, JsonWriterOptions options)
    {
        this.state = state;
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, options))
        {
            Nodes = new(json, new(json), state, facts, plain);
            foreach (var name in state.Reserved)
                Nodes.Unused(name);
            foreach (var node in plain.Graph.find_nodes(Opcode.placeholder))
                if (facts[node] is Fact.OfTensor tensor)
                    Nodes.Input(node, tensor);
            json.WriteStartArray();
            foreach (var node in plain.Graph.nodes)
                Nodes.Write(node);
            json.WriteEndArray();
        }
        nodes = buffer.ToArray();
        Results = new(plain.Graph.output_node().args[0], facts);
    }

    /// <summary>The nodes, by their names in the program.</summary>
    internal NodeWriter Nodes { get; }

    /// <summary>The result.</summary>
    internal ResultTree Results { get; }

    /// <summary>Writes the members of the graph.</summary>
    /// <param name="json">Where to.</param>
    /// <param name="write">Writes the format's parts.</param>
    /// <param name="inputs">Write the inputs.</param>
    internal void Write(Utf8JsonWriter json, ProgramJson write, IEnumerable<Action<ProgramJson>> inputs)
    {
        write.List("inputs", inputs, input => input(write));
        write.List("outputs", Results.Leaves, leaf => Nodes.WriteResult(write, leaf));
        json.WritePropertyName("nodes");
        json.WriteRawValue(nodes);
        write.Object("tensor_values", () =>
        {
            foreach (var input in state.Inputs)
                write.Object(input.Input, () => write.Meta(Fact.OfTensor.Of(input.Tensor)));
            foreach (var (name, fact) in Nodes.Tensors)
                write.Object(name, () => write.Meta(fact));
        });
        write.Object("sym_int_values", () =>
        {
            foreach (var (name, size) in Nodes.Numbers)
            {
                json.WritePropertyName(name);
                write.Size(size);
            }
        });
        write.Object("sym_bool_values", () => { });
        json.WriteBoolean("is_single_tensor_return", false);
        write.Object("custom_obj_values", () => { });
        write.Object("sym_float_values", () => { });
    }
}

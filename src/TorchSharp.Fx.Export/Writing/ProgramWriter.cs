using System.Text;
using System.Text.Json;
using System.Text.Encodings.Web;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Export;

/// <summary>Writes a graph module as an exported program, in the layout of PyTorch 2.8 and later.</summary>
/// <param name="module">The graph module.</param>
/// <param name="inputs">The example's inputs.</param>
/// <param name="dynamicShapes">The free dimensions, by input and position.</param>
internal sealed partial class ProgramWriter(nn.Module module, object?[] inputs, IReadOnlyDictionary<string, IReadOnlyDictionary<int,
    Dim>> dynamicShapes)
{
    private const string Model = "model";
    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly PlainGraph plain = new(module, inputs, new FreeSizes(dynamicShapes));

    /// <summary>Writes the archive.</summary>
    internal void Write(Stream stream, string name)
    {
        var zip = new StoredZip(stream);
        var (program, state) = Program();
        WriteTensors(zip, name, "weights", state.Names.Select(entry => (entry.Name, entry.Input)), "weight");
        WriteTensors(zip, name, "constants",
            state.Inputs.Where(input => input.Kind == StateKind.Constant).Select(input => (input.Path, input)), "tensor");
        zip.Add($"{name}/models/{Model}.json", program);
        zip.Add($"{name}/data/sample_inputs/{Model}.pt", SampleInputs());
        foreach (var (entry, text) in new[] { ("archive_format", "pt2"), ("archive_version", "0"), (".data/version", "6\n"),
            ("byteorder", "little") })
            zip.Add($"{name}/{entry}", Encoding.UTF8.GetBytes(text));
        zip.Finish();
    }

    private (byte[] Json, WrittenState State) Program()
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        var state = new WrittenState(module,
            name => Enumerable.Range(0, int.MaxValue).Select(i => i == 0 ? name : $"{name}_{i}").First(names.Add));
        var graph = new GraphWriter(plain, state, plain.Facts(), Options);
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, Options))
            WriteProgram(json, new(json), state, graph);
        return (buffer.ToArray(), state);
    }

    private void WriteProgram(Utf8JsonWriter json, ProgramJson write, WrittenState state, GraphWriter graph) => write.Object(() =>
    {
        write.Object("graph_module", () =>
        {
            write.Object("graph", () => graph.Write(json, write, [
                .. state.Inputs.Select(input => (Action<ProgramJson>)(inner => inner.Tensor(input.Input))),
                .. UserInputs(graph.Nodes).Select(input => (Action<ProgramJson>)input.Write)]));
            write.Object("signature", () => WriteSignature(json, write, state, graph));
            write.List("module_call_graph", ModulePaths().Prepend(""), path
                => write.Object(() => WriteModule(json, write, path, graph.Results)));
            write.Object("metadata", () => { });
            write.Object("treespec_namedtuple_fields", () => { });
        });
        write.Object("opset_version", () => json.WriteNumber("aten", 10));
        write.Object("range_constraints", () =>
        {
            foreach (var (i, dim) in new FreeSizes(dynamicShapes).Dims.Index())
                write.Object(SizeFact.Symbol(i), () =>
                {
                    json.WriteNumber("min_val", dim.min);
                    if (dim.max is { } max)
                        json.WriteNumber("max_val", max);
                    else
                        json.WriteNull("max_val");
                });
        });
        write.Object("schema_version", () =>
        {
            json.WriteNumber("major", ExportedProgram.Version);
            json.WriteNumber("minor", 20);
        });
        write.List("verifiers", ["TRAINING"], json.WriteStringValue);
        json.WriteString("torch_version", "2.8.0");
        write.List("guards_code", Array.Empty<string>(), json.WriteStringValue);
    });

    private void WriteSignature(Utf8JsonWriter json, ProgramJson write, WrittenState state, GraphWriter graph)
    {
        json.WriteStartArray("input_specs");
        foreach (var input in state.Inputs)
            write.Object(() => write.Object(input.Kind switch { StateKind.Parameter => "parameter", StateKind.Buffer => "buffer", _
                => "tensor_constant" }, () =>
            {
                write.Object("arg", () => json.WriteString("name", input.Input));
                json.WriteString(input.Kind switch { StateKind.Parameter => "parameter_name", StateKind.Buffer => "buffer_name", _
                    => "tensor_constant_name" }, input.Path);
                if (input.Kind == StateKind.Buffer)
                    json.WriteBoolean("persistent", true);
            }));
        foreach (var input in UserInputs(graph.Nodes))
            write.Object(() =>
            {
                if (input.IsTensor)
                    write.Object("user_input", () => Argument(input.Write));
                else
                    write.Object("constant_input", () =>
                    {
                        json.WriteString("name", input.Name);
                        json.WritePropertyName("value");
                        write.Constant(input.Constant);
                    });
            });
        json.WriteEndArray();
        write.List("output_specs", graph.Results.Leaves, leaf
            => write.Object(() => write.Object("user_output", () => Argument(inner => graph.Nodes.WriteResult(inner, leaf)))));

        void Argument(Action<ProgramJson> content)
        {
            json.WritePropertyName("arg");
            content(write);
        }
    }

    private void WriteModule(Utf8JsonWriter json, ProgramJson write, string path, ResultTree results)
    {
        json.WriteString("fqn", path);
        if (path.Length > 0)
        {
            json.WriteNull("signature");
            return;
        }
        var arguments = ((IGraphModule)module).graph.find_nodes(Opcode.placeholder).ToArray();
        write.Object("signature", () =>
        {
            json.WriteStartArray("inputs");
            json.WriteEndArray();
            json.WriteStartArray("outputs");
            json.WriteEndArray();
            json.WriteString("in_spec", ResultTree.OfInputs(inputs));
            json.WriteString("out_spec", results.Spec);
            write.List("forward_arg_names", arguments, node => json.WriteStringValue(node.target.name));
        });
    }

    private IEnumerable<string> ModulePaths()
        => plain.Graph.find_nodes(Opcode.call_module).SelectMany(node => node.target.name.Split('.') is var levels
            ? levels.Select((_, i) => string.Join('.', levels[..(i + 1)])) : []).Distinct();

    /// <summary>The program's inputs that are not the module's tensors, in order.</summary>
    private IEnumerable<UserValue> UserInputs(NodeWriter writer)
        => plain.Graph.find_nodes(Opcode.placeholder).Zip(plain.Inputs).Select(pair => pair.Second switch
        {
            Tensor => new UserValue(writer.InputName(pair.First), true, null),
            var constant => new(pair.First.name, false, constant),
        });

    /// <summary>An input of the program that is not one of the module's tensors.</summary>
    private sealed record UserValue(string Name, bool IsTensor, object? Constant)
    {
        internal void Write(ProgramJson write)
        {
            if (IsTensor)
                write.Tensor(Name);
            else
                write.Constant(Constant);
        }
    }
}

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

    private readonly Graph graph = Plain(((IGraphModule)module).graph);
    private readonly Dim[] dims = [.. dynamicShapes.Values.SelectMany(sizes => sizes.Values).Distinct()];

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

    /// <summary>The graph without what only checks its inputs: the program's own signature says that.</summary>
    private static Graph Plain(Graph graph)
    {
        var plain = graph.clone();
        foreach (var node in plain.nodes.Where(node => node.target is BuiltinTarget { Operation: Builtin._assert }).ToArray())
            plain.erase_node(node);
        Indexing.Lower(plain);
        plain.eliminate_dead_code();
        return plain;
    }

    private (byte[] Json, WrittenState State) Program()
    {
        var facts = Facts();
        using var nodes = new MemoryStream();
        NodeWriter writer;
        WrittenState state;
        using (var json = new Utf8JsonWriter(nodes, Options))
        {
            var names = new HashSet<string>(StringComparer.Ordinal);
            state = new(module, name => Enumerable.Range(0, int.MaxValue).Select(i => i == 0 ? name : $"{name}_{i}").First(names.Add));
            writer = new(json, new(json), state, facts);
            foreach (var input in state.Inputs)
                writer.Unused(input.Input);
            DefineInputs(writer, facts);
            json.WriteStartArray();
            foreach (var node in graph.nodes)
                writer.Write(node);
            json.WriteEndArray();
        }
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, Options))
            WriteProgram(json, new(json), state, writer, nodes.ToArray());
        return (buffer.ToArray(), state);
    }

    private Dictionary<Node, Fact> Facts()
    {
        // Nodes of the copy, by the module's hierarchy: a graph module of the copy runs it.
        using var runner = new GraphModule(module, graph, ((IGraphModule)module).Program.Constants);
        return FactFinder.Of(runner, inputs, [.. dims.Select(ExampleSize)], Enlarged);
    }

    private long ExampleSize(Dim dim)
    {
        var sizes = graph.find_nodes(Opcode.placeholder).Zip(inputs).SelectMany(pair
            => dynamicShapes.GetValueOrDefault(pair.First.target.name)?.Where(size => size.Value == dim).Select(size
            => ((Tensor)pair.Second!).size(size.Key)) ?? []);
        return sizes.Distinct().ToArray() is [var only] && only >= dim.min && (dim.max is null || only <= dim.max) ? only
            : throw new NotSupportedException($"the free dimension '{dim.name}' is {string.Join(" and ", sizes.Distinct())} in the example, but it has one size of {dim.min} to {(dim.max is { } max ? $"{max}" : "any")}");
    }

    /// <summary>The inputs where every size of a free dimension is larger: rows of the example come again.</summary>
    private object?[] Enlarged(int dim, int by)
    {
        var placeholders = graph.find_nodes(Opcode.placeholder).Select(node => node.target.name).ToArray();
        return [.. inputs.Select((input, i) => input is Tensor tensor && dynamicShapes.TryGetValue(placeholders[i], out var sizes)
            ? sizes.Where(size => size.Value == dims[dim]).Aggregate(tensor, (grown, size) => Grown(grown, size.Key, by)) : input)];
    }

    private static Tensor Grown(Tensor tensor, int dimension, int by)
        => tensor.index_select(dimension, arange(tensor.size(dimension) + by, device: tensor.device).remainder(tensor.size(dimension)));

    private void DefineInputs(NodeWriter writer, Dictionary<Node, Fact> facts)
    {
        foreach (var node in graph.find_nodes(Opcode.placeholder))
            switch (facts[node])
            {
                case Fact.OfTensor tensor: writer.Input(node, 0, node.name, tensor); break;
                case Fact.OfMany { Items: var items }:
                    foreach (var (i, item) in items.Index())
                        writer.Input(node, i, $"{node.name}_{i}", item as Fact.OfTensor
                            ?? throw new NotSupportedException($"input '{node.name}' holds what is no tensor"));
                    break;
            }
    }

    private void WriteProgram(Utf8JsonWriter json, ProgramJson write, WrittenState state, NodeWriter writer, byte[] nodes)
        => write.Object(() =>
    {
        var results = new ResultTree(graph.output_node().args[0]);
        write.Object("graph_module", () =>
        {
            write.Object("graph", () =>
            {
                json.WriteStartArray("inputs");
                state.Inputs.ForEach(input => write.Tensor(input.Input));
                foreach (var input in UserInputs(writer))
                    input.Write(write);
                json.WriteEndArray();
                write.List("outputs", results.Leaves, leaf => write.Tensor(writer.NameOf(leaf)));
                json.WritePropertyName("nodes");
                json.WriteRawValue(nodes);
                write.Object("tensor_values", () =>
                {
                    foreach (var input in state.Inputs)
                        write.Object(input.Input, () => write.Meta(FactOf(input.Tensor)));
                    foreach (var (name, fact) in writer.Tensors)
                        write.Object(name, () => write.Meta(fact));
                });
                write.Object("sym_int_values", () =>
                {
                    foreach (var (name, size) in writer.Numbers)
                    {
                        json.WritePropertyName(name);
                        write.Size(size);
                    }
                });
                write.Object("sym_bool_values", () => { });
                json.WriteBoolean("is_single_tensor_return", false);
                write.Object("custom_obj_values", () => { });
                write.Object("sym_float_values", () => { });
            });
            write.Object("signature", () => WriteSignature(json, write, state, writer, results));
            write.List("module_call_graph", ModulePaths().Prepend(""), path => write.Object(() => WriteModule(json, write, path, results)));
            write.Object("metadata", () => { });
            write.Object("treespec_namedtuple_fields", () => { });
        });
        write.Object("opset_version", () => json.WriteNumber("aten", 10));
        write.Object("range_constraints", () =>
        {
            foreach (var (i, dim) in dims.Index())
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

    private void WriteSignature(Utf8JsonWriter json, ProgramJson write, WrittenState state, NodeWriter writer, ResultTree results)
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
        foreach (var input in UserInputs(writer))
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
        write.List("output_specs", results.Leaves, leaf
            => write.Object(() => write.Object("user_output", () => Argument(inner => inner.Tensor(writer.NameOf(leaf))))));

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
        var placeholders = graph.find_nodes(Opcode.placeholder).ToArray();
        write.Object("signature", () =>
        {
            json.WriteStartArray("inputs");
            json.WriteEndArray();
            json.WriteStartArray("outputs");
            json.WriteEndArray();
            json.WriteString("in_spec", ResultTree.OfInputs(inputs));
            json.WriteString("out_spec", results.Spec);
            write.List("forward_arg_names", placeholders, node => json.WriteStringValue(node.target.name));
        });
    }

    private IEnumerable<string> ModulePaths()
        => graph.find_nodes(Opcode.call_module).SelectMany(node => node.target.name.Split('.') is var levels
            ? levels.Select((_, i) => string.Join('.', levels[..(i + 1)])) : []).Distinct();

    /// <summary>The program's inputs that are not the module's tensors, in order.</summary>
    private IEnumerable<UserValue> UserInputs(NodeWriter writer)
        => graph.find_nodes(Opcode.placeholder).Zip(inputs).SelectMany(pair => pair.Second switch
        {
            Tensor => [new UserValue(writer.InputName(pair.First, 0), true, null)],
            Tensor[] many => many.Select((_, i) => new UserValue(writer.InputName(pair.First, i), true, null)),
            long or int or double or bool or string or null => (IEnumerable<UserValue>)[new(pair.First.name, false, pair.Second)],
            _ => throw new NotSupportedException($"input '{pair.First.name}' is a {pair.Second.GetType().Name}: a program takes tensors, arrays of them and constants"),
        });

    private static Fact.OfTensor FactOf(Tensor tensor)
        => new(tensor.dtype, [.. tensor.shape.Select(size => new SizeFact(size, [], size))],
            [.. StoredTensor.ContiguousStrides(tensor.shape).Select(stride => new SizeFact(stride, [], stride))], 0, tensor.requires_grad);

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

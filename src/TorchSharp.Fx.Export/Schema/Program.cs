using System.Text.Json;

namespace TorchSharp.Fx.Export;

/// <summary>An exported program as its JSON has it: <c>torch/_export/serde/schema.py</c>, major version 8. Names are the
/// format's.</summary>
internal sealed record ExportedProgram(
    GraphModuleData graph_module, SchemaVersion schema_version, Dictionary<string, RangeConstraint> range_constraints,
        List<string>? guards_code = null, string? torch_version = null)
{
    // Nothing in the format is nested more deeply but branches within branches.
    private static readonly JsonSerializerOptions Options = new()
    {
        AllowDuplicateProperties = false, MaxDepth = 128, RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true,
        Converters = { new ValueConverter() },
    };

    /// <summary>The major version of the format that is read.</summary>
    internal const int Version = 8;

    /// <summary>Reads the JSON.</summary>
    /// <exception cref="InvalidDataException">It is none of this format; the message continues the file's name.</exception>
    internal static ExportedProgram Parse(ReadOnlySpan<byte> json)
    {
        try
        {
            var program = JsonSerializer.Deserialize<ExportedProgram>(PythonJson.Quoted(json), Options)
                ?? throw new InvalidDataException("has no program");
            return program.schema_version.major == Version ? program.Checked() : throw new InvalidDataException(
                $"has version {program.schema_version.major} of the format of exported programs, and this library reads version "
                    + $"{Version}: export it again with PyTorch 2.6 or later");
        }
        catch (JsonException error)
        {
            throw new InvalidDataException(
                $"has a damaged program: at '{Shortened(error.Path)}' of its JSON, line {error.LineNumber + 1}, there is not what the "
                    + "format has there", error);
        }
    }

    /// <summary>The same; an error where a list or dictionary has nothing in a place, which no annotation excludes.</summary>
    private ExportedProgram Checked()
    {
        graph_module.graph.Checked();
        var (signature, calls) = (graph_module.signature, graph_module.module_call_graph);
        return signature.input_specs.Contains(null!) || signature.output_specs.Contains(null!) || calls.Contains(null!)
            || range_constraints.ContainsValue(null!) || guards_code?.Contains(null!) == true
            || calls.Any(call => call.signature?.forward_arg_names?.Contains(null!) == true)
            ? throw new InvalidDataException("has a damaged program: something is missing in a list of it")
            : this;
    }

    private static string Shortened(string? path) => path is null ? "" : path.Length <= 100 ? path : path[..100] + "…";
}

internal sealed record SchemaVersion(int major, int minor = 0);

internal sealed record RangeConstraint(long? min_val = null, long? max_val = null);

internal sealed record GraphModuleData(GraphData graph, SignatureData signature, List<ModuleCallData> module_call_graph);

/// <param name="inputs">The placeholders, parameters and buffers first.</param>
/// <param name="outputs">What it returns.</param>
/// <param name="nodes">The calls in order.</param>
/// <param name="tensor_values">What is known of each tensor by name.</param>
/// <param name="is_single_tensor_return">Whether a branch returns a tensor rather than a tuple of one.</param>
internal sealed record GraphData(
    List<Value> inputs, List<Value> outputs, List<NodeData> nodes, Dictionary<string, TensorMeta> tensor_values,
        bool is_single_tensor_return = false)
{
    /// <inheritdoc cref="ExportedProgram.Checked"/>
    internal GraphData Checked()
        => nodes.Contains(null!) || tensor_values.ContainsValue(null!)
            || nodes.Any(node => node.inputs.Contains(null!) || node.metadata.ContainsValue(null!))
            ? throw new InvalidDataException("has a damaged program: something is missing in a list of it")
            : this;
}

internal sealed record NodeData(string target, List<NamedValue> inputs, List<Value> outputs, Dictionary<string, string> metadata,
    string? name = null)
{
    /// <summary>Whether it records gradients, where a region around it says it.</summary>
    internal bool? Records { get; init; }
}

internal sealed record NamedValue(string name, Value arg, int? kind = null)
{
    /// <summary>Whether it is given by its name only.</summary>
    internal bool IsKeyword => kind == 2;
}

internal sealed record TensorMeta(int dtype, List<Value> sizes, bool requires_grad, List<Value> strides, Value storage_offset);

internal sealed record ModuleCallData(string fqn, ModuleCallSignature? signature = null);

internal sealed record ModuleCallSignature(string in_spec, string out_spec, List<string>? forward_arg_names = null);

internal sealed record SignatureData(List<InputSpec> input_specs, List<OutputSpec> output_specs);

/// <summary>The kind of an input; exactly one is there.</summary>
internal sealed record InputSpec(
    UserInput? user_input = null, ParameterInput? parameter = null, BufferInput? buffer = null, ConstantTensorInput? tensor_constant = null,
    JsonElement? custom_obj = null, JsonElement? token = null, ConstantInput? constant_input = null);

internal sealed record UserInput(Value arg);

internal sealed record TensorName(string name);

internal sealed record ParameterInput(TensorName arg, string parameter_name);

internal sealed record BufferInput(TensorName arg, string buffer_name, bool persistent = true);

internal sealed record ConstantTensorInput(TensorName arg, string tensor_constant_name);

internal sealed record ConstantInput(string name, Value value);

/// <summary>The kind of an output; exactly one is there.</summary>
internal sealed record OutputSpec(
    UserInput? user_output = null, JsonElement? loss_output = null, BufferOutput? buffer_mutation = null,
        ParameterOutput? parameter_mutation = null,
    JsonElement? gradient_to_parameter = null, JsonElement? gradient_to_user_input = null, UserInputOutput? user_input_mutation = null,
        JsonElement? token = null);

internal sealed record BufferOutput(TensorName arg, string buffer_name);

internal sealed record ParameterOutput(TensorName arg, string parameter_name);

internal sealed record UserInputOutput(TensorName arg, string user_input_name);

/// <summary>An entry of the weights' lists: where each tensor's storage is and how the tensor lies on it.</summary>
internal sealed record WeightsConfig(Dictionary<string, WeightEntry> config);

internal sealed record WeightEntry(string path_name, bool is_param, bool use_pickle, TensorMeta? tensor_meta = null);

using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace TorchSharp.Fx.Export;

/// <summary>An argument, input or output of the format: one of its <c>as_…</c> kinds. The hierarchy is closed.</summary>
internal abstract record Value
{
    /// <summary>A value that a node computes or an input has, by its name.</summary>
    internal sealed record Reference(string Name, string Kind) : Value;

    /// <summary>A constant: null, a long, a double, a bool, a text, a type of elements or a device.</summary>
    internal sealed record Constant(object? Item) : Value;

    /// <summary>A list of one kind.</summary>
    /// <param name="Items">What is in it.</param>
    /// <param name="Item">The type of an item in C#.</param>
    internal sealed record Many(ImmutableArray<Value> Items, Type Item) : Value;

    /// <summary>A size that depends on inputs, as SymPy writes it.</summary>
    internal sealed record Expression(string Text) : Value;

    /// <summary>A branch or body, as a graph of its own.</summary>
    internal sealed record Subgraph(string Name, GraphData Graph) : Value;

    /// <summary>A kind that has no counterpart here: custom objects, operators.</summary>
    internal sealed record Foreign(string Kind) : Value;
}

/// <summary>Reads the format's unions, <c>{"as_tensor": {"name": "x"}}</c>.</summary>
internal sealed class ValueConverter : JsonConverter<Value>
{
    /// <summary>A null is an error as any other damage.</summary>
    public override bool HandleNull => true;

    public override Value Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        if (reader.TokenType != JsonTokenType.StartObject || !reader.Read() || reader.TokenType != JsonTokenType.PropertyName)
            throw new JsonException();
        var kind = reader.GetString()!;
        reader.Read();
        var value = kind switch
        {
            "as_none" => Skipped(ref reader, new Value.Constant(null)),
            "as_tensor" or "as_sym_int" or "as_sym_bool" or "as_sym_float" => Named(ref reader, kind, options),
            "as_optional_tensor" => Read(ref reader, options),
            "as_int" => new Value.Constant(reader.GetInt64()),
            "as_float" => new Value.Constant(Number(ref reader)),
            "as_bool" => new Value.Constant(reader.GetBoolean()),
            "as_string" => new Value.Constant(Text(ref reader)),
            "as_scalar_type" => new Value.Constant(Elements.Type(reader.GetInt32())),
            "as_layout" => new Value.Constant(Elements.IsStrided(reader.GetInt32()) ? null
                : throw new JsonException("A layout is not strided.")),
            "as_memory_format" => new Value.Constant(Elements.IsPlain(reader.GetInt32()) ? null : "channels_last"),
            "as_device" => new Value.Constant(Device(ref reader, options)),
            "as_expr" => new Value.Expression(JsonSerializer.Deserialize<ExpressionData>(ref reader, options)?.expr_str
                ?? throw new JsonException()),
            "as_name" => new Value.Reference(Text(ref reader), "as_sym_int"),
            "as_ints" or "as_floats" or "as_bools" or "as_strings" => Plain(ref reader, kind),
            "as_tensors" => Names(ref reader, options),
            "as_sym_ints" => Nested(ref reader, typeof(long), options),
            "as_sym_floats" => Nested(ref reader, typeof(double), options),
            "as_sym_bools" => Nested(ref reader, typeof(bool), options),
            "as_optional_tensors" => Nested(ref reader, typeof(torch.Tensor), options),
            "as_int_lists" or "as_nested_tensors" => Skipped(ref reader, new Value.Foreign(kind)),
            "as_graph" => Graph(ref reader, options),
            _ => Skipped(ref reader, new Value.Foreign(kind)),
        };
        // What an older version writes beside it is null.
        while (reader.Read() && reader.TokenType != JsonTokenType.EndObject)
            reader.Skip();
        return value;
    }

    public override void Write(Utf8JsonWriter writer, Value value, JsonSerializerOptions options) => throw new NotSupportedException();

    private static Value Skipped(ref Utf8JsonReader reader, Value value)
    {
        reader.Skip();
        return value;
    }

    private static string Text(ref Utf8JsonReader reader) => reader.TokenType == JsonTokenType.String ? reader.GetString()!
        : throw new JsonException();

    /// <summary>JSON has no numbers for these three, so the format has texts.</summary>
    private static double Number(ref Utf8JsonReader reader) => reader.TokenType != JsonTokenType.String ? reader.GetDouble()
        : reader.GetString() switch
    {
        "Infinity" => double.PositiveInfinity,
        "-Infinity" => double.NegativeInfinity,
        "NaN" => double.NaN,
        _ => throw new JsonException(),
    };

    /// <summary>A tensor by name, or a symbolic number, which may be a constant after all.</summary>
    private static Value Named(ref Utf8JsonReader reader, string kind, JsonSerializerOptions options)
    {
        if (kind == "as_tensor")
            return new Value.Reference(JsonSerializer.Deserialize<TensorName>(ref reader, options)?.name ?? throw new JsonException(),
                kind);
        return Read(ref reader, options) is var value && value is Value.Reference reference ? reference with { Kind = kind } : value;
    }

    private static Value Read(ref Utf8JsonReader reader, JsonSerializerOptions options)
        => JsonSerializer.Deserialize<Value>(ref reader, options) ?? throw new JsonException();

    private static Value Names(ref Utf8JsonReader reader, JsonSerializerOptions options)
        => new Value.Many([.. (JsonSerializer.Deserialize<List<TensorName>>(ref reader, options) ?? throw new JsonException()).Select(name
            => new Value.Reference(name?.name ?? throw new JsonException(), "as_tensor"))], typeof(torch.Tensor));

    private static Value Nested(ref Utf8JsonReader reader, Type item, JsonSerializerOptions options)
        => new Value.Many([.. JsonSerializer.Deserialize<List<Value>>(ref reader, options) ?? throw new JsonException()], item);

    private static Value Plain(ref Utf8JsonReader reader, string kind)
    {
        if (reader.TokenType != JsonTokenType.StartArray)
            throw new JsonException();
        var items = ImmutableArray.CreateBuilder<Value>();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
            items.Add(new Value.Constant(kind switch
            {
                "as_ints" => reader.GetInt64(),
                "as_floats" => Number(ref reader),
                "as_bools" => reader.GetBoolean(),
                _ => Text(ref reader),
            }));
        return new Value.Many(items.ToImmutable(),
            kind switch { "as_ints" => typeof(long), "as_floats" => typeof(double), "as_bools" => typeof(bool), _ => typeof(string) });
    }

    private static Value Graph(ref Utf8JsonReader reader, JsonSerializerOptions options)
        => JsonSerializer.Deserialize<GraphArgument>(ref reader, options) is { } branch
            ? new Value.Subgraph(branch.name, branch.graph.Checked()) : throw new JsonException();

    private static torch.Device Device(ref Utf8JsonReader reader, JsonSerializerOptions options)
    {
        var device = JsonSerializer.Deserialize<DeviceData>(ref reader, options) ?? throw new JsonException();
        try
        {
            return device.index is { } index ? torch.device($"{device.type}:{index}") : torch.device(device.type);
        }
        catch (Exception error) when (error is ArgumentException or FormatException or NotSupportedException)
        {
            throw new JsonException("There is no such device.", error);
        }
    }

    private sealed record GraphArgument(string name, GraphData graph);

    private sealed record DeviceData(string type, int? index = null);

    private sealed record ExpressionData(string expr_str);
}

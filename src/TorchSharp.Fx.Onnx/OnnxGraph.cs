using Google.Protobuf;
using TorchSharp.Fx.Onnx.Format;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx;

/// <summary>An ONNX graph while it is made: its nodes, and the tensors it is made with. Every value has a name of its own.</summary>
internal sealed class OnnxGraph
{
    internal const int Opset = 17;
    private const int IrVersion = 8;

    private readonly HashSet<string> names = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> constants = new(StringComparer.Ordinal);
    private readonly Dictionary<string, ScalarType> types = new(StringComparer.Ordinal);

    internal GraphProto Proto { get; } = new() { Name = "graph" };

    /// <summary>The tensors of <see cref="GraphProto.Initializer"/>, whose content is written last.</summary>
    internal List<(TensorProto Proto, Tensor Tensor)> Initializers { get; } = [];

    internal ModelProto Model() => new()
    {
        IrVersion = IrVersion,
        ProducerName = "TorchSharp.Fx",
        Graph = Proto,
        OpsetImport = { new OperatorSetIdProto { Domain = "", Version = Opset } },
    };

    /// <summary>Takes out what no output depends on.</summary>
    internal void Prune()
    {
        var used = Proto.Output.Select(output => output.Name).ToHashSet(StringComparer.Ordinal);
        var kept = new List<NodeProto>();
        foreach (var node in Proto.Node.Reverse().Where(node => node.Output.Any(used.Contains)))
        {
            kept.Add(node);
            used.UnionWith(node.Input);
        }
        kept.Reverse();
        Proto.Node.Clear();
        Proto.Node.Add(kept);
        Initializers.RemoveAll(entry => !used.Contains(entry.Proto.Name));
        var initializers = Proto.Initializer.Where(initializer => used.Contains(initializer.Name)).ToArray();
        Proto.Initializer.Clear();
        Proto.Initializer.Add(initializers);
    }

    internal string Name(string wanted)
    {
        var name = wanted;
        for (var i = 1; !names.Add(name); i++)
            name = $"{wanted}_{i}";
        return name;
    }

    /// <summary>Adds a node of one output, and names that.</summary>
    internal string Add(string op, string name, IEnumerable<string> inputs, params ReadOnlySpan<AttributeProto> attributes) => Add(op, name, inputs, 1, attributes)[0];

    /// <summary>Adds a node. Where ONNX Runtime can't compute it in the type of its inputs, it is computed in a wider one.</summary>
    internal string[] Add(string op, string name, IEnumerable<string> inputs, int outputs, ReadOnlySpan<AttributeProto> attributes)
    {
        var (kernel, given) = (Kernels.Of(op), inputs.ToArray());
        if (kernel.Outputs.Length == 0)
            throw new InvalidOperationException($"{op} needs the type of what it gives.");
        var type = Together(op, [.. given.Where((input, i) => input.Length > 0 && kernel.IsTold(i))]);
        var computed = Kernels.Computed(op, type);
        var results = Write(op, name, given.Select((input, i) => input.Length > 0 && kernel.IsTold(i) ? Cast(input, type, computed) : input), outputs, attributes);
        for (var i = 0; i < results.Length; i++)
        {
            types[results[i]] = kernel.Output(i, computed);
            if (kernel.Output(i, computed) != kernel.Output(i, type))
                results[i] = Cast(results[i], computed, type);
        }
        return results;
    }

    /// <summary>Adds a node of one output, whose type an attribute tells.</summary>
    internal string Typed(string op, string name, IEnumerable<string> inputs, ScalarType type, params ReadOnlySpan<AttributeProto> attributes)
    {
        var result = Write(op, name, inputs, 1, attributes)[0];
        types[result] = type;
        return result;
    }

    /// <summary>The type of a value.</summary>
    internal ScalarType TypeOf(string value) => types[value];

    /// <summary>Declares a value that no node gives: an input.</summary>
    internal string Declare(string name, ScalarType type)
    {
        types[name] = type;
        return name;
    }

    private ScalarType Together(string op, string[] values) => values.Select(TypeOf).Distinct().ToArray() switch
    {
        [var only] => only,
        [] => throw new InvalidOperationException($"{op} has no inputs."),
        var several => throw new NotSupportedException($"it would need {op} of {string.Join(" and ", several)} together, which ONNX has not"),
    };

    private string[] Write(string op, string name, IEnumerable<string> inputs, int outputs, ReadOnlySpan<AttributeProto> attributes)
    {
        // Those that it needs come before it.
        var node = new NodeProto { OpType = op, Name = Name(name + "/" + op), Input = { inputs.ToArray() } };
        for (var i = 0; i < outputs; i++)
            node.Output.Add(Name(name));
        foreach (var attribute in attributes)
            node.Attribute.Add(attribute);
        Proto.Node.Add(node);
        return [.. node.Output];
    }

    /// <summary>A tensor of the module under its name; each once.</summary>
    internal string Initializer(string name, Tensor tensor)
    {
        if (!constants.TryGetValue("tensor " + name, out var known))
            constants["tensor " + name] = known = Constant(name, tensor);
        return known;
    }

    /// <summary>A tensor that the graph is made with.</summary>
    internal string Constant(string name, Tensor tensor)
    {
        var proto = new TensorProto { Name = Name(name), DataType = DataTypes.Of(tensor.dtype) };
        proto.Dims.Add(tensor.shape);
        Proto.Initializer.Add(proto);
        Initializers.Add((proto, tensor));
        return Declare(proto.Name, tensor.dtype);
    }

    /// <summary>A size of a tensor as a value of one element.</summary>
    internal string Dimension(string tensor, long axis)
    {
        if (!constants.TryGetValue($"size {axis} of {tensor}", out var known))
            constants[$"size {axis} of {tensor}"] = known = Add("Shape", "size", [tensor], Attribute("start", axis), Attribute("end", axis + 1));
        return known;
    }

    /// <summary>The same numbers in another type.</summary>
    internal string Cast(string value, ScalarType from, ScalarType to) => from == to ? value : Typed("Cast", "cast", [value], to, Attribute("to", DataTypes.Of(to)));

    internal string Integers(params long[] numbers) => Constant($"int64 [{string.Join(", ", numbers)}]", ScalarType.Int64, [numbers.Length], numbers.SelectMany(BitConverter.GetBytes));

    internal string Integer(long number) => Constant($"int64 {number}", ScalarType.Int64, [], BitConverter.GetBytes(number));

    /// <summary>A number of the type that it is computed with.</summary>
    internal string Scalar(double number, ScalarType type) => Constant(FormattableString.Invariant($"{type} {number:R}"), type, [], type switch
    {
        ScalarType.Float32 => BitConverter.GetBytes((float)number),
        ScalarType.Float64 => BitConverter.GetBytes(number),
        ScalarType.Float16 => BitConverter.GetBytes((Half)number),
        ScalarType.Int64 => BitConverter.GetBytes((long)number),
        ScalarType.Int32 => BitConverter.GetBytes((int)number),
        ScalarType.Int16 => BitConverter.GetBytes((short)number),
        ScalarType.Int8 => [(byte)(sbyte)number],
        ScalarType.Byte => [(byte)number],
        ScalarType.BFloat16 => BitConverter.GetBytes(BitConverter.SingleToUInt32Bits((float)number) + 0x8000)[2..],
        ScalarType.Bool => BitConverter.GetBytes(number != 0),
        _ => throw new NotSupportedException($"a number of type {type} can't be written"),
    });

    /// <summary>Sizes as one tensor of integers; those that are not known are computed when the model runs.</summary>
    internal string Sizes(IReadOnlyList<Size> sizes) => sizes switch
    {
        _ when sizes.All(size => size.IsFixed) => Integers([.. sizes.Select(size => size.Constant)]),
        [var only] => only.Name!,
        _ => Add("Concat", "sizes", sizes.Select(size => size.Name ?? Integers(size.Constant)), Attribute("axis", 0)),
    };

    internal static AttributeProto Attribute(string name, long value) => new() { Name = name, I = value, Type = AttributeProto.Types.AttributeType.Int };

    internal static AttributeProto Attribute(string name, double value) => new() { Name = name, F = (float)value, Type = AttributeProto.Types.AttributeType.Float };

    internal static AttributeProto Attribute(string name, string value) => new() { Name = name, S = ByteString.CopyFromUtf8(value), Type = AttributeProto.Types.AttributeType.String };

    internal static AttributeProto Attribute(string name, IEnumerable<long> values)
    {
        var attribute = new AttributeProto { Name = name, Type = AttributeProto.Types.AttributeType.Ints };
        attribute.Ints.Add(values);
        return attribute;
    }

    internal static AttributeProto Attribute(string name, IEnumerable<string> values)
    {
        var attribute = new AttributeProto { Name = name, Type = AttributeProto.Types.AttributeType.Strings };
        attribute.Strings.Add(values.Select(ByteString.CopyFromUtf8));
        return attribute;
    }

    private string Constant(string key, ScalarType type, long[] shape, IEnumerable<byte> bytes)
    {
        if (constants.TryGetValue(key, out var known))
            return known;
        var proto = new TensorProto { Name = Name("constant"), DataType = DataTypes.Of(type), RawData = ByteString.CopyFrom([.. bytes]) };
        proto.Dims.Add(shape);
        Proto.Initializer.Add(proto);
        return constants[key] = Declare(proto.Name, type);
    }
}

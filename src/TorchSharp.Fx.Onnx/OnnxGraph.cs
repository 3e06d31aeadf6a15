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

    internal GraphProto Proto { get; } = new() { Name = "graph" };

    /// <summary>The tensors of <see cref="GraphProto.Initializer"/>, whose content is written last.</summary>
    internal List<(TensorProto Proto, Tensor Tensor)> Initializers { get; } = [];

    /// <summary>The size of the free dimension as a value of one element; null where no input has one.</summary>
    internal Func<string>? FreeSize { get; set; }

    internal ModelProto Model() => new()
    {
        IrVersion = IrVersion,
        ProducerName = "TorchSharp.Fx",
        Graph = Proto,
        OpsetImport = { new OperatorSetIdProto { Domain = "", Version = Opset } },
    };

    internal string Name(string wanted)
    {
        var name = wanted;
        for (var i = 1; !names.Add(name); i++)
            name = $"{wanted}_{i}";
        return name;
    }

    /// <summary>Adds a node of one output, and names that.</summary>
    internal string Add(string op, string name, IEnumerable<string> inputs, params ReadOnlySpan<AttributeProto> attributes) => Add(op, name, inputs, 1, attributes)[0];

    internal string[] Add(string op, string name, IEnumerable<string> inputs, int outputs, ReadOnlySpan<AttributeProto> attributes)
    {
        var node = new NodeProto { OpType = op, Name = Name(name + "/" + op) };
        node.Input.Add(inputs);
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
        if (constants.TryGetValue("tensor " + name, out var known))
            return known;
        var proto = new TensorProto { Name = Name(name), DataType = DataTypes.Of(tensor.dtype) };
        proto.Dims.Add(tensor.shape);
        Proto.Initializer.Add(proto);
        Initializers.Add((proto, tensor));
        return constants["tensor " + name] = proto.Name;
    }

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
        ScalarType.Bool => BitConverter.GetBytes(number != 0),
        _ => throw new NotSupportedException($"a number of type {type} can't be written"),
    });

    /// <summary>Sizes as one tensor of integers; those that depend on the free dimension are computed when the model runs.</summary>
    internal string Sizes(IReadOnlyList<Size> sizes)
    {
        if (sizes.All(size => size.IsFixed))
            return Integers([.. sizes.Select(size => size.Constant)]);
        return Add("Concat", "sizes", sizes.Select(Computed), Attribute("axis", 0));
    }

    private string Computed(Size size)
    {
        if (size.IsFixed)
            return Integers(size.Constant);
        var free = FreeSize!();
        var scaled = size.Factor == 1 ? free : Add("Mul", "size", [free, Integers(size.Factor)]);
        return size.Constant == 0 ? scaled : Add("Add", "size", [scaled, Integers(size.Constant)]);
    }

    internal static AttributeProto Attribute(string name, long value) => new() { Name = name, I = value, Type = AttributeProto.Types.AttributeType.Int };

    internal static AttributeProto Attribute(string name, double value) => new() { Name = name, F = (float)value, Type = AttributeProto.Types.AttributeType.Float };

    internal static AttributeProto Attribute(string name, string value) => new() { Name = name, S = ByteString.CopyFromUtf8(value), Type = AttributeProto.Types.AttributeType.String };

    internal static AttributeProto Attribute(string name, IEnumerable<long> values)
    {
        var attribute = new AttributeProto { Name = name, Type = AttributeProto.Types.AttributeType.Ints };
        attribute.Ints.Add(values);
        return attribute;
    }

    private string Constant(string key, ScalarType type, long[] shape, IEnumerable<byte> bytes)
    {
        if (constants.TryGetValue(key, out var known))
            return known;
        var proto = new TensorProto { Name = Name("constant"), DataType = DataTypes.Of(type), RawData = ByteString.CopyFrom([.. bytes]) };
        proto.Dims.Add(shape);
        Proto.Initializer.Add(proto);
        return constants[key] = proto.Name;
    }
}

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
    private readonly HashSet<string> nodeNames = new(StringComparer.Ordinal);
    private int named;
    private readonly Dictionary<string, string> constants = new(StringComparer.Ordinal);
    private readonly List<string> checks = [];
    private readonly Dictionary<string, ScalarType> types = new(StringComparer.Ordinal);

    internal GraphProto Proto { get; private set; } = new() { Name = "graph" };

    /// <summary>
    /// A graph inside of this one: its nodes are its own, and read what was there before. Tensors that it is made with are the whole's.
    /// </summary>
    internal GraphProto Inside(string name, Action fill)
    {
        var (outer, at, before) = (Proto, named, constants.Keys.ToHashSet(StringComparer.Ordinal));
        (Proto, named) = (new() { Name = name }, 0);
        try
        {
            fill();
            outer.Initializer.Add(Proto.Initializer);
            Proto.Initializer.Clear();
            return Proto;
        }
        finally
        {
            (Proto, named) = (outer, at);
            // A size that a node inside computes is no value out here.
            foreach (var size in constants.Keys.Where(key => key.StartsWith("size ", StringComparison.Ordinal) && !before.Contains(key))
                .ToArray())
                constants.Remove(size);
        }
    }

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
            used.UnionWith(Read(node));
        }
        kept.Reverse();
        Proto.Node.Clear();
        Proto.Node.Add(kept);
        Initializers.RemoveAll(entry => !used.Contains(entry.Proto.Name));
        var initializers = Proto.Initializer.Where(initializer => used.Contains(initializer.Name)).ToArray();
        Proto.Initializer.Clear();
        Proto.Initializer.Add(initializers);
    }

    /// <summary>The values that a node reads, also in a graph inside of it.</summary>
    private static IEnumerable<string> Read(NodeProto node)
        => node.Input.Concat(node.Attribute.Where(attribute => attribute.G is not null)
            .SelectMany(attribute => attribute.G.Node.SelectMany(Read)));

    /// <summary>
    /// Names the nodes that were added by the node of a path in the traced graph, so that the file has these paths: the one that gives its
    /// value is called by the path, those that lead to it lie inside. Nodes that a leaf's own graph has named keep their names, but for the
    /// last.
    /// </summary>
    /// <param name="from">How many nodes there were before.</param>
    /// <param name="path">The path.</param>
    /// <param name="value">The value: a name, or an array of names and of arrays.</param>
    internal void NameNodes(int from, string path, object? value)
    {
        var results = Values(value).ToHashSet(StringComparer.Ordinal);
        var last = Proto.Node.Skip(from).Where(node => node.Output.Any(results.Contains)).ToArray() is [var only] ? only : null;
        if (last is not null)
            last.Name = NodeName(path);
        for (named = Math.Max(named, from); named < Proto.Node.Count; named++)
            if (Proto.Node[named] is var node && node != last)
                node.Name = NodeName($"{path}/{node.OpType}");

        static IEnumerable<string> Values(object? value) => value switch
        {
            string name => [name],
            object?[] items => items.SelectMany(Values),
            _ => [],
        };
    }

    /// <summary>Whether numbers are inputs of the model.</summary>
    internal bool HasNumbers { get; init; }

    /// <summary>Lets the model fail where a condition doesn't hold: it reads an element that is not there.</summary>
    internal void Check(string condition)
        => checks.Add(Add("Gather", "check", [Integers(0), Add("Where", "check", [condition, Integers(0), Integers(1)])]));

    /// <summary>The node that gives a value out, once all checks have passed: each is zero, and added to the shape.</summary>
    internal NodeProto Checked(string value, string name, string output)
    {
        var from = Proto.Node.Count;
        var shape = checks.Count == 0 ? null : checks.Aggregate(Add("Shape", name, [value]), (sizes, zero) => Add("Add", name, [sizes, zero]));
        NameNodes(from, name, null);
        var node = new NodeProto { OpType = shape is null ? "Identity" : "Reshape", Input = { value }, Output = { output } };
        node.Name = NodeName($"{name}/{node.OpType}");
        if (shape is not null)
        {
            node.Input.Add(shape);
            node.Attribute.Add(Attribute("allowzero", 1));
        }
        return node;
    }

    /// <summary>A name that no value has yet.</summary>
    internal string Name(string wanted) => Free(names, wanted);

    /// <summary>A name that no node has yet.</summary>
    internal string NodeName(string wanted) => Free(nodeNames, wanted);

    private static string Free(HashSet<string> taken, string wanted)
    {
        var name = wanted;
        for (var i = 1; !taken.Add(name); i++)
            name = $"{wanted}_{i}";
        return name;
    }

    /// <summary>Adds a node of one output, and names that.</summary>
    internal string Add(string op, string name, IEnumerable<string> inputs, params ReadOnlySpan<AttributeProto> attributes)
        => Add(op, name, inputs, 1, attributes)[0];

    /// <summary>Adds a node. Where ONNX Runtime can't compute it in the type of its inputs, it is computed in a wider one.</summary>
    internal string[] Add(string op, string name, IEnumerable<string> inputs, int outputs, ReadOnlySpan<AttributeProto> attributes)
    {
        var (kernel, given) = (Kernels.Of(op), inputs.ToArray());
        if (kernel.Outputs.Length == 0)
            throw new InvalidOperationException($"{op} needs the type of what it gives.");
        var type = Together(op, [.. given.Where((input, i) => input.Length > 0 && kernel.IsTold(i))]);
        var computed = Kernels.Computed(op, type);
        var results =
            Write(op, name, given.Select((input, i) => input.Length > 0 && kernel.IsTold(i) ? Cast(input, type, computed) : input), outputs,
                attributes);
        for (var i = 0; i < results.Length; i++)
        {
            types[results[i]] = kernel.Output(i, computed);
            if (kernel.Output(i, computed) != kernel.Output(i, type))
                results[i] = Cast(results[i], computed, type);
        }
        return results;
    }

    /// <summary>Adds a node of one output, whose type an attribute tells.</summary>
    internal string Typed(string op, string name, IEnumerable<string> inputs, ScalarType type,
        params ReadOnlySpan<AttributeProto> attributes)
    {
        var result = Write(op, name, inputs, 1, attributes)[0];
        types[result] = type;
        return result;
    }

    /// <summary>Adds a loop of ONNX without conditions, which puts together what its turns give: [turns, …] of each.</summary>
    /// <param name="name">The name of what it gives.</param>
    /// <param name="turns">How often, one element.</param>
    /// <param name="body">Adds the nodes of a turn, given its number: a value without dimensions. They may read values from before the
    /// loop. Nothing of a turn
    /// may be a value that is kept for others, such as a <see cref="Dimension"/>.</param>
    /// <param name="shapes">The sizes of what a turn gives.</param>
    internal string[] Loop(string name, string turns, Func<string, string[]> body, params long[][] shapes)
    {
        var (before, turn, goesOn) = (Proto.Node.Count, Declare(Name("turn"), ScalarType.Int64), Declare(Name("goes_on"), ScalarType.Bool));
        var results = body(turn);
        var inside = new GraphProto { Name = Name($"{name}_turn"), Input = { Information(turn), Information(goesOn) } };
        var stays = Add("Identity", name, [goesOn]);
        inside.Node.Add(Proto.Node.Skip(before));
        foreach (var node in inside.Node)
            node.Name = NodeName(node.Name);
        while (Proto.Node.Count > before)
            Proto.Node.RemoveAt(Proto.Node.Count - 1);
        inside.Output.Add(Information(stays));
        inside.Output.Add(results.Zip(shapes, Information));
        var whole = Write("Loop", name, [turns, ""], results.Length,
            [new AttributeProto { Name = "body", G = inside, Type = AttributeProto.Types.AttributeType.Graph }]);
        foreach (var (result, part) in whole.Zip(results))
            types[result] = TypeOf(part);
        return whole;

        ValueInfoProto Information(string value, params long[] shape)
        {
            var tensor = new TypeProto.Types.Tensor { ElemType = DataTypes.Of(TypeOf(value)), Shape = new() };
            tensor.Shape.Dim.Add(shape.Select(size => new TensorShapeProto.Types.Dimension { DimValue = size }));
            return new() { Name = value, Type = new() { TensorType = tensor } };
        }
    }

    /// <summary>The type of a value.</summary>
    internal ScalarType TypeOf(string value) => types[value];

    /// <summary>Declares a value that no node gives: an input.</summary>
    internal string Declare(string name, ScalarType type)
    {
        types[name] = type;
        return name;
    }

    /// <summary>Adds a node of no kernel's types.</summary>
    internal string[] Untyped(string op, string name, IEnumerable<string> inputs, int outputs,
        params ReadOnlySpan<AttributeProto> attributes)
    {
        var results = Write(op, name, inputs, outputs, attributes);
        Proto.Node[^1].Name = NodeName($"{name}/{op}");
        return results;
    }

    internal static AttributeProto Attribute(string name, GraphProto graph)
        => new() { Name = name, G = graph, Type = AttributeProto.Types.AttributeType.Graph };

    private ScalarType Together(string op, string[] values) => values.Select(TypeOf).Distinct().ToArray() switch
    {
        [var only] => only,
        [] => throw new InvalidOperationException($"{op} has no inputs."),
        var several =>
            throw new NotSupportedException($"it would need {op} of {string.Join(" and ", several)} together, which ONNX has not"),
    };

    private string[] Write(string op, string name, IEnumerable<string> inputs, int outputs, ReadOnlySpan<AttributeProto> attributes)
    {
        // Those that it needs come before it.
        var node = new NodeProto { OpType = op, Name = $"{name}/{op}", Input = { inputs.ToArray() } };
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
            constants[$"size {axis} of {tensor}"] = known =
                Add("Shape", "size", [tensor], Attribute("start", axis), Attribute("end", axis + 1));
        return known;
    }

    /// <summary>The same numbers in another type.</summary>
    internal string Cast(string value, ScalarType from, ScalarType to)
        => from == to ? value : Typed("Cast", "cast", [value], to, Attribute("to", DataTypes.Of(to)));

    internal string Integers(params long[] numbers)
        => Constant($"int64 [{string.Join(", ", numbers)}]", ScalarType.Int64, [numbers.Length], numbers.SelectMany(BitConverter.GetBytes));

    internal string Integer(long number) => Constant($"int64 {number}", ScalarType.Int64, [], BitConverter.GetBytes(number));

    /// <summary>A number of the type that it is computed with.</summary>
    internal string Scalar(double number, ScalarType type)
        => Constant(FormattableString.Invariant($"{type} {number:R}"), type, [], type switch
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

    internal static AttributeProto Attribute(string name, long value)
        => new() { Name = name, I = value, Type = AttributeProto.Types.AttributeType.Int };

    internal static AttributeProto Attribute(string name, double value)
        => new() { Name = name, F = (float)value, Type = AttributeProto.Types.AttributeType.Float };

    internal static AttributeProto Attribute(string name, string value)
        => new() { Name = name, S = ByteString.CopyFromUtf8(value), Type = AttributeProto.Types.AttributeType.String };

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

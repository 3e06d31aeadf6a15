using System.Collections.Immutable;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx.Importing;

/// <summary>A node of the file as its converter sees it: inputs, settings, and the graph to write to.</summary>
/// <param name="writer">Writes to the graph.</param>
/// <param name="version">The version of the operators that the file was made for.</param>
/// <param name="inputs">The inputs; null for one that is left out.</param>
/// <param name="attributes">The settings.</param>
/// <param name="place">Where it is in the file, and where a layer of it goes.</param>
internal sealed class OnnxNode(GraphWriter writer, long version, ImmutableArray<Value?> inputs, Attributes attributes,
    NodeNames.Place place)
{
    // More sizes or places than any tensor has dimensions.
    private const int MostNumbers = 256;

    internal GraphWriter Writer => writer;

    internal long Version => version;

    internal Attributes Attributes => attributes;

    internal string Path => place.Layer;

    /// <summary>Whether it is a layer by its name, and not a function in a module's code.</summary>
    internal bool IsLayer => place.IsLayer && HasLayers;

    /// <summary>Whether there can be layers: not where the result is computed while loading.</summary>
    internal bool HasLayers => writer.HasModules;

    internal ImmutableArray<Value?> Inputs => inputs;

    /// <summary>How many outputs are asked for, those without a name in between counted.</summary>
    internal int Outputs { get; init; }

    /// <summary>Makes a constant of a tensor that this node has as a setting.</summary>
    internal required Func<Format.TensorProto, ConstantValue> Constants { get; init; }

    /// <summary>Converts the nodes of a graph that this one has as a setting.</summary>
    internal required Func<Format.GraphProto, IReadOnlyList<Value>, Value[]> Subgraph { get; init; }

    /// <summary>An input that must be there.</summary>
    /// <summary>The same node, written to another graph.</summary>
    internal OnnxNode With(GraphWriter other, ImmutableArray<Value?> others) =>
        new(other, version, others, attributes, place) { Outputs = Outputs, Constants = Constants, Subgraph = Subgraph };

    internal Value this[int i] => Optional(i) ?? throw new NotSupportedException($"it lacks its input {i + 1}");

    internal Value? Optional(int i) => i < inputs.Length ? inputs[i] : null;

    internal ScalarType Type(int i = 0) => this[i].Type;

    internal long?[]? Shape(int i = 0) => this[i].Shape;

    /// <summary>The number of an input's dimensions, which must be known.</summary>
    internal int Rank(int i = 0) => this[i].Rank
        ?? throw new NotSupportedException($"it depends on how many dimensions its input {i + 1} has, and the file does not tell");

    /// <summary>An input as a tensor.</summary>
    internal Argument Tensor(int i = 0) => writer.Tensor(this[i]);

    /// <summary>An input as a tensor, or null in its stead.</summary>
    internal Argument TensorOrNull(int i) => Optional(i) is { } value ? writer.Tensor(value) : new Literal(null);

    /// <summary>An input's content, where the file has it.</summary>
    internal Tensor? Constant(int i) => (Optional(i) as ConstantValue)?.Weight.Tensor;

    /// <summary>An input that the file has, for a layer to keep.</summary>
    internal Weight? Weight(int i) => (Optional(i) as ConstantValue)?.Weight;

    /// <summary>A number that the file has as an input; null where it is computed, or no single number.</summary>
    internal double? Scalar(int i) => Constant(i) is { } found && found.numel() == 1 && !found.is_complex()
        ? found.to(float64).item<double>() : null;

    /// <summary>An input of at most one dimension as numbers, each known, or computed when the graph runs.</summary>
    internal ImmutableArray<Argument> Numbers(int i) => this[i] switch
    {
        NumbersValue { Dims.Length: <= 1 } numbers => numbers.Items,
        ConstantValue { Weight: var weight } => [.. Longs(weight.Tensor).Select(number => (Argument)number)],
        { Count: { } and <= MostNumbers } value when value.Rank <= 1 => Items(writer.Tensor(value), value.Count.Value, value.Rank == 0),
        _ => throw new NotSupportedException($"its input {i + 1} says sizes or places, and how many they are is not known before it runs"),
    };

    /// <summary>An input as numbers that the file must have.</summary>
    internal long[] KnownNumbers(int i) => Constant(i) is { } found ? Longs(found)
        : throw new NotSupportedException($"its input {i + 1} must be a constant of the file, and is computed");

    /// <summary>Axes, counted from the beginning where the rank is known.</summary>
    internal long[] Axes(long[] axes, int? rank) => rank is { } dimensions ? [.. axes.Select(axis => Axis(axis, dimensions))] : axes;

    /// <summary>A dimension counted from the first one.</summary>
    internal static int Axis(long axis, int rank) => axis >= -rank && axis < rank ? (int)(axis < 0 ? axis + rank : axis)
        : throw new NotSupportedException($"its axis {axis} is none of {rank} dimensions");

    /// <summary>A list of numbers as an argument for <c>long[]</c>.</summary>
    internal static Argument List(IEnumerable<Argument> numbers) => new ListArgument([.. numbers], typeof(long));

    internal static Argument List(params long[] numbers) => List(numbers.Select(number => (Argument)number));

    /// <summary>Writes a function of one tensor result.</summary>
    internal TensorValue Make(Delegate function, ScalarType type, long?[]? shape, params ReadOnlySpan<Argument> args)
        => writer.Write(function, args) is NodeArgument { Node: var node } ? new(node, type, shape)
            : throw new InvalidOperationException("A converter's function returns no node.");

    /// <summary>The same with the first input's type and shape.</summary>
    internal TensorValue Alike(Delegate function, params ReadOnlySpan<Argument> args) => Make(function, Type(), Shape(), args);

    /// <summary>Writes a function of several tensors.</summary>
    internal TensorValue[] MakeAll(Delegate function, (ScalarType Type, long?[]? Shape)[] results, params ReadOnlySpan<Argument> args)
        => writer.Write(function, args) is ListArgument { Items: var items }
            ? [.. items.Zip(results, (item, result) => new TensorValue(((NodeArgument)item).Node, result.Type, result.Shape))]
            : throw new InvalidOperationException("A converter's function returns no list.");

    /// <summary>Calls a layer without parameters, whose result is like its input.</summary>
    internal TensorValue Layer(nn.Module layer) => Layer(layer, Shape(), Tensor());

    /// <summary>Calls a layer and gives it the file's tensors.</summary>
    /// <param name="layer">The layer, its own tensors without memory.</param>
    /// <param name="shape">The result's shape.</param>
    /// <param name="input">Its input.</param>
    /// <param name="tensors">The tensors under the layer's names for them.</param>
    internal TensorValue Layer(nn.Module layer, long?[]? shape, Argument input, params ReadOnlySpan<(string Name, Weight? Weight)> tensors)
    {
        var hierarchy = new ModuleHierarchy(layer);
        foreach (var (name, weight) in tensors)
            if (weight is not null)
            {
                var old = Registry.Get(layer, name)!;
                if (!old.shape.SequenceEqual(weight.Shape))
                    throw new NotSupportedException(
                        $"its {name} has the shape [{string.Join(", ", weight.Shape)}], but [{string.Join(", ", old.shape)}] is needed");
                hierarchy.Replace(name, old is TorchSharp.Modules.Parameter ? weight.Parameter : weight.Tensor);
                old.Dispose();
            }
        // A norm counts its batches, which a file does not have.
        foreach (var (name, buffer) in layer.named_buffers().Where(entry => entry.buffer.device_type == DeviceType.META).ToArray())
            hierarchy.Replace(name, zeros(buffer.shape, buffer.dtype));
        layer.eval();
        return new(writer.Call(Path, layer, input), Type(), shape);
    }

    /// <summary>Numbers as a value; those that are all known are a constant.</summary>
    internal static Value Numbers(IEnumerable<Argument> given, ReadOnlySpan<long> dims, ScalarType type)
    {
        ImmutableArray<Argument> items = [.. given];
        if (items.Any(item => item is not Literal))
            return new NumbersValue(items, [.. dims], type);
        var tensor = GraphWriter.IsFloat(type) ? torch.tensor(items.Select(item =>
            Convert.ToDouble(((Literal)item).Value, null)).ToArray())
            : torch.tensor(items.Select(item => Convert.ToInt64(((Literal)item).Value, null)).ToArray());
        return new ConstantValue(new("numbers", tensor.to(type).reshape(dims.ToArray())));
    }

    private ImmutableArray<Argument> Items(Argument tensor, long count, bool isScalar)
        => [.. Enumerable.Range(0, (int)count).Select(i => isScalar
            ? writer.Write((Tensor x) => x.to(ScalarType.Int64).item<long>(), tensor)
            : writer.Write((Tensor x) => x[i].to(ScalarType.Int64).item<long>(), tensor))];

    private static long[] Longs(Tensor tensor) => tensor.numel() == 0 ? []
        : tensor.to(ScalarType.Int64).cpu().contiguous().data<long>().ToArray();
}

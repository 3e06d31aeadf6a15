using System.Collections.Immutable;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx.Importing;

/// <summary>The value of a name in the file while its graph is built.</summary>
/// <param name="Type">The type of its elements.</param>
/// <param name="Shape">Its sizes, null where one is not known; null where not even their number is.</param>
internal abstract record Value(ScalarType Type, long?[]? Shape)
{
    internal int? Rank => Shape?.Length;

    internal bool IsInteger => Type is ScalarType.Int64 or ScalarType.Int32 or ScalarType.Int16 or ScalarType.Int8 or ScalarType.Byte;

    /// <summary>How many elements it has, where all sizes are known.</summary>
    internal long? Count => Shape?.Aggregate((long?)1, (product, size) => product * size);
}

/// <summary>A tensor that a node of the graph computes.</summary>
internal sealed record TensorValue(Node Node, ScalarType Type, long?[]? Shape) : Value(Type, Shape);

/// <summary>A tensor that the file has, or that was computed of such.</summary>
internal sealed record ConstantValue(Weight Weight) : Value(Weight.Type, [.. Weight.Shape]);

/// <summary>
/// Numbers that depend on the inputs' sizes: a small tensor in the file, and one argument for each element here, row by row. So a shape
/// that the file computes stays numbers, as in a graph that
/// was traced.
/// </summary>
/// <param name="Items">Literals, and nodes of the C# type <c>long</c>, or <c>double</c> where the elements are floats.</param>
/// <param name="Dims">The tensor's shape.</param>
/// <param name="Type">The type of the elements.</param>
internal sealed record NumbersValue(ImmutableArray<Argument> Items, ImmutableArray<long> Dims, ScalarType Type) : Value(Type, [.. Dims]);

/// <summary>A list of tensors, which is no tensor itself.</summary>
/// <param name="Items">The tensors.</param>
/// <param name="Type">The type of their elements.</param>
internal sealed record SequenceValue(ImmutableArray<Value> Items, ScalarType Type) : Value(Type, null);

/// <summary>A list of tensors, of which not even the number is known: an input of the model, or made of one.</summary>
/// <param name="List">The list in the graph.</param>
/// <param name="Type">The type of their elements.</param>
internal sealed record ListValue(Argument List, ScalarType Type) : Value(Type, null);

/// <summary>A tensor of the file under its name there; it is read when it is first needed.</summary>
internal sealed class Weight(string name, ScalarType type, long[] shape, Func<Tensor> read)
{
    private Tensor? tensor;
    private TorchSharp.Modules.Parameter? parameter;

    /// <summary>A tensor that was computed while loading.</summary>
    internal Weight(string name, Tensor tensor) : this(name, tensor.dtype, tensor.shape, () => tensor) => IsComputed = true;

    internal string Name => name;

    internal ScalarType Type => type;

    internal long[] Shape => shape;

    internal long Count => shape.Aggregate(1L, (product, size) => product * size);

    /// <summary>Whether it is none of the file's own.</summary>
    internal bool IsComputed { get; init; }

    internal Tensor Tensor => tensor ??= read();

    /// <summary>The same as a parameter of a layer. There is one for all that share the tensor.</summary>
    internal TorchSharp.Modules.Parameter Parameter => parameter ??= new(Tensor.detach());

    /// <summary>
    /// The attribute that a graph reads under the tensor's name: a parameter of the file's own floats, a buffer of anything else.
    /// </summary>
    internal Tensor Registered => !IsComputed && Tensor.is_floating_point() ? Parameter : Tensor;
}

using System.Collections.Immutable;
using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>
/// A tensor's shape, type and layout, without its elements. Counterpart: <c>torch.fx.passes.shape_prop.TensorMetadata</c>.
/// </summary>
/// <param name="shape">The sizes.</param>
/// <param name="dtype">The type of the elements.</param>
/// <param name="stride">How many elements to step in memory from one index to the next, for each dimension.</param>
/// <param name="nbytes">The size of its elements in bytes. An element that an expanded tensor repeats counts at each index.</param>
public sealed record TensorMetadata(ImmutableArray<long> shape, ScalarType dtype, ImmutableArray<long> stride, long nbytes)
{
    /// <summary>The number of elements.</summary>
    public long numel => shape.Aggregate(1L, (product, size) => product * size);

    /// <summary>
    /// The order in which its elements lie in memory: <c>contiguous_format</c>, <c>channels_last</c> (in four or five dimensions; PyTorch
    /// calls the latter <c>channels_last_3d</c>), or null for any other order, e.g. a transposed matrix's.
    /// </summary>
    public memory_format? memory_format
        => LiesIn(Enumerable.Range(0, shape.Length)) ? TorchSharp.memory_format.contiguous_format
        : shape.Length is 4 or 5 && LiesIn([0, .. Enumerable.Range(2, shape.Length - 2), 1]) ? TorchSharp.memory_format.channels_last
        : null;

    /// <summary>The metadata of a tensor.</summary>
    public static TensorMetadata Of(Tensor tensor)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        return new([.. tensor.shape], tensor.dtype, tensor.is_sparse ? [] : [.. tensor.stride()], tensor.numel() * tensor.element_size());
    }

    /// <inheritdoc/>
    public bool Equals(TensorMetadata? other)
        => other is not null && dtype == other.dtype && shape.SequenceEqual(other.shape) && stride.SequenceEqual(other.stride);

    /// <inheritdoc/>
    public override int GetHashCode() => shape.Aggregate(HashCode.Combine(dtype), HashCode.Combine);

    /// <summary><c>float32[1, 64, 56, 56]</c></summary>
    public override string ToString() => $"{dtype.ToString().ToLowerInvariant()}[{string.Join(", ", shape)}]";

    /// <summary>
    /// Whether it lies in memory without gaps, the first of these dimensions outermost. Where a dimension has one element its stride says
    /// nothing.
    /// </summary>
    private bool LiesIn(IEnumerable<int> order)
    {
        var expected = 1L;
        foreach (var dimension in stride.Length == shape.Length ? order.Reverse() : [])
        {
            if (shape[dimension] != 1 && stride[dimension] != expected)
                return false;
            expected *= shape[dimension];
        }
        return stride.Length == shape.Length;
    }
}

/// <summary>
/// The keys under which passes store values on nodes; read them with <see cref="Node.get_meta"/>. Counterpart: the keys of
/// <c>torch.fx.Node.meta</c>.
/// </summary>
public static class meta
{
    /// <summary>The shape, dtype and strides of a node's value, where that is a tensor. <c>ShapeProp</c> stores it.</summary>
    public static readonly MetaKey<TensorMetadata> tensor_meta = new(nameof(tensor_meta));

    /// <summary>
    /// The metadata of all tensors in a node's value, in order, where that is an array, a tuple or another structure. <c>ShapeProp</c>
    /// stores it.
    /// </summary>
    public static readonly MetaKey<ImmutableArray<TensorMetadata>> tensor_metas = new(nameof(tensor_metas));
}

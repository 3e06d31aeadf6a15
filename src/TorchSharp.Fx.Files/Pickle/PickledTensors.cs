using System.Numerics;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Files;

/// <summary>Tensors and storages from a pickle's numbers, each checked before it is believed.</summary>
internal static class PickledTensors
{
    /// <summary><c>_rebuild_tensor_v2(storage, storage_offset, size, stride, …)</c></summary>
    public static PickleValue Rebuild(PickleValue[] arguments) =>
        arguments is [PickleValue.Storage storage, var offset, var shape, var strides, ..]
            ? Tensor(storage, storage.Type
                ?? throw new InvalidDataException($"has an untyped storage '{storage.Key}' for a tensor without a type"), offset, shape,
                    strides)
            : throw new InvalidDataException("has a tensor without storage, offset, shape and strides");

    /// <summary><c>_rebuild_tensor_v3(storage, storage_offset, size, stride, requires_grad, backward_hooks, dtype, …)</c></summary>
    public static PickleValue RebuildTyped(PickleValue[] arguments) =>
        arguments is [PickleValue.Storage { Type: null } storage, var offset, var shape, var strides, _, _,
            PickleValue.Known { Global.type: { } type }, ..]
            ? Tensor(storage, type, offset, shape, strides)
            : throw new InvalidDataException("has a tensor without untyped storage, offset, shape, strides and a type that TorchSharp has");

    /// <summary><c>_rebuild_qtensor(storage, storage_offset, size, stride, quantizer_params, …)</c></summary>
    public static PickleValue RebuildQuantized(PickleValue[] arguments)
    {
        if (arguments is not [PickleValue.Storage { Type: { dtype: ScalarType.Int8 or ScalarType.Byte or ScalarType.Int32 } type } storage,
            var offset,
            var shape, var strides, PickleValue.Tuple { Items: [PickleValue.Known { Global.name: var scheme }, .. var parameters] }, ..])
            throw new InvalidDataException("has a quantised tensor without storage, offset, shape, strides and a scheme");
        var steps = Tensor(storage, type, offset, shape, strides);
        return (scheme, parameters) switch
        {
            ("torch.per_tensor_affine", [PickleValue.Float { Value: var scale }, PickleValue.Integer { Value: var zero }])
                when double.IsFinite(scale) && zero >= int.MinValue && zero <= int.MaxValue
                => new PickleValue.QuantizedTensor(steps, scale, (long)zero, null, null),
            ("torch.per_channel_affine", [PickleValue.Tensor scales, PickleValue.Tensor zeros, PickleValue.Integer { Value: var axis }])
                when axis >= 0 && axis < steps.Shape.Length && scales.Shape is [var count] && zeros.Shape is [var others]
                && count == steps.Shape[(int)axis] && others == count => new PickleValue.QuantizedTensor(steps, 0, 0, scales, zeros),
            _ => throw new InvalidDataException($"has a quantised tensor whose scheme '{scheme}' does not fit it, or is not known"),
        };
    }

    /// <summary>The tensor in a parameter.</summary>
    public static PickleValue Unwrap(PickleValue[] arguments) =>
        arguments is [PickleValue.Tensor tensor, ..] ? tensor : throw new InvalidDataException("has a parameter that is no tensor");

    /// <summary>The persistent id that stands for a storage: <c>('storage', type, key, location, count)</c>.</summary>
    public static PickleValue.Storage Storage(PickleValue id)
    {
        if (id is not PickleValue.Tuple { Items: [PickleValue.Text { Value: "storage" }, PickleValue.Known known, PickleValue.Text key, _,
            PickleValue.Integer count, ..] items })
            throw new InvalidDataException("refers to something outside the pickle that is no storage");
        if (key.Value.Length > Unpickler.MaxName)
            throw new InvalidDataException($"has a storage whose key has {key.Value.Length} characters");
        if (items is [.., PickleValue.Tuple] && items.Length > 5)
            throw new InvalidDataException(
                $"has storage '{key.Value}' as a view of another, as PyTorch before 0.4 wrote it; save it again");
        var untyped = known.Global.name.EndsWith("UntypedStorage", StringComparison.Ordinal);
        if (!untyped && known.Global.type is null)
            throw new InvalidDataException($"has storage '{key.Value}' of type '{known.Global.name}', which is no type of elements");
        return new PickleValue.Storage(known.Global.type, key.Value, Size(count, $"the length of storage '{key.Value}'"));
    }

    private static PickleValue.Tensor Tensor(PickleValue.Storage storage, ElementType type, PickleValue offset, PickleValue shape,
        PickleValue strides)
    {
        var (first, sizes, steps) = (Size(offset, "a tensor's offset"), Sizes(shape), Sizes(strides));
        StoredTensor.Check($"storage '{storage.Key}'", sizes, steps, first,
            storage.Type is null ? storage.Count / type.size : storage.Count);
        return new PickleValue.Tensor(storage, type, first, sizes, steps);
    }

    private static long[] Sizes(PickleValue value)
    {
        // Counted before it is copied: one long list can be named for many tensors.
        var count = value switch
        {
            PickleValue.Tuple tuple => tuple.Items.Length,
            PickleValue.List list => list.Items.Count,
            _ => throw new InvalidDataException("has a tensor whose shape or strides are no tuple"),
        };
        if (count > StoredTensor.MaxDimensions)
            throw new InvalidDataException($"has a tensor of {count} dimensions, more than PyTorch's {StoredTensor.MaxDimensions}");
        var items = value is PickleValue.Tuple array ? array.Items : [.. ((PickleValue.List)value).Items];
        return Array.ConvertAll(items, item => Size(item, "a tensor's shape or stride"));
    }

    private static long Size(PickleValue value, string what)
    {
        var number = (value as PickleValue.Integer)?.Value ?? throw new InvalidDataException($"has {what} that is no integer");
        return number >= BigInteger.Zero && number <= long.MaxValue
            ? (long)number : throw new InvalidDataException($"has {number} as {what}");
    }
}

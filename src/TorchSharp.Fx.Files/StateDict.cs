using static TorchSharp.torch;

namespace TorchSharp.Fx.Files;

/// <summary>The named tensors among all that a checkpoint holds.</summary>
internal static class StateDict
{
    // What people call them, most specific first.
    private static readonly string[] usual =
        ["state_dict", "model_state_dict", "model", "model_state", "net", "network", "weights", "params", "module"];

    // A quantised linear layer keeps its weight and bias as one object.
    private const string Packed = "_packed_params._packed_params";

    // What wrappers put before every name: DataParallel, torch.compile.
    private static readonly string[] wrappers = ["module.", "_orig_mod."];

    /// <summary>
    /// The tensors under <paramref name="key"/>, or under the root or one of the usual keys; what is no tensor is left out.
    /// </summary>
    public static Dictionary<string, StoredTensor> Find(PthContent content, string? key)
    {
        var root = content.root as PickleValue.Dictionary ?? throw new InvalidDataException("holds no dictionary of tensors");
        var tensors = key is null ? Usual(root) : Tensors(Value(root, key));
        if (tensors.Count == 0 && (key is not null || Keys(root).Length > 0)) throw new InvalidDataException(
            $"has no tensors {(key is null ? "at its root or under a usual key" : $"under '{key}'")}; its keys are "
                + $"{string.Join(", ", Keys(root).Take(8).Select(name => $"'{name}'"))}");
        return Stored(Unwrapped(tensors), content);
    }

    /// <summary>The tensors at the root, under the names that they have there.</summary>
    public static Dictionary<string, StoredTensor> AtRoot(PthContent content)
        => Stored(Tensors(content.root as PickleValue.Dictionary ?? throw new InvalidDataException("holds no dictionary of tensors")),
            content);

    private static Dictionary<string, PickleValue> Usual(PickleValue.Dictionary root) =>
        usual.Select(name => Tensors(Value(root, name))).Prepend(Tensors(root)).FirstOrDefault(tensors => tensors.Count > 0) ?? [];

    private static PickleValue? Value(PickleValue.Dictionary root, string key) =>
        root.Items.LastOrDefault(item => item.key is PickleValue.Text { Value: var name } && name == key).value;

    private static string[] Keys(PickleValue.Dictionary root) =>
        [.. root.Items.Select(item => item.key).OfType<PickleValue.Text>().Select(text => text.Value)
            .Where(name => name.Length <= Unpickler.MaxName)];

    private static Dictionary<string, PickleValue> Tensors(PickleValue? value)
    {
        var tensors = new Dictionary<string, PickleValue>();
        foreach (var (key, item) in (value as PickleValue.Dictionary)?.Items ?? [])
            if (key is PickleValue.Text { Value: var name })
                foreach (var (path, tensor) in Named(name, item))
                    tensors[path.Length <= Unpickler.MaxName * 16
                        ? path : throw new InvalidDataException($"has a tensor whose name has {path.Length} characters")] = tensor;
        return tensors;
    }

    /// <summary>
    /// The tensors of an entry: one under its own name; the weight and bias that a quantised layer has packed under theirs.
    /// </summary>
    private static IEnumerable<(string Name, PickleValue Tensor)> Named(string name, PickleValue value) => value switch
    {
        PickleValue.Tensor or PickleValue.QuantizedTensor => [(name, value)],
        PickleValue.Tuple { Items: [PickleValue.QuantizedTensor weight, var bias] } when name.EndsWith(Packed, StringComparison.Ordinal)
            => [(name[..^Packed.Length] + "weight", weight), .. Named(name[..^Packed.Length] + "bias", bias)],
        _ => [],
    };

    private static Dictionary<string, PickleValue> Unwrapped(Dictionary<string, PickleValue> tensors)
    {
        foreach (var wrapper in wrappers)
            if (tensors.Count > 0 && tensors.Keys.All(name => name.StartsWith(wrapper, StringComparison.Ordinal)))
                tensors = tensors.ToDictionary(item => item.Key[wrapper.Length..], item => item.Value);
        return tensors;
    }

    /// <summary>The tensors in the file. A quantised one is its steps, and beside them its scales and zero points.</summary>
    private static Dictionary<string, StoredTensor> Stored(Dictionary<string, PickleValue> tensors, PthContent content)
    {
        var stored = new Dictionary<string, StoredTensor>();
        foreach (var (name, value) in tensors)
        {
            var quantized = value as PickleValue.QuantizedTensor;
            stored[name] = Stored(name, quantized?.Steps ?? (PickleValue.Tensor)value, content);
            if (quantized is null) continue;
            stored[name + "_scale"] = quantized.Scales is { } scales ? Stored(name, scales, content)
                : StoredTensor.Of(quantized.Scale, ElementType.Of(ScalarType.Float32));
            stored[name + "_zero_point"] = quantized.ZeroPoints is { } zeros ? Stored(name, zeros, content)
                : StoredTensor.Of(quantized.ZeroPoint, ElementType.Of(ScalarType.Int64));
        }
        return stored;
    }

    private static StoredTensor Stored(string name, PickleValue.Tensor tensor, PthContent content)
    {
        var bytes = (Int128)tensor.Source.Count * (tensor.Source.Type?.size ?? 1);
        var (position, length) = content.place(tensor.Source);
        if (bytes != length)
            throw new InvalidDataException($"has tensor '{name}' on a storage of {bytes} bytes for which there are {length}");
        return new StoredTensor(new(tensor.Type, position, length / tensor.Type.size, content.swapped), tensor.Offset, tensor.Shape,
            tensor.Strides);
    }
}

namespace TorchSharp.Fx;

/// <summary>The named tensors among all that a checkpoint holds.</summary>
internal static class StateDict
{
    // What people call them, most specific first.
    private static readonly string[] usual = ["state_dict", "model_state_dict", "model", "model_state", "net", "network", "weights", "params", "module"];

    // What wrappers put before every name: DataParallel, torch.compile.
    private static readonly string[] wrappers = ["module.", "_orig_mod."];

    /// <summary>The tensors under <paramref name="key"/>, or under the root or one of the usual keys; what is no tensor is left out.</summary>
    public static Dictionary<string, StoredTensor> Find(PthContent content, string? key)
    {
        var root = content.root as PickleValue.Dictionary ?? throw new InvalidDataException("holds no dictionary of tensors");
        var tensors = key is null ? Usual(root) : Tensors(Value(root, key));
        if (tensors.Count == 0 && (key is not null || Keys(root).Length > 0)) throw new InvalidDataException(
            $"has no tensors {(key is null ? "at its root or under a usual key" : $"under '{key}'")}; its keys are {string.Join(", ", Keys(root).Take(8).Select(name => $"'{name}'"))}");
        return Unwrapped(tensors).ToDictionary(item => item.Key, item => Stored(item.Key, item.Value, content));
    }

    /// <summary>The tensors at the root, under the names that they have there.</summary>
    public static Dictionary<string, StoredTensor> AtRoot(PthContent content)
        => Tensors(content.root as PickleValue.Dictionary ?? throw new InvalidDataException("holds no dictionary of tensors")).ToDictionary(item => item.Key, item => Stored(item.Key, item.Value, content));

    private static Dictionary<string, PickleValue.Tensor> Usual(PickleValue.Dictionary root) =>
        usual.Select(name => Tensors(Value(root, name))).Prepend(Tensors(root)).FirstOrDefault(tensors => tensors.Count > 0) ?? [];

    private static PickleValue? Value(PickleValue.Dictionary root, string key) =>
        root.Items.LastOrDefault(item => item.key is PickleValue.Text { Value: var name } && name == key).value;

    private static string[] Keys(PickleValue.Dictionary root) =>
        [.. root.Items.Select(item => item.key).OfType<PickleValue.Text>().Select(text => text.Value).Where(name => name.Length <= Unpickler.MaxName)];

    private static Dictionary<string, PickleValue.Tensor> Tensors(PickleValue? value)
    {
        var tensors = new Dictionary<string, PickleValue.Tensor>();
        foreach (var (key, item) in (value as PickleValue.Dictionary)?.Items ?? [])
            if (key is PickleValue.Text { Value: var name } && item is PickleValue.Tensor tensor)
                tensors[name.Length <= Unpickler.MaxName * 16 ? name : throw new InvalidDataException($"has a tensor whose name has {name.Length} characters")] = tensor;
        return tensors;
    }

    private static Dictionary<string, PickleValue.Tensor> Unwrapped(Dictionary<string, PickleValue.Tensor> tensors)
    {
        foreach (var wrapper in wrappers)
            if (tensors.Count > 0 && tensors.Keys.All(name => name.StartsWith(wrapper, StringComparison.Ordinal)))
                tensors = tensors.ToDictionary(item => item.Key[wrapper.Length..], item => item.Value);
        return tensors;
    }

    private static StoredTensor Stored(string name, PickleValue.Tensor tensor, PthContent content)
    {
        var bytes = (Int128)tensor.Source.Count * (tensor.Source.Type?.size ?? 1);
        var (position, length) = content.place(tensor.Source);
        if (bytes != length) throw new InvalidDataException($"has tensor '{name}' on a storage of {bytes} bytes for which there are {length}");
        return new StoredTensor(new(tensor.Type, position, length / tensor.Type.size, content.swapped), tensor.Offset, tensor.Shape, tensor.Strides);
    }
}

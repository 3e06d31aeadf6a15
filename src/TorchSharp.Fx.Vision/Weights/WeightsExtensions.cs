using static TorchSharp.torch;

namespace TorchSharp.Fx.Vision;

/// <summary>Loads weights into models.</summary>
public static class WeightsExtensions
{
    private const string BatchCount = "num_batches_tracked";

    /// <summary>Reads a file's tensors into a model's parameters and buffers; when something does not fit, nothing is changed.</summary>
    /// <remarks>
    /// Reads PyTorch's files and safetensors, recognised by their content. Keys and shapes must be the same; types are converted. Earlier
    /// names of torchvision's layers are recognised.
    /// </remarks>
    /// <returns>The model.</returns>
    /// <exception cref="InvalidDataException">The file is damaged, or needs code to load; the message says what.</exception>
    /// <exception cref="IncompatibleWeightsException">Keys are missing, unexpected or of another shape.</exception>
    /// <exception cref="InvalidOperationException">The model is on the meta device and has no memory for weights.</exception>
    public static TModule load_weights<TModule>(this TModule model, string path) where TModule : nn.Module
    {
        model.load_state_dict(path);
        return model;
    }

    /// <summary>
    /// Reads a file's tensors into a model's parameters and buffers, and tells which keys did not match.
    /// <c>torch.nn.Module.load_state_dict</c>
    /// </summary>
    /// <param name="model">The model.</param>
    /// <param name="path">A <c>.pth</c>, <c>.pt</c> or safetensors file, told by its content.</param>
    /// <param name="strict">Whether missing and unexpected keys are errors. A different shape always is one, as in PyTorch.</param>
    /// <param name="prefix">The prefix of this model's keys in the file, e.g. <c>backbone.</c>. Only keys with it are used; it is removed
    /// from them.</param>
    /// <exception cref="InvalidDataException">The file is damaged, or needs code to load; the message says what.</exception>
    /// <exception cref="IncompatibleWeightsException">Keys do not fit; nothing is changed.</exception>
    /// <exception cref="InvalidOperationException">The model is on the meta device and has no memory for weights.</exception>
    public static IncompatibleKeys load_state_dict(this nn.Module model, string path, bool strict = true, string prefix = "")
    {
        using var file = new WeightsFile(path);
        return Load(model, path, file.Tensors, prefix, strict, tensor => tensor.shape, file.ReadInto);
    }

    /// <summary>
    /// Copies tensors into a model's parameters and buffers, and tells which keys did not match. <c>torch.nn.Module.load_state_dict</c>
    /// </summary>
    /// <param name="model">The model.</param>
    /// <param name="state_dict">Tensors by name; the caller disposes them.</param>
    /// <param name="strict">Whether missing and unexpected keys are errors. A different shape always is one, as in PyTorch.</param>
    /// <param name="prefix">The prefix of this model's keys in the dictionary, e.g. <c>backbone.</c>; empty for all keys.</param>
    /// <exception cref="IncompatibleWeightsException">Keys do not fit; nothing is changed.</exception>
    public static IncompatibleKeys load_state_dict(this nn.Module model, IReadOnlyDictionary<string, Tensor> state_dict, bool strict,
        string prefix) =>
        Load(model, "The state_dict", state_dict, prefix, strict, tensor => tensor.shape, (tensor, target) => target.copy_(tensor));

    /// <summary>Loads published weights but for the parts that the model does without.</summary>
    internal static void LoadPublished(this nn.Module model, string path, IReadOnlyList<string> unused)
    {
        using var file = new WeightsFile(path);
        Load(model, path, Used(file, unused), "", strict: true, tensor => tensor.shape, file.ReadInto);
    }

    /// <summary>The keys that would not fit if the file were loaded into the model, which can be on the meta device.</summary>
    internal static IncompatibleKeys Compare(this nn.Module model, WeightsFile file, IReadOnlyList<string> unused)
    {
        var target = model.state_dict();
        return Compare(target, Named(Used(file, unused), "", target), tensor => tensor.shape);
    }

    private static Dictionary<string, StoredTensor> Used(WeightsFile file, IReadOnlyList<string> unused) =>
        file.Tensors.Where(item => !unused.Any(part => item.Key.StartsWith(part, StringComparison.Ordinal))).ToDictionary();

    private static IncompatibleKeys Load<T>(
        nn.Module model, string name, IReadOnlyDictionary<string, T> all, string prefix, bool strict, Func<T, long[]> shape,
        Action<T, Tensor> read)
    {
        ArgumentNullException.ThrowIfNull(model);
        var target = model.state_dict();
        if (target.FirstOrDefault(item => item.Value.device_type == DeviceType.META).Key is { } meta)
            throw new InvalidOperationException(
                $"'{meta}' is on the meta device and has no memory; build the model on another device before loading weights.");

        var source = Named(all, prefix, target);
        var keys = Compare(target, source, shape);
        if (strict ? !keys.all_match : keys.mismatched_keys.Count > 0)
            throw new IncompatibleWeightsException($"{name} does not fit the model, which is unchanged: {keys}.", keys);

        using var scope = NewDisposeScope();
        using var _ = torch.no_grad();
        foreach (var (key, tensor) in target)
            if (source.TryGetValue(key, out var stored)) read(stored, tensor);
        return keys;
    }

    // Without the prefix, under today's names.
    private static Dictionary<string, T> Named<T>(IReadOnlyDictionary<string, T> all, string prefix, Dictionary<string, Tensor> target)
    {
        var source = all.Where(item => item.Key.StartsWith(prefix, StringComparison.Ordinal))
            .ToDictionary(item => item.Key[prefix.Length..], item => item.Value);
        return source.ToDictionary(item => target.ContainsKey(item.Key)
            ? item.Key : OldNames.Today(item.Key, name => target.ContainsKey(name) && !source.ContainsKey(name)), item => item.Value);
    }

    private static IncompatibleKeys Compare<T>(Dictionary<string, Tensor> target, Dictionary<string, T> source, Func<T, long[]> shape)
    {
        return new(
            [.. target.Where(item => !source.ContainsKey(item.Key) && !IsBatchCount(item.Key, source.Keys))
                .Select(item => new TensorShape(item.Key, item.Value.shape))],
            [.. source.Where(item => !target.ContainsKey(item.Key) && !IsBatchCount(item.Key, target.Keys))
                .Select(item => new TensorShape(item.Key, shape(item.Value)))],
            [.. target.Where(item => source.TryGetValue(item.Key, out var stored) && !item.Value.shape.SequenceEqual(shape(stored)))
                .Select(item => new MismatchedShape(item.Key, shape(source[item.Key]), item.Value.shape))]);

        // Files older than PyTorch 0.4.1 have a normalisation's averages without the number of batches, and so has a frozen normalisation:
        // PyTorch does without it, too.
        static bool IsBatchCount(string key, ICollection<string> others)
            => key.EndsWith(BatchCount, StringComparison.Ordinal) && others.Contains($"{key[..^BatchCount.Length]}running_mean");
    }
}

using static TorchSharp.torch;

namespace TorchSharp.Fx.Vision;

/// <summary>Loads weights into models.</summary>
public static class WeightsExtensions
{
    // Enough to see the pattern of what is wrong.
    private const int Listed = 8;

    /// <summary>Copies a safetensors file's tensors into a model's parameters and buffers; when something does not fit, nothing is changed.</summary>
    /// <remarks>As PyTorch's <c>load_state_dict(strict=True)</c>: keys and shapes must be the same, types are converted.</remarks>
    /// <returns>The model.</returns>
    /// <exception cref="InvalidDataException">The file is damaged, or keys are missing, unexpected or of another shape; the message names them.</exception>
    /// <exception cref="InvalidOperationException">The model is on the meta device and so has no memory to copy to.</exception>
    public static TModule load_weights<TModule>(this TModule model, string path) where TModule : nn.Module
    {
        ArgumentNullException.ThrowIfNull(model);
        var target = model.state_dict();
        if (target.FirstOrDefault(item => item.Value.device_type == DeviceType.META).Key is { } meta)
            throw new InvalidOperationException($"'{meta}' is on the meta device and has no memory; build the model on another device before loading weights.");

        using var scope = NewDisposeScope();
        CheckFit(target, Safetensors.list(path), path);
        var source = Safetensors.load_file(path);
        using var _ = torch.no_grad();
        foreach (var (key, tensor) in target) tensor.copy_(source[key]);
        return model;
    }

    private static void CheckFit(Dictionary<string, Tensor> target, IReadOnlyList<SafetensorsEntry> entries, string path)
    {
        var source = entries.ToDictionary(entry => entry.name);
        var problems = new List<string>();
        Add("missing", target.Keys.Where(key => !source.ContainsKey(key)));
        Add("unexpected", source.Keys.Where(key => !target.ContainsKey(key)));
        Add("of another shape", target.Where(item => source.TryGetValue(item.Key, out var entry) && !item.Value.shape.SequenceEqual(entry.shape))
            .Select(item => $"{item.Key} (file [{string.Join(", ", source[item.Key].shape)}], model [{string.Join(", ", item.Value.shape)}])"));
        if (problems.Count > 0) throw new InvalidDataException($"{path} does not fit the model, which is unchanged: {string.Join("; ", problems)}.");

        void Add(string what, IEnumerable<string> keys)
        {
            var list = keys.ToArray();
            if (list.Length > 0) problems.Add($"{what}: {string.Join(", ", list.Take(Listed))}{(list.Length > Listed ? $" and {list.Length - Listed} more" : "")}");
        }
    }
}

namespace TorchSharp.Fx.Vision;

/// <summary>The keys of a model and a file that did not match. <c>torch.nn.modules.module._IncompatibleKeys</c></summary>
/// <param name="missing_keys">The keys that the model has and the file lacks.</param>
/// <param name="unexpected_keys">The keys that the file has and the model lacks.</param>
/// <param name="mismatched_keys">The keys that both have, with different shapes.</param>
public sealed record IncompatibleKeys(IReadOnlyList<TensorShape> missing_keys, IReadOnlyList<TensorShape> unexpected_keys,
    IReadOnlyList<MismatchedShape> mismatched_keys)
{
    // Enough to see the pattern of what is wrong.
    private const int Listed = 8;

    /// <summary>Whether all keys are the same and all shapes too.</summary>
    public bool all_match => missing_keys.Count + unexpected_keys.Count + mismatched_keys.Count == 0;

    /// <summary>The first few of each kind and the number of the others.</summary>
    public override string ToString() => all_match ? "all keys match" : string.Join("; ", new[]
    {
        List("missing", missing_keys),
        List("unexpected", unexpected_keys),
        List("of another shape", mismatched_keys),
    }.OfType<string>());

    private static string? List<T>(string what, IReadOnlyList<T> keys) => keys.Count == 0 ? null
        : $"{what}: {string.Join(", ", keys.Take(Listed))}{(keys.Count > Listed ? $" and {keys.Count - Listed} more" : "")}";
}

/// <summary>A key with its tensor's shape.</summary>
public sealed record TensorShape(string key, IReadOnlyList<long> shape)
{
    /// <inheritdoc/>
    public override string ToString() => key;
}

/// <summary>A key with the shapes it has in the file and in the model.</summary>
public sealed record MismatchedShape(string key, IReadOnlyList<long> file_shape, IReadOnlyList<long> model_shape)
{
    /// <inheritdoc/>
    public override string ToString() => $"{key} (file [{string.Join(", ", file_shape)}], model [{string.Join(", ", model_shape)}])";
}

/// <summary>Weights do not fit the model, which is unchanged.</summary>
public sealed class IncompatibleWeightsException(string message, IncompatibleKeys keys) : IOException(message)
{
    /// <summary>Every key that does not fit, with its shapes.</summary>
    public IncompatibleKeys keys { get; } = keys;
}

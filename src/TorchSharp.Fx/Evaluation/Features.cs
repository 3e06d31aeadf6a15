using System.Collections;
using System.Diagnostics.CodeAnalysis;
using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>
/// Named values that a feature extractor returned, in the order in which they were computed. Disposing it disposes its tensors.
/// Counterpart: the dictionary that torchvision's feature extractors return.
/// </summary>
public sealed class Features : IReadOnlyDictionary<string, Tensor>, IDisposable
{
    private readonly OrderedDictionary<string, object?> values = new(StringComparer.Ordinal);
    private readonly object?[] inputs;

    /// <param name="keys">The names, in order.</param>
    /// <param name="values">A value for each.</param>
    /// <param name="inputs">What the model was given: the caller's, never disposed here.</param>
    internal Features(IReadOnlyList<string> keys, object?[] values, object?[] inputs)
    {
        for (var i = 0; i < keys.Count; i++)
            this.values.Add(keys[i], values[i]);
        this.inputs = inputs;
    }

    /// <summary>The tensor under a name.</summary>
    /// <exception cref="KeyNotFoundException">There is no such name; the message lists the nearest.</exception>
    /// <exception cref="InvalidOperationException">The value is no tensor: use <see cref="value{T}"/>.</exception>
    public Tensor this[string key] => AsTensor(key, Find(key));

    /// <summary>
    /// The value under a name: a tensor, or whatever type the node has (a size, a tuple; null as <c>object</c> or a nullable type).
    /// </summary>
    /// <exception cref="KeyNotFoundException">There is no such name; the message lists the nearest.</exception>
    /// <exception cref="InvalidOperationException">The value is of another type.</exception>
    public T value<T>(string key) => Find(key) switch
    {
        T found => found,
        null when typeof(T) == typeof(object) || Nullable.GetUnderlyingType(typeof(T)) is not null => default!,
        var other => throw new InvalidOperationException($"The feature '{key}' is a {TypeName(other)}, not a {typeof(T).Name}."),
    };

    /// <inheritdoc/>
    public IEnumerable<string> Keys => values.Keys;

    /// <inheritdoc/>
    public IEnumerable<Tensor> Values => this.Select(feature => feature.Value);

    /// <inheritdoc/>
    public int Count => values.Count;

    /// <inheritdoc/>
    public bool ContainsKey(string key) => values.ContainsKey(key);

    /// <inheritdoc/>
    public bool TryGetValue(string key, [MaybeNullWhen(false)] out Tensor value)
    {
        value = values.TryGetValue(key, out var found) ? AsTensor(key, found) : null;
        return value is not null;
    }

    /// <summary>All names with their tensors.</summary>
    /// <exception cref="InvalidOperationException">A value is no tensor: use <see cref="value{T}"/>.</exception>
    public IEnumerator<KeyValuePair<string, Tensor>> GetEnumerator()
        => values.Select(entry => KeyValuePair.Create(entry.Key, AsTensor(entry.Key, entry.Value))).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>Disposes the tensors, except those that were inputs.</summary>
    public void Dispose() => Disposal.Release(values.Values.ToArray(), inputs);

    private object? Find(string key) => values.TryGetValue(key, out var found)
        ? found
        : throw new KeyNotFoundException($"There is no feature '{key}'. The nearest names are {NearestNames.Quoted(key, values.Keys)}.");

    private static Tensor AsTensor(string key, object? value) => value as Tensor
        ?? throw new InvalidOperationException(
            $"The feature '{key}' is a {TypeName(value)}, not a tensor: read it with value<T>(\"{key}\").");

    private static string TypeName(object? value) => value?.GetType().Name ?? "null";
}

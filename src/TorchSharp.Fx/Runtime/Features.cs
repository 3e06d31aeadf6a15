using System.Collections;
using System.Diagnostics.CodeAnalysis;
using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>Named values that a feature extractor returned, in the order in which they were computed. Disposing it disposes its tensors.</summary>
public sealed class Features : IReadOnlyDictionary<string, Tensor>, IDisposable
{
    internal Features(IReadOnlyList<string> keys, object?[] values, object?[] inputs) => throw new NotImplementedException();

    /// <summary>The tensor under a name.</summary>
    public Tensor this[string key] => value<Tensor>(key);

    /// <summary>The value under a name: a tensor, or whatever type the node has (a size, a tuple).</summary>
    public T value<T>(string key) => throw new NotImplementedException();

    /// <inheritdoc/>
    public IEnumerable<string> Keys => throw new NotImplementedException();

    /// <inheritdoc/>
    public IEnumerable<Tensor> Values => throw new NotImplementedException();

    /// <inheritdoc/>
    public int Count => throw new NotImplementedException();

    /// <inheritdoc/>
    public bool ContainsKey(string key) => throw new NotImplementedException();

    /// <inheritdoc/>
    public bool TryGetValue(string key, [MaybeNullWhen(false)] out Tensor value) => throw new NotImplementedException();

    /// <inheritdoc/>
    public IEnumerator<KeyValuePair<string, Tensor>> GetEnumerator() => throw new NotImplementedException();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <inheritdoc/>
    public void Dispose() => throw new NotImplementedException();
}

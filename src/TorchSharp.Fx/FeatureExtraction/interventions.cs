using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>
/// The usual edits of a value, for <see cref="Intervention.intervene"/>. The caller owns the tensors that it passes; they must outlive the
/// module.
/// </summary>
public static class interventions
{
    /// <summary>Replaces the value, or a part of it.</summary>
    /// <param name="with">The replacement: a tensor of the value's shape, of which the same part is used, or one that broadcasts to the
    /// replaced part, e.g. a mean over images.</param>
    /// <param name="at">The index of the part to replace: <c>[.., 5]</c> in Python is <c>TensorIndex.Ellipsis, 5</c>. Leave it out to
    /// replace the whole value.</param>
    public static Func<Tensor, Tensor> replace(Tensor with, params TensorIndex[] at)
    {
        ArgumentNullException.ThrowIfNull(with);
        ArgumentNullException.ThrowIfNull(at);
        return value =>
        {
            var given = with.to(value.dtype, value.device);
            if (at.Length == 0)
                return given.expand_as(value).clone();
            var replaced = value.clone();
            replaced[at] = given.shape.AsSpan().SequenceEqual(value.shape) ? given[at] : given;
            return replaced;
        };
    }

    /// <summary>Multiplies the value by a factor.</summary>
    public static Func<Tensor, Tensor> scale(double factor) => value => value * factor;

    /// <summary>Adds a tensor that broadcasts to the value, such as a steering vector.</summary>
    public static Func<Tensor, Tensor> add(Tensor addend)
    {
        ArgumentNullException.ThrowIfNull(addend);
        return value => value + addend.to(value.dtype, value.device);
    }

    /// <summary>Sets channels to 0.</summary>
    /// <param name="channels">The indices of the channels.</param>
    /// <param name="dim">The dimension of the channels: 1 for maps [N, C, H, W], -1 for tokens [N, L, C].</param>
    public static Func<Tensor, Tensor> ablate_channels(long[] channels, long dim = 1)
    {
        ArgumentNullException.ThrowIfNull(channels);
        return value => value.index_fill(dim, tensor(channels, device: value.device), 0);
    }

    /// <summary>
    /// Activation patching: edits that replace the values of nodes by those of another run. Pass the result, or some of its entries, to
    /// <see cref="Intervention.intervene"/>. Meng et al., "Locating and Editing Factual Associations in GPT" (2022), arXiv:2202.05262.
    /// </summary>
    /// <param name="other_features">The features of the other run; the keys are node names.</param>
    /// <param name="at">The index of the part to patch. Leave it out to patch whole values.</param>
    public static Dictionary<string, Func<Tensor, Tensor>> patch_from(
        IReadOnlyDictionary<string, Tensor> other_features, params TensorIndex[] at)
    {
        ArgumentNullException.ThrowIfNull(other_features);
        return other_features.ToDictionary(feature => feature.Key, feature => replace(feature.Value, at), StringComparer.Ordinal);
    }
}

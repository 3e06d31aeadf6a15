using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>The usual edits of a value, for <see cref="Intervention.intervene"/>. The tensors that they are given stay the caller's and
/// must outlive the module.</summary>
public static class interventions
{
    /// <summary>Puts another value in the place of the value, or of a part of it.</summary>
    /// <param name="with">A tensor of the value's shape (of which then the same part is taken), or one that broadcasts to what is replaced,
    /// such as a mean over images.</param>
    /// <param name="at">What is replaced, as an index of the value: <c>[.., 5]</c> in Python is <c>TensorIndex.Ellipsis, 5</c>. All of it
    /// where nothing is given.</param>
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

    /// <summary>Multiplies the value.</summary>
    public static Func<Tensor, Tensor> scale(double factor) => value => value * factor;

    /// <summary>Adds a tensor that broadcasts to the value, such as a steering vector.</summary>
    public static Func<Tensor, Tensor> add(Tensor addend)
    {
        ArgumentNullException.ThrowIfNull(addend);
        return value => value + addend.to(value.dtype, value.device);
    }

    /// <summary>Sets channels to 0.</summary>
    /// <param name="channels">Their numbers.</param>
    /// <param name="dim">The dimension of the channels: 1 for maps [N, C, H, W], -1 for tokens [N, L, C].</param>
    public static Func<Tensor, Tensor> ablate_channels(long[] channels, long dim = 1)
    {
        ArgumentNullException.ThrowIfNull(channels);
        return value => value.index_fill(dim, tensor(channels, device: value.device), 0);
    }

    /// <summary>
    /// Activation patching: the values of another run in the place of this run's, each under the name of its node, for all or some of the
    /// nodes of <see cref="Intervention.intervene"/>. Meng et al., "Locating and Editing Factual Associations in GPT" (2022),
    /// arXiv:2202.05262.
    /// </summary>
    /// <param name="other_features">What a feature extractor returned for the other input; the keys are names of nodes.</param>
    /// <param name="at">The part of the values that is patched, as an index; all of it where nothing is given.</param>
    public static Dictionary<string, Func<Tensor, Tensor>> patch_from(
        IReadOnlyDictionary<string, Tensor> other_features, params TensorIndex[] at)
    {
        ArgumentNullException.ThrowIfNull(other_features);
        return other_features.ToDictionary(feature => feature.Key, feature => replace(feature.Value, at), StringComparer.Ordinal);
    }
}

using System.Collections.Immutable;

namespace TorchSharp.Fx;

/// <summary>The nodes of a model that are worth extracting. Counterpart: timm's <c>model.feature_info</c>.</summary>
/// <param name="stages">The last feature map of each resolution, from the finest to the coarsest.</param>
/// <param name="embedding">The vector that the classifier reads, or the result of a model without a classifier; null where that isn't a
/// vector.</param>
public sealed record FeatureInfo(IReadOnlyList<FeatureNode> stages, FeatureNode? embedding);

/// <summary>A node worth extracting. It converts to a <see cref="ReturnNode"/>: <c>[.. info.stages]</c>.</summary>
/// <param name="name">The node's name, or that of the outermost module whose last node it is.</param>
/// <param name="channels">The number of channels of its value.</param>
/// <param name="reduction">The factor by which its height and width are smaller than the input's; null for a vector.</param>
/// <param name="shape">The shape of its value for the given input.</param>
public sealed record FeatureNode(string name, long channels, long? reduction, ImmutableArray<long> shape)
{
    /// <summary>Requests the node, with its name as the key.</summary>
    public static implicit operator ReturnNode(FeatureNode node)
    {
        ArgumentNullException.ThrowIfNull(node);
        return node.name;
    }
}

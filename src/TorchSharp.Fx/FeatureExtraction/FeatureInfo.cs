using System.Collections.Immutable;

namespace TorchSharp.Fx;

/// <summary>The nodes of a model that are worth extracting. Counterpart: timm's <c>model.feature_info</c>.</summary>
/// <param name="stages">The last map of each resolution on the way down, the finest first.</param>
/// <param name="embedding">The vector that the classifier reads, or that a model without classifier gives; null where that is none.</param>
public sealed record FeatureInfo(IReadOnlyList<FeatureNode> stages, FeatureNode? embedding);

/// <summary>A node worth extracting. It can stand wherever a <see cref="ReturnNode"/> can: <c>[.. info.stages]</c>.</summary>
/// <param name="name">The node's name, or that of the outermost module which it ends.</param>
/// <param name="channels">How many channels its value has.</param>
/// <param name="reduction">How many pixels of the input, in height and in width, are one of it; null for a vector.</param>
/// <param name="shape">Its value's shape for the input that was given.</param>
public sealed record FeatureNode(string name, long channels, long? reduction, ImmutableArray<long> shape)
{
    /// <summary>Asks for the node under its name.</summary>
    public static implicit operator ReturnNode(FeatureNode node)
    {
        ArgumentNullException.ThrowIfNull(node);
        return node.name;
    }
}

using System.Collections.Immutable;

namespace TorchSharp.Fx.FeatureExtraction;

/// <summary>A value as a map: something at each place of a grid laid over the input.</summary>
/// <param name="Channels">How many numbers there are at each place.</param>
/// <param name="Extent">Height and width; the length of a sequence.</param>
/// <param name="Places">How many places there are, those of all frames together.</param>
internal sealed record FeatureMap(long Channels, ImmutableArray<long> Extent, long Places);

/// <summary>Tells which values of a graph are maps of its first input. Shapes have been propagated.</summary>
internal sealed class FeatureMaps
{
    private readonly Dictionary<Node, FeatureMap> maps = [];

    // A value that is no map (attention's heads, say) still tells which map a later sequence of tokens is made of.
    private readonly Dictionary<Node, FeatureMap> latest = [];
    private readonly ImmutableArray<long> input;
    private readonly int dimensions;

    internal FeatureMaps(ModuleHierarchy modules, Graph graph)
    {
        var first = graph.nodes.First();
        input = Shape(first);
        dimensions = Math.Min(2, input.Length - 2);
        if (dimensions < 1)
            return;
        latest[first] = new(input[1], input[^dimensions..], Product(input[2..]));
        foreach (var node in graph.nodes.Skip(1))
            if (!IsPooledToSize(modules, node)
                && node.all_input_nodes.Select(given => latest.GetValueOrDefault(given))
                    .FirstOrDefault(map => map is not null) is { } before)
                latest[node] = Map(node, before) is { } map ? maps[node] = map : before;
    }

    internal FeatureMap? Of(Node node) => maps.GetValueOrDefault(node);

    /// <summary>
    /// How many pixels one place stands for. Convolutions without padding lose a border and others round up, so it is the nearest power of
    /// two, unless the sizes are another whole multiple that no rounding explains. 0 for a map that is finer than the input.
    /// </summary>
    internal long Reduction(FeatureMap map)
    {
        var (whole, part) = (input[^dimensions], map.Extent[0]);
        if (part > whole)
            return 0;
        var power = 1L << (int)Math.Round(Math.Log2(whole / (double)part));
        var isRoundedUp = (whole + power - 1) / power == part;
        return !isRoundedUp && whole % part == 0 ? whole / part : power;
    }

    /// <summary>A map pooled to a fixed size says nothing about the input's resolution any more.</summary>
    private static bool IsPooledToSize(ModuleHierarchy modules, Node node)
        => (node.op == Opcode.call_module
            ? modules.Module(node.target.name).GetType().Name : node.target.name).StartsWith("adaptive",
                StringComparison.OrdinalIgnoreCase);

    private static ImmutableArray<long> Shape(Node node) => node.get_meta(meta.tensor_meta)?.shape ?? [];

    private static long Product(IEnumerable<long> sizes) => sizes.Aggregate(1L, (product, size) => product * size);

    private FeatureMap? Map(Node node, FeatureMap before)
    {
        var shape = Shape(node);
        if (shape.Length == 0 || shape[0] != input[0])
            return null;
        var map = shape.Length == input.Length ? Grid(shape) : shape.Length == 3 ? Tokens(shape, before) : null;
        return map is { Places: > 1 } ? map : null;
    }

    /// <summary>Channels first, or last where only that has the input's proportions.</summary>
    private FeatureMap? Grid(ImmutableArray<long> shape)
    {
        var (first, last) = (shape[^dimensions..], shape[^(dimensions + 1)..^1]);
        return HasProportions(first) ? new(shape[1], first, Product(shape[2..]))
            : HasProportions(last) ? new(shape[^1], last, Product(shape[1..^1]))
            : null;
    }

    /// <summary>Up to one place, for rounding.</summary>
    private bool HasProportions(ImmutableArray<long> extent)
        => dimensions == 1 || Math.Abs(extent[0] * input[^1] - extent[1] * input[^2]) <= Math.Max(input[^1], input[^2]);

    /// <summary>
    /// A sequence of the map's places, of every second or fourth of them in each direction, maybe with a token for the class.
    /// </summary>
    private static FeatureMap? Tokens(ImmutableArray<long> shape, FeatureMap map)
    {
        foreach (var (length, channels) in new[] { (shape[1], shape[2]), (shape[2], shape[1]) })
            for (var step = 1; step <= 4; step *= 2)
                if (map.Extent.All(size => size % step == 0) && map.Places / Product(map.Extent.Select(_ => (long)step)) is var places
                    && (length == places || length == places + 1))
                    return new(channels, [.. map.Extent.Select(size => size / step)], places);
        return null;
    }
}

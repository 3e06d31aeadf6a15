using System.Collections.Immutable;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Export;

/// <summary>The dimensions of the inputs that stay free.</summary>
/// <param name="shapes">Them, by the input's name and the dimension's position.</param>
internal sealed class FreeSizes(IReadOnlyDictionary<string, IReadOnlyDictionary<int, Dim>> shapes)
{
    internal ImmutableArray<Dim> Dims { get; } = [.. shapes.Values.SelectMany(sizes => sizes.Values).Distinct()];

    /// <summary>The facts about the values of a graph, and how sizes depend on these dimensions.</summary>
    internal Dictionary<Node, Fact> Facts(PlainGraph plain)
        => FactFinder.Of(plain, plain.Inputs, [.. Dims.Select(dim => ExampleSize(plain, dim))],
            (dim, by) => Enlarged(plain, Dims[dim], by));

    private long ExampleSize(PlainGraph plain, Dim dim)
    {
        var sizes = plain.Graph.find_nodes(Opcode.placeholder).Zip(plain.Inputs).SelectMany(pair
            => shapes.GetValueOrDefault(pair.First.target.name)?.Where(size => size.Value == dim).Select(size
            => ((Tensor)pair.Second!).size(size.Key)) ?? []);
        return sizes.Distinct().ToArray() is [var only] && only >= dim.min && (dim.max is null || only <= dim.max) ? only
            : throw new NotSupportedException(
                $"the free dimension '{dim.name}' is {string.Join(" and ", sizes.Distinct())} in the example, but it has one size of "
                    + $"{dim.min} to {(dim.max is { } max ? $"{max}" : "any")}");
    }

    /// <summary>The inputs where every size of a free dimension is larger: rows of the example come again.</summary>
    private object?[] Enlarged(PlainGraph plain, Dim dim, int by)
    {
        var placeholders = plain.Graph.find_nodes(Opcode.placeholder).Select(node => node.target.name).ToArray();
        return [.. plain.Inputs.Select((input, i) => input is Tensor tensor && shapes.TryGetValue(placeholders[i], out var sizes)
            ? sizes.Where(size => size.Value == dim).Aggregate(tensor, (grown, size) => Grown(grown, size.Key, by)) : input)];
    }

    private static Tensor Grown(Tensor tensor, int dimension, int by)
        => tensor.index_select(dimension, arange(tensor.size(dimension) + by, device: tensor.device).remainder(tensor.size(dimension)));
}

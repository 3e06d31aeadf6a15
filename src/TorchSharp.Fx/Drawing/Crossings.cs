namespace TorchSharp.Fx.Drawing;

/// <summary>Orders the boxes of each layer so that few lines cross: by the mean place of their neighbours, down and up in turns.</summary>
internal static class Crossings
{
    private const int Rounds = 12;

    internal static void Reduce(IReadOnlyList<List<LayoutBox>> layers, IReadOnlyList<Link> links)
    {
        var (above, below) = (links.ToLookup(link => link.To, link => link.From), links.ToLookup(link => link.From, link => link.To));
        Number(layers);
        var (best, fewest) = (Copy(layers), Count(layers, below));
        for (var round = 0; round < Rounds && fewest > 0; round++)
        {
            foreach (var layer in round % 2 == 0 ? layers : layers.Reverse())
                Sort(layer, round % 2 == 0 ? above : below);
            if (Count(layers, below) is var count && count < fewest)
                (best, fewest) = (Copy(layers), count);
        }
        Restore(layers, best);
    }

    private static void Sort(List<LayoutBox> layer, ILookup<LayoutBox, LayoutBox> neighbours)
    {
        LayoutBox[] sorted =
            [.. layer.OrderBy(box => neighbours[box].Select(other => (double)other.Order).DefaultIfEmpty(box.Order).Average())];
        layer.Clear();
        layer.AddRange(sorted);
        Number(layer);
    }

    /// <summary>Two lines between the same layers cross where their ends are in opposite order.</summary>
    private static long Count(IReadOnlyList<List<LayoutBox>> layers, ILookup<LayoutBox, LayoutBox> below)
        => layers.Sum(layer => Inversions(layer.SelectMany(box => below[box].Select(to => to.Order).Order())));

    /// <summary>How many pairs of numbers stand in the wrong order.</summary>
    private static long Inversions(IEnumerable<int> numbers)
    {
        var (count, sorted) = (0L, new List<double>());
        foreach (var number in numbers)
        {
            // Half a step further, so that equal numbers, which are in no wrong order, stay before it.
            var place = ~sorted.BinarySearch(number + 0.5);
            count += sorted.Count - place;
            sorted.Insert(place, number);
        }
        return count;
    }

    private static LayoutBox[][] Copy(IReadOnlyList<List<LayoutBox>> layers) => [.. layers.Select(layer => layer.ToArray())];

    private static void Restore(IReadOnlyList<List<LayoutBox>> layers, LayoutBox[][] order)
    {
        foreach (var (layer, boxes) in layers.Zip(order))
        {
            layer.Clear();
            layer.AddRange(boxes);
        }
        Number(layers);
    }

    private static void Number(IReadOnlyList<List<LayoutBox>> layers)
    {
        foreach (var layer in layers)
            Number(layer);
    }

    private static void Number(List<LayoutBox> layer)
    {
        foreach (var (order, box) in layer.Index())
            box.Order = order;
    }
}

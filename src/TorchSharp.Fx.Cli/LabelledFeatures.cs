using TorchSharp.Fx.Data;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Cli;

/// <summary>The rows of a table that have features and a class.</summary>
/// <param name="Features">float32 [rows, width]</param>
/// <param name="Labels">int64 [rows]: each row's place among the classes.</param>
/// <param name="Classes">The classes, and how many rows each has.</param>
/// <param name="Column">The column of the classes.</param>
internal sealed record LabelledFeatures(Tensor Features, Tensor Labels, IReadOnlyList<(string Name, int Rows)> Classes, string Column)
    : IDisposable
{
    // What a probe makes of each number: itself, and a few copies in float64.
    private const int BytesOfNumber = 40;

    internal int Count => Classes.Sum(one => one.Rows);

    /// <summary>How often a guess is right that is always the largest class.</summary>
    internal double LargestShare => Classes.Max(one => one.Rows) / (double)Count;

    /// <param name="vectors">The table.</param>
    /// <param name="column">The column of the classes.</param>
    /// <param name="most">How many rows, drawn at random; null for all.</param>
    /// <param name="seed">What they are drawn with.</param>
    internal static LabelledFeatures Read(FeatureVectors vectors, string column, int? most, int seed)
    {
        var labels = vectors.Texts(column).Index().Where(row => row.Item is not null).ToDictionary(row => (long)row.Index, row
            => row.Item!);
        if (labels.Count == 0)
            throw new ToolException($"No row of '{vectors.Path}' has a value in '{column}'.");
        long[] taken = [.. vectors.Read().SelectMany(Finite).Where(labels.ContainsKey)];
        if (taken.Length > most)
        {
            new Random(seed).Shuffle(taken);
            taken = [.. taken.Take(most.Value).Order()];
        }
        if (taken.Length == 0)
            throw new ToolException($"No row of '{vectors.Path}' has both features '{vectors.Key}' and a value in '{column}'.");
        if ((double)taken.Length * vectors.Width * BytesOfNumber > GC.GetGCMemoryInfo().TotalAvailableMemoryBytes)
            throw new ToolException(
                $"{taken.Length} rows of {vectors.Width} numbers are more than the memory holds for a probe: take fewer with --rows.");
        var classes = taken.Select(row => labels[row]).CountBy(name => name).OrderBy(one => one.Key, NaturalOrder.Comparer)
            .Select(one => (one.Key, one.Value)).ToArray();
        if (classes is [var only])
            throw new ToolException(
                $"All rows with features have the value '{only.Key}' in '{column}': a probe tells classes apart, so it takes two or more.");
        var numbers = classes.Index().ToDictionary(one => one.Item.Key, one => (long)one.Index);
        return new(Rows(vectors, taken), tensor(taken.Select(row => numbers[labels[row]]).ToArray()), classes, column);
    }

    /// <summary>Refuses parts that no class fills.</summary>
    internal void RequireFolds(int folds)
    {
        var largest = Classes.MaxBy(one => one.Rows);
        if (largest.Rows < folds)
            throw new ToolException(
                $"No class of '{Column}' has a row for each of {folds} parts; the largest, '{largest.Name}', has {largest.Rows}: lower --folds, or take a column with fewer classes.");
    }

    /// <summary>The classes that were taken, and those that were not.</summary>
    internal void Tell(FeatureVectors vectors)
    {
        var left = vectors.Rows - Count;
        Console.Error.WriteLine(
            FormattableString.Invariant(
                $"{Count} rows of {Classes.Count} classes{(left > 0 ? $"; {left} others have no features, no class, or were not drawn" : "")}"));
    }

    private static IEnumerable<long> Finite(VectorBlock block) => block.Ordinals.Where((_, at)
        => !block.Elements.AsSpan(at * block.Width, block.Width).ContainsAnyExceptInRange(float.MinValue, float.MaxValue));

    private static Tensor Rows(FeatureVectors vectors, long[] ordinals)
    {
        var features = empty(ordinals.Length, vectors.Width);
        var wanted = ordinals.ToHashSet();
        var next = 0L;
        foreach (var block in vectors.Read(vectors.GroupsOf(ordinals)))
        {
            using var scope = NewDisposeScope();
            long[] places = [.. block.Ordinals.Index().Where(row => wanted.Contains(row.Item)).Select(row => (long)row.Index)];
            if (places.Length == 0)
                continue;
            features.narrow(0, next, places.Length).copy_(block.ToTensor()[tensor(places)]);
            next += places.Length;
        }
        return features;
    }

    public void Dispose()
    {
        Features.Dispose();
        Labels.Dispose();
    }
}

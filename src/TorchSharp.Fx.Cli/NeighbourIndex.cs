using Cloud.Unum.USearch;
using TorchSharp.Fx.Data;

namespace TorchSharp.Fx.Cli;

/// <summary>
/// An index that finds most of a vector's nearest neighbours without comparing all: HNSW of USearch, with vectors in float16. What it
/// finds is compared again with the table's own numbers, so similarities are exact.
/// </summary>
internal sealed class NeighbourIndex : IDisposable
{
    // The exact comparison puts these in order.
    private const int Spare = 4;

    // More than float16 loses in a cosine.
    private const double Tolerance = 0.01;

    private readonly FeatureVectors table;
    private readonly string path;
    private readonly USearchIndex index;

    private NeighbourIndex(FeatureVectors table, string path, USearchIndex index)
        => (this.table, this.path, this.index) = (table, path, index);

    /// <summary>Opens an index, or makes it of a table's vectors where there is no such file.</summary>
    internal static NeighbourIndex Open(FeatureVectors table, string path, CancellationToken token)
    {
        if (!File.Exists(path))
            Make(table, path, token);
        try
        {
            var index = new USearchIndex(path, view: true);
            if (index.Dimensions() == (ulong)table.Width && index.Size() <= (ulong)table.Rows)
                return new(table, path, index);
            index.Dispose();
        }
        catch (USearchException error)
        {
            throw new ToolException($"'{path}' is no index of USearch, or is damaged: delete it, and it is made anew.", error);
        }
        throw NotOf(table, path);
    }

    /// <summary>As <see cref="FeatureSearch.Nearest(FeatureVectors, ReadOnlyMemory{float}, int, CancellationToken)"/>, among those that the
    /// index finds.</summary>
    internal SearchResult Nearest(float[] query, int count, long? without, CancellationToken token)
    {
        if (query.Length != table.Width)
            throw new ToolException($"The image has {query.Length} features, and '{table.Key}' of '{table.Path}' {table.Width}.");
        var found = index.Search(query, (int)Math.Min((ulong)Spare * (ulong)count + 1, index.Size()), out ulong[] keys,
            out float[] distances);
        var near = keys.Zip(distances).Take(found).ToDictionary(one => (long)one.First, one => 1 - one.Second);
        if (near.Keys.Any(ordinal => ordinal < 0 || ordinal >= table.Rows))
            throw NotOf(table, path);
        var exact = FeatureSearch.Nearest(table, query, near.Count, near.ContainsKey, table.GroupsOf(near.Keys), token);
        var told = near.Values.OrderDescending();
        if (exact.Compared < near.Count || exact.Rows.Zip(told).Any(pair => Math.Abs(pair.First.Similarity - pair.Second) > Tolerance))
            throw NotOf(table, path);
        var self = without is { } ordinal ? FeatureSearch.Described(table, [ordinal])[ordinal].Row : -1;
        return exact with { Rows = [.. exact.Rows.Where(row => without is null || row.Row != self).Take(count)] };
    }

    private static void Make(FeatureVectors table, string path, CancellationToken token)
    {
        AtomicFile.RequireFolder(path);
        using var index = new USearchIndex(MetricKind.Cos, ScalarKind.Float16, (ulong)table.Width);
        Terminal.WithProgress("rows", checked((int)table.Rows), report =>
        {
            foreach (var block in table.Read())
            {
                token.ThrowIfCancellationRequested();
                using var directions = block.ToDirections();
                var rows = directions.Vectors.data<float>().ToArray().Chunk(table.Width).ToArray();
                if (rows.Length > 0)
                    index.Add([.. directions.Ordinals.Select(ordinal => (ulong)ordinal)], rows);
                report(block.Ordinals.Length);
            }
        });
        var temporary = $"{path}.{Guid.NewGuid():N}.tmp";
        try
        {
            index.Save(temporary);
            File.Move(temporary, path);
        }
        catch (USearchException error)
        {
            throw new ToolException($"'{path}' can't be written: {error.Message}", error);
        }
        finally
        {
            File.Delete(temporary);
        }
        Console.Error.WriteLine($"made {path}");
    }

    private static ToolException NotOf(FeatureVectors table, string path)
        => new($"'{path}' is an index of other vectors than '{table.Key}' of '{table.Path}': delete it, and it is made anew.");

    public void Dispose() => index.Dispose();
}

using static TorchSharp.torch;

namespace TorchSharp.Fx.Data;

/// <summary>
/// Finds the rows of a table whose features are most similar to a query. The search is exact, by matrix products, with one block in memory
/// at a time.
/// </summary>
public static class FeatureSearch
{
    /// <summary>The rows with the largest cosine similarity.</summary>
    /// <param name="table">The table.</param>
    /// <param name="query">A vector with <see cref="FeatureVectors.Width"/> elements.</param>
    /// <param name="count">The number of rows to return.</param>
    /// <param name="cancellation">Cancels the search.</param>
    /// <returns>The most similar rows first; of equal ones, the first in the table.</returns>
    /// <exception cref="ArgumentException">The query has another length, is all zero, or is not finite.</exception>
    public static SearchResult Nearest(FeatureVectors table, ReadOnlyMemory<float> query, int count,
        CancellationToken cancellation = default)
        => Nearest(table, query, count, _ => true, null, cancellation);

    /// <param name="table">The table.</param>
    /// <param name="query">A vector with <see cref="FeatureVectors.Width"/> elements.</param>
    /// <param name="count">The number of rows to return.</param>
    /// <param name="takes">Whether a row is compared, by its place in the file.</param>
    /// <param name="groups">Which row groups are read; null for all.</param>
    /// <param name="cancellation">Cancels the search.</param>
    internal static SearchResult Nearest(FeatureVectors table, ReadOnlyMemory<float> query, int count, Func<long, bool> takes,
        Func<int, bool>? groups, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(table);
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        if (query.Length != table.Width)
            throw new ArgumentException(
                $"The query has {query.Length} numbers, and the vectors '{table.Key}' of '{table.Path}' have {table.Width}.",
                nameof(query));
        using var direction = new VectorBlock(0, [0], query.ToArray(), query.Length).ToDirections();
        if (direction.Ordinals.Length == 0)
            throw new ArgumentException("The query has no direction: it is all zeros, or not finite.", nameof(query));
        var (best, compared) = (new List<(long Ordinal, float Similarity)>(), 0L);
        foreach (var block in table.Read(groups))
        {
            cancellation.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            using var directions = block.ToDirections();
            var similarities = directions.Vectors.matmul(direction.Vectors[0]).data<float>().ToArray();
            (long Ordinal, float Similarity)[] found = [.. directions.Ordinals.Zip(similarities).Where(row => takes(row.First))];
            compared += found.Length;
            best = [.. found.Concat(best).OrderByDescending(row => row.Similarity).ThenBy(row => row.Ordinal).Take(count)];
        }
        var rows = Described(table, best.Select(row => row.Ordinal));
        return new([.. best.Select(row => new SimilarRow(rows[row.Ordinal].Row, rows[row.Ordinal].Path,
            Math.Clamp(row.Similarity, -1, 1)))],
            compared);
    }

    internal static Dictionary<long, TableRow> Described(FeatureVectors table, IEnumerable<long> ordinals)
    {
        var wanted = ordinals.ToHashSet();
        return table.Describe(table.GroupsOf(wanted)).Where(row => wanted.Contains(row.Ordinal)).ToDictionary(row => row.Ordinal);
    }
}

/// <summary>A similar row.</summary>
/// <param name="Row">The row's number.</param>
/// <param name="Path">The row's path.</param>
/// <param name="Similarity">The cosine of the angle between their features, from -1 to 1.</param>
public sealed record SimilarRow(long Row, string Path, double Similarity);

/// <summary>The results of a search.</summary>
/// <param name="Rows">The rows found.</param>
/// <param name="Compared">The number of compared rows: those whose features are finite and not all zero.</param>
public sealed record SearchResult(IReadOnlyList<SimilarRow> Rows, long Compared);

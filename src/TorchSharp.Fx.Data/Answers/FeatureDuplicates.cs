using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Data;

/// <summary>Finds rows of a table whose features are nearly equal.</summary>
public static class FeatureDuplicates
{
    // Vectors that stay in memory while the rest of the table goes by.
    private const long MostBytes = 256 << 20;

    // What a product of float32 vectors of length 1 may be off by.
    private const double Rounding = 1e-6;

    /// <summary>
    /// Groups rows that are connected by pairs of at least this similarity. In a large group, two rows may be less similar than that.
    /// </summary>
    /// <param name="table">The table. All pairs are compared exactly, in blocks. Memory grows with the number of duplicates, not with the
    /// number of rows.</param>
    /// <param name="threshold">The lowest cosine similarity of duplicates, above 0 and up to 1.</param>
    /// <param name="progress">Receives the number of rows that have been compared with all others.</param>
    /// <param name="cancellation">Cancels the search.</param>
    /// <exception cref="ArgumentOutOfRangeException">The threshold is not above 0 and up to 1.</exception>
    public static DuplicateRows Find(FeatureVectors table, double threshold, IProgress<long>? progress = null,
        CancellationToken cancellation = default) => Find(table, threshold, MostBytes, progress, cancellation);

    internal static DuplicateRows Find(FeatureVectors table, double threshold, long bytesInMemory, IProgress<long>? progress,
        CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(table);
        if (threshold is not (> 0 and <= 1))
            throw new ArgumentOutOfRangeException(nameof(threshold),
                $"The threshold is a cosine similarity above 0 and up to 1, not {FormattableString.Invariant($"{threshold}")}.");
        var (groups, compared) = (new Groups(threshold - Rounding), 0L);
        var kept = new List<Directions>();
        try
        {
            do
            {
                var after = kept.Count == 0 ? null : kept[^1];
                Release();
                foreach (var block in After(table, after))
                {
                    kept.Add(block);
                    if (kept.Sum(one => one.Vectors.numel() * sizeof(float)) >= bytesInMemory)
                        break;
                }
                for (var i = 0; i < kept.Count; i++)
                    for (var j = i; j < kept.Count; j++)
                        Compare(kept[i], kept[j]);
                if (kept.Count > 0)
                    foreach (var block in After(table, kept[^1]))
                        using (block)
                            kept.ForEach(one => Compare(one, block));
                compared += kept.Sum(one => one.Ordinals.LongLength);
                progress?.Report(compared);
            }
            while (kept.Count > 0);
        }
        finally
        {
            Release();
        }
        return new(groups.Described(table), compared);

        void Compare(Directions one, Directions other)
        {
            cancellation.ThrowIfCancellationRequested();
            groups.Compare(one, other);
        }

        void Release()
        {
            kept.ForEach(block => block.Dispose());
            kept.Clear();
        }
    }

    private static IEnumerable<Directions> After(FeatureVectors table, Directions? last)
        => table.Read(group => last is null || group >= last.Group).Where(block => last is null || block.Ordinals[0] > last.Last)
            .Select(block => block.ToDirections()).Where(block => block.Ordinals.Length > 0);

    /// <summary>Disjoint sets of rows: each row that has a duplicate leads to its group's first.</summary>
    private sealed class Groups(double threshold)
    {
        private readonly Dictionary<long, (long Parent, float Similarity)> rows = [];

        internal void Compare(Directions one, Directions other)
        {
            using var scope = NewDisposeScope();
            var products = one.Vectors.matmul(other.Vectors.t());
            if (ReferenceEquals(one, other))
                products = products.triu(1);
            var near = products.ge(threshold);
            if (!near.any().item<bool>())
                return;
            var (pairs, similarities) = (near.nonzero().data<long>().ToArray(), products[near].data<float>().ToArray());
            for (var i = 0; i < similarities.Length; i++)
                Join(one.Ordinals[pairs[2 * i]], other.Ordinals[pairs[2 * i + 1]], similarities[i]);
        }

        private void Join(long a, long b, float similarity)
        {
            See(a, similarity);
            See(b, similarity);
            var (first, second) = (First(a), First(b));
            if (first != second)
                CollectionsMarshal.GetValueRefOrNullRef(rows, Math.Max(first, second)).Parent = Math.Min(first, second);
        }

        private void See(long row, float similarity)
        {
            ref var entry = ref CollectionsMarshal.GetValueRefOrAddDefault(rows, row, out var exists);
            entry = exists ? (entry.Parent, Math.Max(entry.Similarity, similarity)) : (row, similarity);
        }

        private long First(long row)
        {
            while (true)
            {
                ref var entry = ref CollectionsMarshal.GetValueRefOrNullRef(rows, row);
                if (entry.Parent == row)
                    return row;
                // Half the way for the next that comes along.
                entry.Parent = rows[entry.Parent].Parent;
                row = entry.Parent;
            }
        }

        /// <summary>The largest group first; of equals, the first of the table.</summary>
        internal IReadOnlyList<SimilarRow>[] Described(FeatureVectors table)
        {
            var described = FeatureSearch.Described(table, rows.Keys);
            return [.. rows.Keys.Order().GroupBy(First).OrderByDescending(group => group.Count()).ThenBy(group => group.Key)
                .Select(group => group.Select(row
                    => new SimilarRow(described[row].Row, described[row].Path, Math.Min(1, rows[row].Similarity))).ToArray())];
        }
    }
}

/// <summary>Rows that have duplicates.</summary>
/// <param name="Groups">The groups, the largest first. A group's rows are in table order, each with its similarity to the most similar row
/// of the group.</param>
/// <param name="Compared">The number of compared rows: those whose features are finite and not all zero.</param>
public sealed record DuplicateRows(IReadOnlyList<IReadOnlyList<SimilarRow>> Groups, long Compared);

using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx.Importing.Operators;

/// <summary>Counts of sequences of numbers.</summary>
internal static class Vectorizing
{
    private const int MostPatterns = 2000;

    internal static void AddTo(OperatorTable table) => table.Add("TfIdfVectorizer", Count);

    private static TensorValue Count(OnnxNode node)
    {
        var mode = node.Attributes.Text("mode", "TF");
        var (shortest, longest, gaps) = (node.Attributes.Int("min_gram_length"), node.Attributes.Int("max_gram_length"),
            node.Attributes.Int("max_skip_count"));
        var starts = node.Attributes.Ints("ngram_counts") ?? [];
        var places = node.Attributes.Ints("ngram_indexes") ?? [];
        var weights = node.Attributes.Floats("weights");
        if (node.Attributes.Ints("pool_int64s") is not { } pool)
            throw new NotSupportedException("it looks for strings, which have no counterpart in TorchSharp");
        var patterns = Patterns(pool, starts).ToArray();
        if (patterns.Length != places.Length || patterns.Length > MostPatterns)
            throw new NotSupportedException($"its {patterns.Length} patterns have {places.Length} places, and {MostPatterns} can be had");
        var size = places.Max() + 1;
        if (size > MostPatterns)
            throw new NotSupportedException($"its result has {size} columns, and {MostPatterns} can be had");
        var columns = Enumerable.Range(0, (int)size).Select(place => Array.IndexOf(places, place) is >= 0 and var at
            && patterns[at].Length >= shortest && patterns[at].Length <= longest
            ? (patterns[at], mode is "TF" ? 1 : weights?[at] ?? 1) : ([], 0f)).ToArray();
        var isBatch = node.Rank() == 2;
        return node.Make((Tensor x) => Counted(x, columns, (int)gaps, mode == "IDF"), ScalarType.Float32, isBatch
            ? [node.Shape()![0], size] : [size], node.Tensor());
    }

    /// <summary>All patterns of one number come first, then those of two, and so on; where each length begins is told.</summary>
    private static IEnumerable<long[]> Patterns(long[] pool, long[] starts)
    {
        for (var i = 0; i < starts.Length; i++)
            for (var at = starts[i]; at + i < (i + 1 < starts.Length ? starts[i + 1] : pool.Length); at += i + 1)
                yield return at < 0 || at + i >= pool.Length ? throw new NotSupportedException("its patterns begin outside of their list")
                    : pool[(int)at..(int)(at + i + 1)];
    }

    private static Tensor Counted(Tensor x, (long[] Pattern, float Weight)[] columns, int gaps, bool once)
    {
        var sums = new Tensor[columns.Length];
        for (var i = 0; i < columns.Length; i++)
        {
            var (pattern, weight) = columns[i];
            Tensor? sum = null;
            // A pattern of one number has no gaps.
            for (var gap = 1; pattern.Length > 0 && gap <= (pattern.Length == 1 ? 1 : gaps + 1); gap++)
                sum = sum is null ? Found(x, pattern, gap) : sum.add(Found(x, pattern, gap));
            sum = (sum ?? zeros_like(x).sum(new[] { -1L })).to(ScalarType.Float32);
            sums[i] = once ? sum.gt(0).to(ScalarType.Float32).mul(weight) : sum.mul(weight);
        }
        return stack(sums, -1);
    }

    /// <summary>How often a pattern comes up whose numbers lie so far from each other. Shifted views end where the sequence does; beyond
    /// it nothing is found.</summary>
    private static Tensor Found(Tensor x, long[] pattern, int gap)
    {
        var reach = (pattern.Length - 1L) * gap;
        var padded = nn.functional.pad(x.to(ScalarType.Float64), new[] { 0, reach }, PaddingModes.Constant, double.NaN);
        var found = padded.slice(-1, 0, x.shape[^1], 1).eq(pattern[0]);
        for (var i = 1; i < pattern.Length; i++)
            found = found.logical_and(padded.slice(-1, i * gap, i * gap + x.shape[^1], 1).eq(pattern[i]));
        return found.sum(new[] { -1L });
    }
}

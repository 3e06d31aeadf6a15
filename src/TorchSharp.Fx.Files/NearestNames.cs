namespace TorchSharp.Fx.Files;

/// <summary>Suggestions for a mistyped name.</summary>
internal static class NearestNames
{
    /// <summary>
    /// The known names with the fewest edits to <paramref name="name"/>, nearest first; upper and lower case are the same.
    /// </summary>
    public static IReadOnlyList<string> Of(string name, IEnumerable<string> known, int count = 3) =>
    [
        .. known.Distinct(StringComparer.Ordinal)
            .OrderBy(candidate => Distance(name.ToLowerInvariant(), candidate.ToLowerInvariant()))
            .ThenBy(candidate => candidate, StringComparer.Ordinal)
            .Take(count),
    ];

    /// <summary>Three of them for a sentence: <c>'layer1', 'layer2', 'layer3'</c>.</summary>
    public static string Quoted(string name, IEnumerable<string> known)
        => string.Join(", ", Of(name, known).Select(candidate => $"'{candidate}'"));

    // Levenshtein's distance, one row of the table at a time.
    private static int Distance(string a, string b)
    {
        var row = Enumerable.Range(0, b.Length + 1).ToArray();
        for (var i = 1; i <= a.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= b.Length; j++)
                (diagonal, row[j]) = (row[j], Math.Min(Math.Min(row[j], row[j - 1]) + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)));
        }
        return row[b.Length];
    }
}

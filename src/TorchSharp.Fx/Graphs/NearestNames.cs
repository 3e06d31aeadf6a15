namespace TorchSharp.Fx;

/// <summary>What a mistyped name may have meant.</summary>
internal static class NearestNames
{
    /// <summary>The closest names by edit distance, best first.</summary>
    internal static IReadOnlyList<string> Of(string name, IEnumerable<string> known, int count = 3)
        => [.. known.Distinct(StringComparer.Ordinal).OrderBy(candidate => Distance(name, candidate)).Take(count)];

    /// <summary>Levenshtein's distance: how many letters to insert, delete or replace.</summary>
    private static int Distance(string a, string b)
    {
        var row = Enumerable.Range(0, b.Length + 1).ToArray();
        for (var i = 1; i <= a.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(replaced, Math.Min(row[j], row[j - 1]) + 1);
            }
        }
        return row[b.Length];
    }
}

using System.Globalization;

namespace TorchSharp.Fx.Data;

/// <summary>Orders names as people do: numbers in them by value. Culture plays no part, so that every machine finds the same
/// order.</summary>
internal static class NaturalOrder
{
    internal static IComparer<string> Comparer { get; } = Comparer<string>.Create(Compare);

    private static int Compare(string a, string b)
    {
        var (i, j) = (0, 0);
        while (i < a.Length && j < b.Length)
        {
            var order = char.IsAsciiDigit(a[i]) && char.IsAsciiDigit(b[j])
                ? CompareNumbers(Number(a, ref i), Number(b, ref j))
                : char.ToLower(a[i++], CultureInfo.InvariantCulture).CompareTo(char.ToLower(b[j++], CultureInfo.InvariantCulture));
            if (order != 0)
                return order;
        }
        return (a.Length - i, string.CompareOrdinal(a, b)).CompareTo((b.Length - j, 0));
    }

    private static ReadOnlySpan<char> Number(string text, ref int at)
    {
        var start = at;
        while (at < text.Length && char.IsAsciiDigit(text[at]))
            at++;
        return text.AsSpan(start..at).TrimStart('0');
    }

    /// <summary>Digits of any number: the longer is the larger.</summary>
    private static int CompareNumbers(ReadOnlySpan<char> a, ReadOnlySpan<char> b)
        => a.Length != b.Length ? a.Length.CompareTo(b.Length) : a.SequenceCompareTo(b);
}

using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;

namespace TorchSharp.Fx.Graphs;

/// <summary>
/// The key of a dictionary as one part of a path, the same in every culture. What has a meaning in a path or in a query for nodes is
/// written as <c>%</c> and its code in two hexadecimal digits: <c>block.1</c> is <c>block%2E1</c>. A lone <c>%</c> is the empty key.
/// </summary>
internal static class KeyText
{
    private const string Special = "%.:*?";

    internal static string Of(object? key)
    {
        var text = Plain(key);
        return text.Length == 0 ? "%" : text.AsSpan().IndexOfAny(Special) < 0 ? text : Escaped(text);
    }

    private static string Plain(object? key) => key switch
    {
        null => "null",
        string text => text,
        float or double or Half or decimal => ((IFormattable)key).ToString(null, CultureInfo.InvariantCulture),
        DateTime or DateTimeOffset or DateOnly or TimeOnly => ((IFormattable)key).ToString("O", CultureInfo.InvariantCulture),
        Type type => type.FullName ?? type.Name,
        ITuple items => $"({string.Join(", ", Enumerable.Range(0, items.Length).Select(i => Plain(items[i])))})",
        IFormattable formatted => formatted.ToString(null, CultureInfo.InvariantCulture),
        _ => Printed(key),
    };

    /// <summary>The text of a user's type may go by the present culture, as a record does with its members.</summary>
    private static string Printed(object key)
    {
        var culture = CultureInfo.CurrentCulture;
        try
        {
            CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
            var text = key.ToString() ?? "";
            return text == key.GetType().ToString() ? key.GetType().Name : text;
        }
        finally
        {
            CultureInfo.CurrentCulture = culture;
        }
    }

    private static string Escaped(string text)
    {
        var escaped = new StringBuilder();
        foreach (var letter in text)
            if (Special.Contains(letter, StringComparison.Ordinal))
                escaped.Append(CultureInfo.InvariantCulture, $"%{(int)letter:X2}");
            else
                escaped.Append(letter);
        return escaped.ToString();
    }
}

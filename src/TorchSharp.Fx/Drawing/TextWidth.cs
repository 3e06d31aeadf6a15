namespace TorchSharp.Fx.Drawing;

/// <summary>How wide a text is likely to be. No font is at hand, so the common sans-serif fonts' proportions have to do.</summary>
internal static class TextWidth
{
    internal static double Of(string text, double size) => size * text.Sum(WidthOf);

    /// <summary>A smaller text after another, and the space between.</summary>
    internal static double OfDetail(string text) => text.Length == 0 ? 0 : DrawingStyle.TextGap + Of(text, DrawingStyle.DetailSize);

    private static double WidthOf(char letter) => letter switch
    {
        'i' or 'j' or 'l' or '.' or ',' or ':' or ';' or '|' or '\'' or '!' => 0.29,
        'f' or 't' or 'r' or ' ' or '(' or ')' or '[' or ']' or '-' => 0.38,
        'm' or 'w' or 'M' or 'W' or '@' or '%' => 0.9,
        >= 'A' and <= 'Z' => 0.7,
        _ => 0.57,
    };
}

using System.Globalization;
using System.Text;

namespace TorchSharp.Fx.Tracing;

/// <summary>
/// The texts of one trace that show symbols. A message or a log may show a symbol by its name; whoever reads such a text would read a name
/// where the program has a number. So each of them is a string (or a <see cref="StringBuilder"/>) of its own, known by reference, with the
/// parts that it was made of: by example they are shown as the example has them.
/// </summary>
internal sealed class Texts(Interpreter interpreter)
{
    private readonly Dictionary<object, List<TextPart>> known = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<object, string> read = new(ReferenceEqualityComparer.Instance);

    internal bool IsSymbolic(object? text) => known.Count > 0 && text is not null && known.ContainsKey(text);

    /// <summary>A text of parts: an ordinary string where none shows a symbol.</summary>
    internal string Make(List<TextPart> parts)
    {
        var names = new StringBuilder();
        foreach (var part in parts)
            names.Append(part.Shown);
        // ToString makes a string that nobody else has, but for the empty one.
        if (parts.TrueForAll(part => part.Symbol is null) || names.Length == 0)
            return names.ToString();
        var text = names.ToString();
        known[text] = parts;
        return text;
    }

    /// <summary>The texts that a builder got, from when it was given a symbol on.</summary>
    internal void Append(StringBuilder builder, List<TextPart> parts)
    {
        if (!known.TryGetValue(builder, out var before) && parts.Exists(part => part.Symbol is not null))
            known[builder] = before = [new TextPart(builder.ToString(), null, null)];
        before?.AddRange(parts);
        foreach (var part in parts)
            builder.Append(part.Shown);
    }

    internal string TextOf(StringBuilder builder) => known.TryGetValue(builder, out var parts) ? Make([.. parts]) : builder.ToString();

    /// <summary>A string as parts of a longer text.</summary>
    internal IEnumerable<TextPart> Parts(string? text)
        => text is not null && known.TryGetValue(text, out var parts) ? parts : [new TextPart(text ?? "", null, null)];

    internal Proxy? SymbolOf(object? text)
        => text is not null && known.TryGetValue(text, out var parts) ? parts.Find(part => part.Symbol is not null)!.Symbol : null;

    /// <summary>The text as the example has it, which holds the graph to the numbers in it.</summary>
    internal object Read(object text)
    {
        if (!known.TryGetValue(text, out var parts))
            return text;
        if (!read.TryGetValue(text, out var made))
            made = string.Concat(parts.Select(part => part.Symbol is null ? part.Shown : part.ByExample!()));
        if (text is not StringBuilder builder)
            return read[text] = made;
        known.Remove(builder);
        return builder.Clear().Append(made);
    }

    /// <summary>A value as a part of a text.</summary>
    internal TextPart Part(Value value, Type type, TextLayout layout = default)
    {
        // An array's or a list's own text is the name of its type.
        if (value.Reference is System.Collections.IEnumerable and not string && Homes.Of(value.Reference.GetType()) == Home.Platform)
            return new(layout.Padded(value.Reference.GetType().ToString()), null, null);
        var symbol = interpreter.Symbols.TryGet(value.Reference, out var hollow) ? hollow : new Contents(interpreter).Find(value);
        if (symbol is null)
            return new(layout.Of(interpreter.ToObject(value, type)), null, null);
        return new(layout.Padded(symbol.ToString()), symbol, () => layout.Of(interpreter.ByExample(value, symbol, type)));
    }
}

/// <summary>How a value is shown in a text.</summary>
/// <param name="Format">Its format, such as <c>N2</c>.</param>
/// <param name="Width">At least as many characters; negative for a value on the left.</param>
/// <param name="Provider">The culture; the current one where none is given.</param>
internal readonly record struct TextLayout(string? Format, int Width, IFormatProvider? Provider)
{
    internal string Padded(string text) => Width < 0 ? text.PadRight(-Width) : text.PadLeft(Width);

    internal string Of(object? real)
    {
        var (format, provider) = (Format, Provider ?? CultureInfo.CurrentCulture);
        return Padded(
            ProgramFault.Of(() => real is IFormattable formattable and not torch.Tensor
                ? formattable.ToString(format, provider) : real?.ToString()) ?? "");
    }
}

/// <summary>A part of a text.</summary>
/// <param name="Shown">What it shows: a symbol's name where there is one.</param>
/// <param name="Symbol">The symbol that it shows; null for a part that doesn't depend on an input.</param>
/// <param name="ByExample">What it is for the example; null as the symbol.</param>
internal sealed record TextPart(string Shown, Proxy? Symbol, Func<string>? ByExample);

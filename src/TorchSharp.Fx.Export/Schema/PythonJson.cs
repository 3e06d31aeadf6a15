using System.Buffers;

namespace TorchSharp.Fx.Export;

/// <summary>
/// JSON as Python's <c>json.dumps</c> writes it: numbers that JSON has none for stand bare in it, <c>Infinity</c>, <c>-Infinity</c> and
/// <c>NaN</c>.
/// </summary>
internal static class PythonJson
{
    private static readonly SearchValues<byte> Marks = SearchValues.Create("\"IN"u8);

    /// <summary>The same text with those numbers as texts; itself where it has none.</summary>
    internal static ReadOnlySpan<byte> Quoted(ReadOnlySpan<byte> json)
    {
        ArrayBufferWriter<byte>? quoted = null;
        var (at, written) = (0, 0);
        while (json[at..].IndexOfAny(Marks) is var next and >= 0)
        {
            at += next;
            if (json[at] == '"')
            {
                at = EndOfText(json, at + 1);
                continue;
            }
            var word = json[at..].StartsWith("Infinity"u8) ? 8 : json[at..].StartsWith("NaN"u8) ? 3 : 0;
            if (word == 0)
            {
                at++;
                continue;
            }
            var start = at > 0 && json[at - 1] == '-' ? at - 1 : at;
            quoted ??= new(json.Length + 64);
            quoted.Write(json[written..start]);
            quoted.Write("\""u8);
            quoted.Write(json[start..(at + word)]);
            quoted.Write("\""u8);
            at = written = at + word;
        }
        quoted?.Write(json[written..]);
        return quoted is null ? json : quoted.WrittenSpan;
    }

    /// <summary>The position behind a text's closing quote.</summary>
    private static int EndOfText(ReadOnlySpan<byte> json, int at)
    {
        while (at < json.Length && json[at] != '"')
            at += json[at] == '\\' ? 2 : 1;
        return Math.Min(at + 1, json.Length);
    }
}

using System.Text;
using System.Text.RegularExpressions;

namespace TorchSharp.Fx.Fuzz;

/// <summary>Writes random statements of a <see cref="Grammar"/>; the same for the same seed.</summary>
internal sealed partial class ProgramWriter(Grammar grammar, Random random)
{
    private const int ExpressionDepth = 3;

    private readonly List<(string Type, string Name, bool IsWritable)> variables = [];
    private int names;

    private enum Place
    {
        Body,
        Loop,
        Finally,
        LoopInFinally,
    }

    internal void Declare(string type, string name, bool isWritable = true) => variables.Add((type, name, isWritable));

    /// <summary>The body of a method or a lambda: a number of statements.</summary>
    internal string Statements(int count) => Statements(count, 3, Place.Body);

    internal string Expression(string type) => Expression(type, ExpressionDepth);

    /// <summary>A template, with its holes filled.</summary>
    internal string Filled(string template) => Expand(template, ExpressionDepth, 0, Place.Body);

    private string Statements(int count, int depth, Place place)
    {
        var text = new StringBuilder();
        for (var i = 0; i < count; i++)
            text.AppendLine(Statement(depth, place));
        return text.ToString();
    }

    private string Statement(int depth, Place place)
    {
        if (place is Place.Loop or Place.LoopInFinally && random.Next(12) == 0)
            return $"if ({Expression("bool", 1)}) {Of(grammar.Jumps)}";
        if (place is Place.Body or Place.Loop && random.Next(25) == 0)
            return $"if ({Expression("bool", 1)}) {{ {Expand(Of(grammar.Exits), ExpressionDepth, depth, place)} }}";
        var template = Of(grammar.Statements);
        while (depth == 0 && template.Contains("«block", StringComparison.Ordinal) | template.Contains("«loop", StringComparison.Ordinal))
            template = Of(grammar.Statements);
        var text = Expand(template, ExpressionDepth, depth, place);
        if (Declaration().Match(text) is { Success: true } declared)
            Declare(declared.Groups[1].Value, declared.Groups[2].Value);
        return text;
    }

    private string Expression(string type, int depth)
    {
        if (depth == 0 || !grammar.Expressions.TryGetValue(type, out var templates) || random.Next(6) == 0)
            return Variable(type, writable: false);
        return Expand(Of(templates), depth - 1, 0, Place.Body);
    }

    private string Expand(string template, int expressionDepth, int blockDepth, Place place)
    {
        template = template.Replace("§", (names++).ToString(System.Globalization.CultureInfo.InvariantCulture), StringComparison.Ordinal);
        return Hole().Replace(template, hole =>
        {
            var what = hole.Groups[2].Value;
            return hole.Groups[1].Value switch
            {
                "#" or "!" when random.Next(2) == 0 => Of(grammar.Literals[what]),
                _ when what.StartsWith("literal", StringComparison.Ordinal) => Of(grammar.Literals[what]),
                "=" => Variable(what, writable: true),
                // A lambda can't hold a span, and must not call itself.
                "&" => Expression(what, expressionDepth).Replace("sp[", "ai[", StringComparison.Ordinal).Replace("hook(", "Helpers.Same(", StringComparison.Ordinal).Replace(" hook,", " Helpers.Twice,", StringComparison.Ordinal),
                _ when what == "block" => Block(blockDepth - 1, place),
                _ when what == "finally" => Block(blockDepth - 1, Place.Finally),
                _ when what.StartsWith("loop", StringComparison.Ordinal) => Block(blockDepth - 1, place is Place.Body or Place.Loop ? Place.Loop : Place.LoopInFinally, what.Split(' ', 3)),
                _ => Expression(what, expressionDepth),
            };
        });
    }

    private string Block(int depth, Place place, params string[] declared)
    {
        var outside = variables.Count;
        if (declared.Length == 3)
            Declare(declared[1], declared[2], isWritable: false);
        var text = Statements(random.Next(1, 4), depth, place);
        variables.RemoveRange(outside, variables.Count - outside);
        return $"{{\n{text}{grammar.Mark}}}";
    }

    private string Variable(string type, bool writable)
    {
        var fitting = variables.FindAll(variable => variable.Type == type && (variable.IsWritable || !writable));
        return fitting.Count > 0 ? Of([.. fitting]).Name : throw new InvalidOperationException($"The grammar has no variable of type {type}.");
    }

    private T Of<T>(T[] choices) => choices[random.Next(choices.Length)];

    [GeneratedRegex("«([#!=&]?)([^»]*)»")]
    private static partial Regex Hole();

    [GeneratedRegex(@"^(\S+) (v\d+) =")]
    private static partial Regex Declaration();
}

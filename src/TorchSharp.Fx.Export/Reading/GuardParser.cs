using System.Globalization;
using System.Text.RegularExpressions;

namespace TorchSharp.Fx.Export;

/// <summary>
/// Reads a guard, a Python expression over the inputs' sizes: <c>L['x'].size()[0] == 2*L['y'].size()[1]</c>. It knows integers, sizes, <c>+
/// - * // % **</c> with a constant, comparisons, <c>and</c>,
/// <c>or</c>, <c>not</c> and parentheses.
/// </summary>
internal sealed partial class GuardParser
{
    private const int MaxDepth = 100;

    private readonly List<string> tokens = [];
    private readonly Assumptions graph;
    private int next;
    private int depth;

    internal GuardParser(string text, Assumptions graph)
    {
        this.graph = graph;
        var at = 0;
        while (at < text.Length && Token().Match(text, at) is { Success: true, Length: > 0 } match)
        {
            if (match.Value.Trim() is { Length: > 0 } token)
                tokens.Add(token);
            at += match.Length;
        }
        if (at < text.Length)
            tokens.Add("?");
    }

    /// <summary>The condition; null where the guard says something that can't be said here.</summary>
    internal Argument? Parse()
    {
        try
        {
            var condition = Or();
            return next == tokens.Count && IsBool(condition) ? condition : null;
        }
        catch (FormatException)
        {
            return null;
        }
    }

    private Argument Or() => Joined(And, "or", Builtin.or_);

    private Argument And() => Joined(Not, "and", Builtin.and_);

    private Argument Joined(Func<Argument> part, string word, Builtin operation)
    {
        var left = part();
        while (Take(word))
            left = graph.Compute(operation, typeof(bool), typeof(bool), Bool(left), Bool(part()));
        return left;
    }

    private Argument Not() => Take("not") ? graph.Compute(Builtin.not_, typeof(bool), typeof(bool), Bool(Not())) : Comparison();

    private Argument Comparison()
    {
        var left = Sum();
        Argument? all = null;
        while (Peek() is "==" or "!=" or "<" or "<=" or ">" or ">=")
        {
            var operation = tokens[next++] switch { "==" => Builtin.eq, "!=" => Builtin.ne, "<" => Builtin.lt, "<=" => Builtin.le, ">"
                => Builtin.gt, _ => Builtin.ge };
            var right = Sum();
            var one = graph.Compute(operation, typeof(long), typeof(bool), Number(left), Number(right));
            all = all is null ? one : graph.Compute(Builtin.and_, typeof(bool), typeof(bool), all, one);
            left = right;
        }
        return all ?? left;
    }

    private Argument Sum()
    {
        var left = Product();
        while (Peek() is "+" or "-")
            left = Arithmetic(tokens[next++] == "+" ? Builtin.add : Builtin.sub, left, Product());
        return left;
    }

    private Argument Product()
    {
        var left = Factor();
        while (Peek() is "*" or "//" or "%")
            left = Arithmetic(tokens[next++] switch { "*" => Builtin.mul, "//" => Builtin.floordiv, _ => Builtin.mod }, left, Factor());
        return left;
    }

    private Argument Factor()
    {
        if (Take("-"))
            return graph.Compute(Builtin.neg, typeof(long), typeof(long), Number(Factor()));
        var operand = Operand();
        if (!Take("**"))
            return operand;
        if (Operand() is not Literal { Value: long and >= 1 and <= 8 and var power })
            throw new FormatException();
        var product = operand;
        for (var i = 1; i < power; i++)
            product = Arithmetic(Builtin.mul, product, operand);
        return product;
    }

    private Argument Operand()
    {
        if (++depth > MaxDepth)
            throw new FormatException();
        try
        {
            if (Take("("))
            {
                var inner = Or();
                Expect(")");
                return inner;
            }
            var token = Peek() ?? throw new FormatException();
            next++;
            if (long.TryParse(token, NumberStyles.None, CultureInfo.InvariantCulture, out var number))
                return number;
            return Place().Match(token) is { Success: true } place ? Value(place) : throw new FormatException();
        }
        finally
        {
            depth--;
        }
    }

    private Argument Value(Match place)
    {
        var input = graph.Input(place.Groups[1].Value) ?? throw new FormatException();
        if (!place.Groups[2].Success)
            return input.type == typeof(long) || input.type == typeof(bool) ? input : throw new FormatException();
        return TensorTypes.IsTensor(input.type) && int.TryParse(place.Groups[2].Value, CultureInfo.InvariantCulture, out var dimension)
            ? graph.Size(input, dimension) : throw new FormatException();
    }

    private Node Arithmetic(Builtin operation, Argument left, Argument right)
        => graph.Compute(operation, typeof(long), typeof(long), Number(left), Number(right));

    private static bool IsBool(Argument value) => value is NodeArgument { Node: var node } && node.type == typeof(bool);

    private static Argument Bool(Argument value) => IsBool(value) ? value : throw new FormatException();

    private static Argument Number(Argument value) => value is Literal { Value: long } or NodeArgument { Node.type: { } } && !IsBool(value)
        ? value : throw new FormatException();

    private string? Peek() => next < tokens.Count ? tokens[next] : null;

    private bool Take(string token)
    {
        if (Peek() != token)
            return false;
        next++;
        return true;
    }

    private void Expect(string token)
    {
        if (!Take(token))
            throw new FormatException();
    }

    [GeneratedRegex(@"\G(?:\s+|L\['\w+'\](?:\.(?:size\(\)|shape)\[\d+\])?|\d+|\*\*|//|[=!<>]=|[-+*%()<>]|and\b|or\b|not\b)")]
    private static partial Regex Token();

    [GeneratedRegex(@"^L\['(\w+)'\](?:\.(?:size\(\)|shape)\[(\d+)\])?$")]
    private static partial Regex Place();
}

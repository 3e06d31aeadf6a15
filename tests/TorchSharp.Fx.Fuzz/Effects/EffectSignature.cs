namespace TorchSharp.Fx.Fuzz.Effects;

/// <summary>A second input of a generated module.</summary>
/// <param name="Type">Its type; empty for none.</param>
/// <param name="Expressions">What it gives: matrices.</param>
/// <param name="Statements">What is done with it.</param>
internal sealed record Extra(string Type, string[] Expressions, string[] Statements)
{
    internal static Extra[] All { get; } =
    [
        new("", [], []),
        new("Tensor", ["e", "(x * e)"], ["e.add_(0.5);", "x = x + e;"]),
        new("Tensor?", ["(e ?? x)", "(e is null ? y : x + e)"], ["if (e is not null) «block»", "if (e is null) «block» else «block»", "x = x + (e?.mean() ?? y);"]),
        new("List<Tensor>", ["e[0]", "e[1]"], ["e[1].mul_(0.5);", "foreach (var i§ in e) y = y + i§;"]),
        new("Tensor[]", ["e[0]", "e[^1]"], ["e[0].add_(«literal number»);", "e[1] = «T»;"]),
        new("(Tensor A, Tensor B)", ["e.A", "e.B"], ["e.A.add_(0.5);", "(x, y) = e;"]),
        new("Dictionary<string, Tensor>", ["e[\"a\"]", "e[\"b\"]"], ["e[\"a\"].mul_(0.5);", "y = y * e[\"b\"];"]),
        new("Couple", ["e.First", "e.Second"], ["e.Second.add_(0.5);", "x = x * e.Count;"]),
        new("(Tensor A, List<Tensor> B)", ["e.A", "e.B[0]"], ["e.B[0].add_(0.5);", "e.B[1].copy_(x.detach());"]),
        new("bool?", ["(e == true ? x : y)", "(e ?? false ? y : x * 2)"], ["if (e == true) «block»", "if (e is null) «block» else x = x + 1;"]),
        new("int?", ["(x * (e ?? 3))", "(e.HasValue ? x + e.Value : y)"], ["if (e is { } n§) x = x - n§;", "y = y * e.GetValueOrDefault();"]),
        new("double", ["(x * e)", "(y + e)"], ["x = x - e;", "y = y.mul(e);"]),
    ];
}

/// <summary>A result of a generated module.</summary>
/// <param name="Type">Its type.</param>
/// <param name="Template">An expression for it.</param>
internal sealed record Result(string Type, string Template)
{
    internal static Result[] All { get; } =
    [
        new("Tensor", "«T»"),
        new("Tensor", "torch.cat([x.reshape(-1), y.reshape(-1), r.reshape(-1), «T».reshape(-1)])"),
        new("(Tensor, Tensor)", "(«T», «R»)"),
        new("Tensor[]", "[«T», y, r]"),
        new("List<Tensor>", "[x, «T», .. «R».unbind(0)]"),
        new("Dictionary<string, Tensor>", "new() { [\"one\"] = «T», [\"two\"] = «S», [\"three\"] = x }"),
        new("Couple", "new(«T», y, 3)"),
        new("(Tensor, (Tensor, List<Tensor>))", "(x, («T», [y, r, «T»]))"),
        new("List<(Tensor, Tensor)>", "[(x, «T»), (r, «S»)]"),
        new("Dictionary<string, List<Tensor>>", "new() { [\"all\"] = [«T», x], [\"none\"] = [] }"),
        new("(Tensor, Tensor?)", "(«T», wide ? y : null)"),
    ];
}

/// <summary>What a generated module takes beside a matrix, and what it returns.</summary>
/// <param name="Extra">The second input.</param>
/// <param name="Result">The result.</param>
internal sealed record EffectSignature(Extra Extra, Result Result)
{
    /// <summary>The same for the same seed; two out of five have one input.</summary>
    internal static EffectSignature Of(int seed)
    {
        var random = new Random(seed);
        return new(Extra.All[Math.Max(0, random.Next(-7, Extra.All.Length))], Result.All[Math.Max(0, random.Next(-2, Result.All.Length))]);
    }

    internal bool HasExtra => Extra.Type.Length > 0;
}

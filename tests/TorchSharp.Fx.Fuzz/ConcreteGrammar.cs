namespace TorchSharp.Fx.Fuzz;

/// <summary>Programs without tensors: numbers of all types, control flow, exceptions, structs, closures, collections, spans and strings.</summary>
internal static class ConcreteGrammar
{
    internal static readonly string[] Wide = ["int", "long", "uint", "ulong", "nint", "nuint", "float", "double"];
    internal static readonly string[] Small = ["byte", "sbyte", "short", "ushort", "char"];
    private static readonly string[] Numbers = [.. Wide, .. Small];

    /// <summary>What every program starts with, beside its parameters: a variable, and how it comes about.</summary>
    internal static readonly (string Type, string Name, string Value)[] Prologue =
    [
        ("nuint", "un", "unchecked((nuint)p3)"), ("sbyte", "sb", "unchecked((sbyte)p8)"), ("ushort", "us", "unchecked((ushort)p0)"), ("char", "ch", "unchecked((char)p1)"),
        ("int[]", "ai", "[p0, 1, -7, 40, 5]"), ("long[]", "al", "[p1, long.MaxValue, 3, -2]"), ("double[]", "ad", "[p4, 0.5, -1e10, 3]"), ("float[]", "af", "[p5, 2.5f, -1, 0]"),
        ("byte[]", "ab", "[p7, 255, 1, 128]"), ("uint[]", "au", "[p2, 1, uint.MaxValue, 9]"), ("short[]", "ah", "[p8, -1, 300, 2]"), ("string[]", "at", "[\"a\", p10, \"\", \"xyz\"]"),
        ("int[,]", "grid", "new int[2, 2] { { p0, 2 }, { 3, 4 } }"), ("Pair", "s", "new Pair(p0, p4)"), ("Pair[]", "structs", "[new Pair(1, 2), default, new Pair(p0, p4), new Pair(3, 4)]"),
        ("List<int>", "li", "[p0, 2, 3, 4]"), ("List<Pair>", "ls", "[new Pair(p0, 1), new Pair(2, p4)]"), ("Dictionary<int,long>", "dl", "new() { [1] = p1, [2] = 5 }"),
        ("(int,double)", "t", "(p0, p4)"), ("int?", "n", "p9 ? p0 : null"), ("double?", "nd", "p9 ? null : p4"), ("Node", "node", "new Node { Value = p0, Next = new Node { Value = 3 } }"),
        ("Color", "color", "(Color)(p0 & 3)"), ("object", "boxed", "p1"),
    ];

    internal static Grammar Grammar { get; } = new(Expressions(), Literals(), Statements(), ["break;", "continue;"],
        ["throw new InvalidOperationException(«string»);", "throw new Custom(«int»);", "return [\"early\", «int», «string», «Pair»];"]);

    private static Dictionary<string, string[]> Expressions()
    {
        var table = Particular();
        foreach (var (type, templates) in Family.All.SelectMany(family => family.Expressions))
            table[type] = [.. table.GetValueOrDefault(type, []), .. templates.Select(template => $"({template})")];
        foreach (var type in Numbers)
            table[type] = [.. table.GetValueOrDefault(type, []), .. Of(type), .. Wide.Contains(type) ? Arithmetic(type) : [], .. Numbers.Where(other => other != type).Select(other => $"unchecked(({type})«{other}»)"), .. Wide.Where(other => other != type).Select(other => $"checked(({type})«{other}»)")];
        foreach (var type in Numbers)
            table["bool"] = [.. table["bool"], $"(«{type}» < «#{type}»)", $"(«{type}» >= «#{type}»)", $"(«{type}» == «#{type}»)", $"(«{type}» != «{type}»)", $"!(«{type}» > «{type}»)", $"((object)«{type}» is {type})"];
        return table;
    }

    private static string[] Of(string type) => [$"(«bool» ? «{type}» : «#{type}»)", $"Helpers.Pick(«bool», «{type}», «#{type}»)", $"(({type})(object)«{type}»)", $"(«={type}» = «{type}»)", $"«={type}»++"];

    private static string[] Arithmetic(string type)
    {
        List<string> templates = [$"(«{type}» + «#{type}»)", $"(«{type}» - «#{type}»)", $"(«{type}» * «#{type}»)", $"(«{type}» / «!{type}»)", $"(«{type}» % «!{type}»)", $"Math.Max(«{type}», «#{type}»)", $"Math.Min(«{type}», «#{type}»)"];
        templates.AddRange([$"checked(«{type}» + «#{type}»)", $"checked(«{type}» - «#{type}»)", $"checked(«{type}» * «#{type}»)"]);
        if (type is "float" or "double")
            return [.. templates, $"(-«{type}»)", $"Math.Abs(«{type}»)"];
        templates.AddRange([$"(«{type}» & «#{type}»)", $"(«{type}» | «#{type}»)", $"(«{type}» ^ «#{type}»)", $"(~«{type}»)", $"(«{type}» << «#int»)", $"(«{type}» >> «#int»)", $"(«{type}» >>> «#int»)"]);
        return type is "int" or "long" or "nint" ? [.. templates, $"unchecked(-«{type}»)", $"checked(-«{type}»)", $"(«{type}» switch {{ 0 => «{type}», 1 or 2 => «#{type}», > 100 => «{type}», _ => «#{type}» }})"] : [.. templates];
    }

    /// <summary>What only one type has.</summary>
    private static Dictionary<string, string[]> Particular() => new()
    {
        ["int"] = ["ai[«index»]", "li[«index»]", "sp[«index»]", "ai[^(1 + «index»)]", "ai[«int»]", "grid[«index» & 1, «index» & 1]", "li.Count", "ai.Length", "«string».Length", "s.A", "structs[«index»].A", "ls[«index» & 1].A", "t.Item1", "hook(«int»)", "(n ?? «int»)", "n.GetValueOrDefault()", "n!.Value",
            "Helpers.Twice(«int»)", "Helpers.Later(«int», ref «=int»)", "node.Value", "node.Next!.Value", "(node.Next?.Next?.Value ?? «int»)", "(int)color", "(boxed is int v§ ? v§ : «int»)", "ai.Sum(z => unchecked(z & 7))", "li.Where(z => z > «&int» - 5).Count()", "Helpers.Count(«int» & 7)",
            "Array.IndexOf(ai, «int»)", "(«string».CompareTo(«string») switch { < 0 => -1, 0 => 0, _ => 1 })", "«int».GetHashCode()", "(s with { A = «int» }).A", "checked((int)al.LongLength + «int»)", "(sizeof(short) * «int»)", "ai[1..3][«index» & 1]", "sp[1..][«index» & 1]", "BitConverter.SingleToInt32Bits((float)«int»)"],
        ["index"] = ["(«int» & 3)", "(«int» & 3)", "(int)((uint)«int» % 4u)", "(«long» > 0 ? 1 : 2)"],
        ["long"] = ["al[«index»]", "s.In.C", "structs[«index»].In.C", "s.Sum()", "structs[«index»].Sum()", "(dl.TryGetValue(«int», out var v§) ? v§ : «long»)", "dl[«int» & 3]", "dl.Values.Sum(z => unchecked(z >> 8))", "Helpers.Fold(al)", "(boxed as long? ?? «long»)", "(long)boxed", "Helpers.Deep(«int» & 7, «long»)"],
        ["double"] = ["ad[«index»]", "s.B", "t.Item2", "Math.Floor(«double»)", "Math.Sqrt(«double»)", "(nd ?? «double»)", "ad.Max()", "Helpers.Mean(«double», «double», «float»)"],
        ["float"] = ["af[«index»]", "MathF.Truncate(«float»)"],
        ["byte"] = ["ab[«index»]", "s.In.D", "(byte)color"],
        ["uint"] = ["au[«index»]", "(uint)ai.Length"],
        ["short"] = ["ah[«index»]"],
        ["char"] = ["\"wörter\"[«index»]"],
        ["bool"] = ["(«bool» && «bool»)", "(«bool» || «bool»)", "(«bool» ^ «bool»)", "(«bool» & «bool»)", "!«bool»", "(«string» == «string»)", "«string».Contains('a')", "(«int» is > 3 and < 90 or -1)", "(boxed is long)", "n.HasValue", "(n > «int»)", "(n == null)", "li.Contains(«int»)", "dl.ContainsKey(«int»)", "(color == Color.Red)", "color.HasFlag(Color.Blue)", "(node.Next is { Value: > 2 })", "((«int», «bool») is (> 0, true))", "s.Equals(structs[«index»])", "(fuel > «int»)", "double.IsNaN(«double»)"],
        ["string"] = ["at[«index»]", "$\"{«int»}:{«long»}\"", "$\"{«double»:F2}{«bool»}\"", "(«string» + «int»)", "string.Concat(«string», \"-\")", "(«bool» ? «string» : \"no\")", "«string».ToUpperInvariant()", "color.ToString()", "(«string».Length > 40 ? \"long\" : «string» + «char»)", "string.Join(\",\", li.Take(3))", "boxed.ToString()!"],
        ["Pair"] = ["new Pair(«int», «double»)", "structs[«index»]", "ls[«index» & 1]", "s.Moved(«int»)", "(s with { B = «double» })", "Helpers.Pick(«bool», s, «Pair»)"],
    };

    private static Dictionary<string, string[]> Literals() => new()
    {
        ["int"] = ["1", "2", "3", "7", "(-1)", "31", "33", "100", "255", "(-128)", "65536", "int.MaxValue", "int.MinValue"],
        ["long"] = ["1L", "2L", "(-1L)", "63L", "1000L", "(1L << 40)", "long.MaxValue", "long.MinValue", "4294967296L"],
        ["uint"] = ["1u", "2u", "7u", "255u", "uint.MaxValue", "0x80000000u"],
        ["ulong"] = ["1ul", "3ul", "ulong.MaxValue", "0x8000000000000000ul"],
        ["nint"] = ["(nint)1", "(nint)(-1)", "(nint)7"],
        ["nuint"] = ["(nuint)1", "(nuint)9"],
        ["float"] = ["1f", "0.5f", "(-2f)", "1e30f", "float.NaN", "float.PositiveInfinity", "16777217f"],
        ["double"] = ["1.0", "0.5", "(-2.0)", "1e300", "double.NaN", "double.NegativeInfinity", "1e10", "0.1"],
        ["byte"] = ["(byte)1", "(byte)200"], ["sbyte"] = ["(sbyte)1", "(sbyte)(-100)"], ["short"] = ["(short)1", "(short)(-300)"], ["ushort"] = ["(ushort)1", "(ushort)40000"], ["char"] = ["'a'", "'\\uFFFF'"],
    };

    private static string[] Statements() =>
    [
        .. Numbers.SelectMany(type => new[] { $"{type} v§ = «{type}»;", $"«={type}» = «{type}»;", $"«={type}» += «#{type}»;", $"«={type}»--;", $"checked {{ «={type}»++; «={type}» -= «{type}»; }}" }),
        .. ConcreteStatements.ControlFlow, .. ConcreteStatements.ControlFlow, .. ConcreteStatements.Effects, .. ConcreteStatements.Effects,
        .. Family.All.SelectMany(family => family.Statements), .. Family.All.SelectMany(family => family.Statements),
    ];
}

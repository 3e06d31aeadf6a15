namespace TorchSharp.Fx.Fuzz;

/// <summary>Patterns and switches, small and large.</summary>
internal static class Patterns
{
    internal static Family Family { get; } = new(
        """
        public abstract record Expr
        {
            public sealed record Num(long Value) : Expr;
            public sealed record Add(Expr Left, Expr Right) : Expr;
            public sealed record Mul(Expr Left, Expr Right) : Expr;
            public sealed record Neg(Expr Inner) : Expr;
        }

        public static class Matching
        {
            public static long Value(Expr e) => e switch { Expr.Num { Value: var v } => v, Expr.Add(var a, Expr.Num(0)) => Value(a), Expr.Add(var a, var b) => unchecked(Value(a) + Value(b)), Expr.Mul(Expr.Num(0), _) or Expr.Mul(_, Expr.Num(0)) => 0, Expr.Mul(var a, var b) => unchecked(Value(a) * Value(b)), Expr.Neg(Expr.Neg(var inner)) => Value(inner), Expr.Neg(var inner) => unchecked(-Value(inner)), _ => throw new ArgumentException("no expression") };
            public static string Kind(int[] items) => items switch { [] => "none", [var one] => $"one {one}", [0, .., 0] => "zeros", [> 0, var second, .. var rest] when rest.Length > 1 => $"{second}+{rest.Length}", [.., < 0] => "falls", _ => "other" };
            public static int Word(string word) => word switch { "alpha" => 1, "beta" => 2, "gamma" => 3, "delta" => 4, "epsilon" => 5, "zeta" => 6, "eta" => 7, "a" => 8, "xyz" => 9, "" => 10, { Length: > 9 } => 11, ['b', ..] => 12, [.., '-'] => 13, _ => 0 };
            public static int Large(long x) => x switch { 0 => 1, 1 => 4, 2 => 9, 3 => 16, 100 => 25, 1000 => 36, long.MaxValue => 49, long.MinValue => 64, < 0 and > -100 => 81, >= 256 and <= 65536 => 100, _ => -1 };
            public static int Unsigned(ulong x) => x switch { 0 => 1, 1 => 2, 2 => 3, ulong.MaxValue => 4, > 0x8000000000000000 => 5, _ => 6 };
            public static int Float(double x) => x switch { double.NaN => 1, > 1e9 => 2, < -1 => 3, 0.5 => 4, >= 0 and < 1 => 5, _ => 6 };
            public static string Letter(char c) => c switch { >= 'a' and <= 'z' => "lower", >= 'A' and <= 'Z' => "upper", >= '0' and <= '9' => "digit", '\uFFFF' => "last", _ => "other" };
            public static string Thing(object? x) => x switch { null => "null", int and > 5 => "more", int i and not 3 => $"int {i}", 3 => "three", long l when l % 2 == 0 => "even", long => "long", string { Length: 0 } => "empty", string text => text[..1], Pair { A: > 0, In.C: var c } => $"pair {c}", Color color => color.ToString(), int[] { Length: var n } => $"{n} items", System.Collections.IEnumerable => "many", ValueType => "value", _ => "object" };
            public static int Corner(int x, int y) => (x, y) switch { (0, 0) => 0, (> 0, > 0) => 1, (< 0, > 0) => 2, (< 0, < 0) => 3, (> 0, < 0) => 4, (_, 0) or (0, _) => 5 };
            public static int Fall(int x) { switch (x) { case 0: goto case 3; case 1: return 10; case 2: case 3: x += 5; goto default; case int.MinValue: return 0; case > 1000: return 1; default: return unchecked(x * 2); } }
            public static bool Test(object? x, out int found) { if (x is not int n || n < 0) { found = -1; return false; } found = n; return n is 1 or 2 or (> 10 and < 20) and not 15; }
        }

        """,
        new Dictionary<string, string[]>
        {
            ["int"] = ["Matching.Word(«string»)", "Matching.Word(«string» + \"eta\")", "Matching.Large(«long»)", "Matching.Unsigned(«ulong»)", "Matching.Float(«double»)", "Matching.Corner(«int», «int»)", "Matching.Fall(«int»)", "Matching.Fall(«int» & 3)", "(Matching.Test(«int», out var v§) ? v§ : -v§)", "(«int» is var w§ and > 5 ? w§ : 5)", "(«string» is [var c§, ..] ? c§ : 0)", "(color switch { Color.None => 1, Color.Red => 2, Color.Red | Color.Blue => 3, _ => 4 })", "(s is { A: > 3, In: { D: var d§ } } ? d§ : 0)", "(node is { Next.Value: var x§ } ? x§ : -1)"],
            ["long"] = ["Matching.Value(new Expr.Add(new Expr.Num(«long»), new Expr.Mul(new Expr.Num(«long»), new Expr.Neg(new Expr.Num(«int»)))))", "Matching.Value(new Expr.Neg(new Expr.Neg(new Expr.Add(new Expr.Num(«long»), new Expr.Num(0)))))", "(boxed switch { long l§ => l§, int i§ => i§, string { Length: var n§ } => n§, _ => -1 })"],
            ["string"] = ["Matching.Kind(ai)", "Matching.Kind(li.Append(«int»).ToArray())", "Matching.Kind([«int»])", "Matching.Letter(«char»)", "Matching.Thing(boxed)", "Matching.Thing(«int»)", "Matching.Thing(«long»)", "Matching.Thing(«Pair»)", "Matching.Thing(«string»)", "Matching.Thing(color)", "Matching.Thing(ai)", "Matching.Thing(«double»)", "new Expr.Neg(new Expr.Num(«long»)).ToString()"],
            ["bool"] = ["(ai is [_, > 0, ..])", "(«int» is >= 0 and < 7 and not 3)", "(boxed is not (int or string))", "(«double» is > 0 and < 1e3 or double.NaN)", "(new Expr.Num(«long») == new Expr.Num(«long»))", "(s is (> 0, _))", "(t is (var a§, > 1) && a§ > 0)"],
        },
        [
            "switch («long») { case 0: «block» break; case > 100 and < 5000: «block» break; case 1 or 2 or 7: «block» break; case var v§ when v§ == p1: «block» break; default: p1--; break; }", "switch («int» & 15) { case 0: p0++; break; case 1: p0--; break; case 2: «block» break; case 3: goto case 0; case 4: case 5: «block» break; case 9: p0 ^= 9; break; case 12: «block» break; default: goto case 1; }",
            "switch ((«int» & 1, «bool»)) { case (0, true): «block» break; case (1, var b§) when !b§: «block» break; default: «block» break; }", "if (boxed is long l§ && l§ > «long» || boxed is int) «block» else «block»", "if (ai is [var first§, .. var rest§]) p0 = unchecked(first§ - rest§.Length);", "switch («Pair») { case { A: 0 }: «block» break; case { B: > 1, In.D: > 3 }: «block» break; case var pair§: s = pair§; break; }",
            "text = «string» switch { null => \"n\", { Length: 0 } => \"0\", var z§ when z§.Contains('a') => z§, _ => text };",
        ]);
}

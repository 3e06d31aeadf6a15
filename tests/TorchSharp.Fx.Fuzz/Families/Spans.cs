namespace TorchSharp.Fx.Fuzz;

/// <summary>Spans, memory, ranges and indices.</summary>
internal static class Spans
{
    internal static Family Family { get; } = new(
        """
        public static class Slicing
        {
            public static int Sum(ReadOnlySpan<int> items) { var sum = 0; for (var i = 0; i < items.Length; i++) sum = unchecked(sum * 3 + items[i]); return sum; }
            public static int Middle(ReadOnlySpan<int> items) => items is [_, .. var inner, _] ? inner.Length : -1;
            public static void Double(Span<int> items) { foreach (ref var item in items) item = unchecked(item * 2); }
            public static ReadOnlySpan<char> Word(ReadOnlySpan<char> text) { var at = text.IndexOf(':'); return at < 0 ? text : text[..at]; }
            public static int Count(params ReadOnlySpan<string> items) { var count = 0; foreach (var item in items) count += item.Length; return count; }
            public static Span<long> Tail(long[] items, int from) => items.AsSpan(from);
            public static bool Equal<T>(ReadOnlySpan<T> a, ReadOnlySpan<T> b) where T : IEquatable<T> => a.SequenceEqual(b);
            public static int Digits(ReadOnlySpan<char> text) { var n = 0; foreach (var c in text) if (char.IsDigit(c)) n++; return n; }
        }

        """,
        new Dictionary<string, string[]>
        {
            ["int"] = ["Slicing.Sum(ai)", "Slicing.Sum([«int», «int», «int»])", "Slicing.Sum(ai.AsSpan(1))", "Slicing.Sum(ai.AsSpan()[^2..])", "Slicing.Sum(ai[..«index»])", "Slicing.Middle(ai)", "Slicing.Middle([«int»])", "Slicing.Word(«string»).Length", "Slicing.Count(«string», «string»)", "Slicing.Digits(«string»)", "Slicing.Digits(«string».AsSpan().TrimStart('a'))", "ai.AsSpan().IndexOf(«int»)", "«string».AsSpan().LastIndexOf('b')", "ai.AsMemory(1, 2).Length", "ai.AsMemory().Span[«index»]", "new ReadOnlyMemory<int>(ai)[1..].Span[«index» & 1]", "ai[^1]", "ai[(«index» & 1)..].Length", "Index.FromEnd(2).GetOffset(«int» & 15)", "ai[new Index(1 + «index», fromEnd: true)]", "((ReadOnlySpan<int>)[5, 6, 7, 8])[«index»]", "(int)\"abc\"u8[«index» & 1]", "(..«index»).End.Value", "«string»[..0].Length"],
            ["long"] = ["Slicing.Tail(al, «index»)[0]", "Slicing.Tail(al, «int»).Length"],
            ["char"] = ["Slicing.Word(\"key:\" + «string»)[«index» & 1]", "(«string» + \"z\")[^1]"],
            ["string"] = ["Slicing.Word(«string»).ToString()", "new string(«string».AsSpan(0, 0))", "(«string» + \"word\")[1..^1]", "string.Concat(«string».AsSpan(), \"+\")"],
            ["bool"] = ["Slicing.Equal<int>(ai, li.ToArray())", "«string».AsSpan().StartsWith(\"a\")", "ai.AsSpan().Contains(«int»)", "(ai.AsSpan() == new Span<int>(ai))", "(ai.AsSpan()[..1].Length == 0)"],
        },
        [
            "Slicing.Double(ai);", "Slicing.Double(ai.AsSpan(«index», 1));", "sp[1..3].Clear();", "ai.AsSpan().Reverse();", "Array.Reverse(ai, 1, 2);", "ai.AsSpan(1).CopyTo(st);", "p9 = ai.AsSpan().TryCopyTo(st[..2]);", "Span<int> v§ = [«int», 2, «int»]; v§[1] += «int»; p0 = v§[«index»];", "ReadOnlySpan<long> v§ = al; p1 = v§[«index»]; foreach (var e§ in v§[1..]) p1 ^= e§;",
            "var part§ = sp.Slice(«index»); for (int i§ = 0; i§ < part§.Length && fuel-- > 0; i§++) { part§[i§] ^= i§; «loop int i§» }", "ai = ai[..]; ai[0]++;", "int[] v§ = ai[1..]; v§[0] = «int»; p0 = v§[^1];", "(ai[^1], ai[^2]) = (ai[^2], «int»);", "ai.AsSpan().Fill(«int»); sp[0]--;", "Range range§ = «index»..; p0 = ai[range§].Length;",
        ]);
}

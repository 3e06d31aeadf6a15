namespace TorchSharp.Fx.Fuzz;

/// <summary>Iterators, enumerators of one's own, and how loops dispose them.</summary>
internal static class Iterators
{
    internal static Family Family { get; } = new(
        """
        public sealed class Ring(int[] items) : IEnumerable<int>
        {
            public Walker GetEnumerator() => new(items);
            IEnumerator<int> IEnumerable<int>.GetEnumerator() { foreach (var item in items) yield return item; }
            System.Collections.IEnumerator System.Collections.IEnumerable.GetEnumerator() => ((IEnumerable<int>)this).GetEnumerator();

            public struct Walker(int[] items)
            {
                private int at = -1;
                public readonly int Current => items[at];
                public bool MoveNext() => ++at < items.Length;
            }
        }

        public sealed class Tree(int value, Tree? left = null, Tree? right = null)
        {
            public int Value => value;
            public IEnumerable<int> Walk() { if (left is not null) foreach (var e in left.Walk()) yield return e; yield return value; if (right is not null) foreach (var e in right.Walk()) yield return e; }
            public static Tree Of(params int[] values) { Tree? tree = null; foreach (var item in values) tree = new(item, tree?.Value < item ? tree : null, tree?.Value >= item ? tree : null); return tree!; }
        }

        public static class Iterating
        {
            public static IEnumerable<long> Fibonacci(int n) { long a = 0, b = 1; while (true) { if (n-- <= 0) yield break; yield return a; (a, b) = (b, unchecked(a + b)); } }
            public static IEnumerable<T> Twice<T>(IEnumerable<T> items) { foreach (var item in items) { yield return item; yield return item; } }
            public static IEnumerable<(int, T)> Numbered<T>(IEnumerable<T> items, List<int> log) { var i = 0; try { foreach (var item in items) yield return (i++, item); } finally { log[1] = unchecked(log[1] + i); } }
            public static IEnumerator<int> Down(int n) { using var scope = new Scope([n]); for (; n > 0; n--) yield return n; }
            public static IEnumerable<int> Where(IEnumerable<int> items, Func<int, bool> wanted) { foreach (var item in items) { if (!wanted(item)) continue; yield return item; } }
            public static int Drained(IEnumerator<int> items) { var sum = 0; while (items.MoveNext()) sum = unchecked(sum * 3 + items.Current); return sum; }
        }

        """,
        new Dictionary<string, string[]>
        {
            ["int"] = ["Iterating.Drained(Iterating.Down(«int» & 7))", "Iterating.Twice(ai).Count()", "Iterating.Where(ai, z => z > «&int»).FirstOrDefault()", "Tree.Of(«int», «int», «int»).Walk().Last()", "new Ring(ai).Skip(1).First()", "Iterating.Numbered(at, li).Last().Item1", "Iterating.Numbered(Iterating.Twice(li), li).Take(3).Sum(z => z.Item1)"],
            ["long"] = ["Iterating.Fibonacci(«int» & 15).Sum()", "Iterating.Fibonacci(20).Skip(«int» & 7).First()"],
        },
        [
            "foreach (var e§ in new Ring(ai)) «loop int e§»", "foreach (var e§ in (IEnumerable<int>)new Ring(ai)) «loop int e§»", "foreach (var (i§, e§) in Iterating.Numbered(Iterating.Twice(ai), li)) { if (i§ > 3) break; «loop int e§» }", "foreach (var e§ in Tree.Of(«int», «int», 5).Walk()) «loop int e§»", "foreach (var e§ in Iterating.Fibonacci(«int» & 7)) «loop long e§»",
            "using (var e§ = Iterating.Numbered(li.ToArray(), li).GetEnumerator()) { while (e§.MoveNext() && fuel-- > 0) p0 = unchecked(p0 + e§.Current.Item2); }", "IEnumerable<int> Local§(int n) { for (var i = 0; i < n; i++) { p0 = unchecked(p0 + i); yield return p0; } } p1 = Local§(«int» & 3).LastOrDefault(); p1 ^= Local§(2).Count();",
            "var lazy§ = ai.Where(z => z > p0).Select(z => unchecked(z * 2)); p0 = «int»; p1 = lazy§.Count(); ai[0]++; p1 ^= lazy§.FirstOrDefault();", "var it§ = Iterating.Fibonacci(9).GetEnumerator(); it§.MoveNext(); it§.MoveNext(); p1 = it§.Current; it§.Dispose(); p1 += it§.MoveNext() ? 1 : 2;",
        ]);
}

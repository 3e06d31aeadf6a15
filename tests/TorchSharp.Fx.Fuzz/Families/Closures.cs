namespace TorchSharp.Fx.Fuzz;

/// <summary>Lambdas, local functions, delegates and events.</summary>
internal static class Closures
{
    internal static Family Family { get; } = new(
        """
        public delegate int Changer(ref int x, out long old);
        public delegate T Folding<T>(T sum, in T item);

        public sealed class Bell
        {
            private int rung;
            public event Action<int>? Rang;
            public int Total => rung;
            public void Ring(int times) { rung = unchecked(rung + times); Rang?.Invoke(times); }
            public int Heard(int x) => unchecked(rung * x);
        }

        public static class Functional
        {
            public static Func<int, int> Adder(int by) => x => unchecked(x + by);
            public static Func<int, Func<int, int>> Curried => a => b => unchecked(a * 31 + b);
            public static Func<T, V> Then<T, U, V>(this Func<T, U> first, Func<U, V> second) => x => second(first(x));
            public static Func<int> Counter(int start) { var count = start; return () => count = unchecked(count + 1); }
            public static int Apply(int times, Func<int, int> f, int x) { for (var i = 0; i < times; i++) x = f(x); return x; }
            public static T Fold<T>(T[] items, T start, Folding<T> fold) { foreach (ref var item in items.AsSpan()) start = fold(start, in item); return start; }
            public static int Change(Changer changer, ref int x) { var result = changer(ref x, out var old); return unchecked(result + (int)old); }
            public static List<Func<int>> Captured(int n) { var made = new List<Func<int>>(); for (var i = 0; i < n; i++) { var square = i * i; made.Add(() => square + i); } return made; }
            public static int Factorial(int n) { int Inner(int k) => k <= 1 ? 1 : checked(k * Inner(k - 1)); return Inner(n); }
            public static int Ackermann(int m, int n) => m == 0 ? n + 1 : n == 0 ? Ackermann(m - 1, 1) : Ackermann(m - 1, Ackermann(m, n - 1));
        }

        """,
        new Dictionary<string, string[]>
        {
            ["int"] = ["Functional.Adder(«int»)(«int»)", "Functional.Curried(«int»)(«int»)", "Functional.Adder(«int»).Then(z => z >> 1)(«int»)", "Functional.Apply(«int» & 3, hook, «int»)", "Functional.Apply(2, z => unchecked(z * «&int»), «int»)", "Functional.Fold(ai, «int», (int sum, in int item) => unchecked(sum ^ item))", "Functional.Captured(3).Sum(z => z())", "Functional.Factorial(«int» & 15)", "Functional.Ackermann(«int» & 1, «int» & 3)", "((Func<int, int>)(z => unchecked(z + p0)))(«int»)", "new Lazy<int>(() => «&int»).Value", "((Func<int>)ai.Count)()", "new Bell().Heard(«int»)"],
            ["long"] = ["((Func<long>)s.Sum)()", "Functional.Fold(al, «long», (long a, in long b) => unchecked(a * 7 - b))"],
            ["bool"] = ["((Predicate<int>)li.Contains)(«int»)", "(hook == Helpers.Twice)"],
        },
        [
            "var count§ = Functional.Counter(«int»); count§(); p0 = count§() ^ count§();", "Changer changer§ = (ref int x, out long old) => { old = x; x = unchecked(x * 2); return x; }; p0 = Functional.Change(changer§, ref ai[«index»]); p0 ^= Functional.Change(changer§, ref «=int»);",
            "var bell§ = new Bell(); Action<int> heard§ = z => p0 = unchecked(p0 + z); bell§.Rang += heard§; bell§.Rang += z => p1 = unchecked(p1 - z); bell§.Ring(«int»); bell§.Rang -= heard§; bell§.Ring(2); p0 ^= bell§.Total;", "Func<int, int> all§ = z => { ai[0] = unchecked(ai[0] + z); return z; }; all§ += z => ai[1] = z; all§ += hook; p0 = all§(«int») + all§.GetInvocationList().Length;",
            "var made§ = new List<Func<int>>(); foreach (var e§ in ai) made§.Add(() => e§ ^ p0); p0 = «int»; p1 = made§.Sum(z => (long)z());", "static int Static§(int a, int b = 5, params int[] more) => unchecked(a * b + more.Length); «=int» = Static§(«int»); «=int» ^= Static§(b: «int», a: «int»); p0 = Static§(1, 2, «int», «int»);", "T Generic§<T>(T a, T b, bool first) => first ? a : b; p0 = Generic§(«int», «int», «bool»); text = Generic§(«string», \"q\", «bool»);",
            "void Ref§(ref int a, in long b, out int c) { a = unchecked(a + (int)b); c = a; p1 ^= 3; } Ref§(ref ai[0], «long», out «=int»);", "Pair local§ = «Pair»; Action grow§ = () => local§.Grow(3); grow§(); grow§(); s = local§;", "var later§ = () => (p0, text); p0 = «int»; var (now§, _) = later§(); p1 = now§;", "Func<int, int> fib§ = null!; fib§ = n => n < 2 ? n : fib§(n - 1) + fib§(n - 2); p0 = fib§(«int» & 7);", "var act§ = (int z = 3) => unchecked(z * 2); p0 = act§() + act§(«int»);",
            "Func<Func<int, int>, int> twice§ = f => f(f(«&int»)); p0 = twice§(z => unchecked(z * 2 + p0));", "{ int a§ = «int»; { int b§ = «int»; Action x§ = () => { a§ = unchecked(a§ + b§); b§++; }; x§(); x§(); p0 = a§ ^ b§; } }",
        ]);
}

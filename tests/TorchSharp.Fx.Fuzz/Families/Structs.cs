namespace TorchSharp.Fx.Fuzz;

/// <summary>Structs of every kind, by value, by reference and boxed.</summary>
internal static class Structs
{
    internal static Family Family { get; } = new(
        """
        public readonly record struct Money(long Cents, string Unit)
        {
            public static Money operator +(Money a, Money b) => checked(new(a.Cents + b.Cents, a.Unit));
            public static explicit operator int(Money money) => checked((int)money.Cents);
            public static implicit operator Money(int cents) => new(cents, "ct");
            public static bool operator true(Money money) => money.Cents > 0;
            public static bool operator false(Money money) => money.Cents <= 0;
        }

        public interface ICounter { int Next(); int Count { get; set; } }

        public struct Counter : ICounter
        {
            public int Count { get; set; }
            public int Next() => Count = unchecked(Count + 1);
        }

        public struct Matrix
        {
            private long a, b, c, d;
            public Matrix(long x) : this(x, 0, 0, x) { }
            public Matrix(long a, long b, long c, long d) => (this.a, this.b, this.c, this.d) = (a, b, c, d);
            public long this[int row, int column] { readonly get => (row, column) switch { (0, 0) => a, (0, 1) => b, (1, 0) => c, (1, 1) => d, _ => throw new ArgumentOutOfRangeException(nameof(row)) }; set { if (row == 0) a = value; else d = value; } }
            public static Matrix operator *(in Matrix x, in Matrix y) => unchecked(new(x.a * y.a + x.b * y.c, x.a * y.b + x.b * y.d, x.c * y.a + x.d * y.c, x.c * y.b + x.d * y.d));
            public override readonly int GetHashCode() => HashCode();
            private readonly int HashCode() => unchecked((int)(a ^ b ^ c ^ d));
            public override readonly bool Equals(object? other) => other is Matrix m && m.a == a && m.d == d;
        }

        [System.Runtime.CompilerServices.InlineArray(4)]
        public struct Four { private int first; }

        public ref struct Window(Span<int> items, ref int total)
        {
            private readonly Span<int> items = items;
            public ref int Total = ref total;
            public int At;
            public readonly ref int Current => ref items[At];
            public bool MoveNext() => ++At < items.Length;
            public void Add() => Total = unchecked(Total + Current);
        }

        public struct Nested { public Pair Pair; public (int A, Inner B) Tuple; public int? Maybe; public Inner[] Many; public string? Text; }

        public static class ByReference
        {
            public static ref int Pick(int[] items, int index, ref int other) => ref index < 3 ? ref items[index & 3] : ref other;
            public static ref readonly long Longest(in Pair pair) => ref pair.In.C;
            public static int Sum(in Pair a, in Pair b) => unchecked(a.A + b.A);
            public static void Fill(out Pair pair, out int count, int value) { pair = new Pair(value, 1); count = pair.A; }
            public static void Set(ref Nested nested, int value) { nested.Pair.In.C = value; nested.Tuple.B.D++; nested.Maybe ??= value; nested.Maybe++; }
            public static int Total(scoped ReadOnlySpan<int> items) { var sum = 0; foreach (ref readonly var item in items) sum = unchecked(sum + item); return sum; }
            public static int Counted<T>(T counter) where T : ICounter { counter.Next(); return counter.Next(); }
            public static int CountedIn<T>(ref T counter) where T : ICounter { counter.Next(); return counter.Count; }
        }

        """,
        new Dictionary<string, string[]>
        {
            ["int"] = ["(int)(new Money(«int», \"x\") + «int»)", "ByReference.Pick(ai, «index», ref «=int»)", "ByReference.Sum(«Pair», in s)", "ByReference.Counted(new Counter { Count = «int» })", "new Matrix(«long»).GetHashCode()", "((Pair?)«Pair»).Value.A", "default(Pair).A", "(s, p0).p0", "new Nested { Pair = «Pair» }.Pair.A", "(new Nested { Maybe = «int» }.Maybe ?? 1)", "ByReference.Total([«int», «int», 3])", "ByReference.Total(ai.AsSpan(1, 2))", "(new Nested().Many?.Length ?? -1)"],
            ["long"] = ["new Money(«long», \"e\").Cents", "(new Money(«long», \"e\") with { Cents = «long» }).Cents", "(new Matrix(«long») * new Matrix(1, «long», 2, 3))[«int» & 1, «int» & 1]", "new Matrix(«long»)[«int», 1]", "ByReference.Longest(in s)", "ByReference.Longest(structs[«index»])", "((Inner)(object)s.In).C"],
            ["string"] = ["new Money(«long», «string»).ToString()", "(new Money(«long», \"y\") ? \"rich\" : \"poor\")"],
            ["bool"] = ["(new Money(«long», «string») == new Money(«long», «string»))", "new Matrix(«long»).Equals(new Matrix(«long»))", "new Money(1, «string»).Equals((object)«int»)", "((int, long))(«int», «long») == (p0, p1)", "((Pair?)null).HasValue", "object.Equals(«long», (object)«long»)", "object.Equals(«long», (object)«int»)", "s.In.Equals(structs[«index»].In)"],
            ["Pair"] = ["((Pair?)«Pair» ?? s)", "((Pair)(object)«Pair»)", "new Nested { Pair = «Pair» }.Pair", "(s, structs[1]).Item1"],
        },
        [
            "Four four§ = default; four§[«index»] = «int»; four§[3]++; p0 ^= four§[«index»]; foreach (var e§ in four§) p0 = unchecked(p0 + e§); Span<int> of§ = four§; of§[1] = «int»; p0 ^= four§[1];",
            "var four§ = new Four(); ref var slot§ = ref four§[«index»]; slot§ = «int»; var copy§ = four§; copy§[0] = «int»; p0 = unchecked(four§[0] - copy§[0] + copy§[^1]);",
            "var window§ = new Window(ai, ref «=int»); do { window§.Add(); window§.Current ^= «int»; } while (window§.MoveNext()); p0 ^= window§.Total;",
            "Nested nested§ = default; ByReference.Set(ref nested§, «int»); var other§ = nested§; other§.Pair.A = «int»; other§.Tuple.A += 3; p1 = unchecked(nested§.Pair.In.C + other§.Pair.A + other§.Tuple.B.D + (nested§.Maybe ?? 0) + other§.Tuple.A);",
            "var nested§ = new Nested { Many = new Inner[2], Maybe = «int» }; nested§.Many[«index» & 1].C = «long»; nested§.Many[0].D--; p1 ^= nested§.Many[1].C + nested§.Many[0].D;",
            "ByReference.Fill(out var pair§, out «=int», «int»); s = pair§;", "ByReference.Pick(ai, «index», ref «=int») += «int»;", "ref var ref§ = ref ByReference.Pick(ai, «index», ref p0); ref§++; ref§ = ref ai[1]; ref§ = «int»;",
            "ICounter counter§ = new Counter { Count = «int» }; counter§.Next(); var unboxed§ = (Counter)counter§; unboxed§.Next(); p0 = unchecked(counter§.Count * 3 + unboxed§.Count);", "var counter§ = new Counter(); p0 = ByReference.CountedIn(ref counter§) + counter§.Count + ByReference.Counted(counter§); counter§.Count += «int»; counter§.Count++; p0 ^= counter§.Count;",
            "var matrix§ = new Matrix(«long»); matrix§[0, 0] = «long»; matrix§[1, 1] += matrix§[0, 0]; p1 = (matrix§ * matrix§)[«int» & 1, 0];", "object box§ = s; ((Pair)box§).Grow(2); s = (Pair)box§;", "Pair? maybe§ = «bool» ? «Pair» : null; if (maybe§ is { A: > 0 } found§) { found§.Grow(2); s = found§; } p0 = maybe§?.A ?? 7;",
            "var tuple§ = (x: «int», y: («long», name: «string»)); tuple§.y.Item1++; (tuple§.x, (p1, text)) = (unchecked(tuple§.x + 1), tuple§.y); p0 = tuple§.x;", "(p0, p1, s.A) = (s.A, «int», p0);", "structs[«index»] = structs[«index»] with { A = «int», In = new Inner { C = «long» } };", "var (cents§, unit§) = new Money(«long», «string»); p1 = cents§; text = unit§;",
        ]);
}

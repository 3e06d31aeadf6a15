namespace TorchSharp.Fx.Fuzz;

/// <summary>Type parameters, interfaces, virtual methods and static members of type parameters.</summary>
internal static class Generics
{
    internal static Family Family { get; } = new(
        """
        public interface IShape<T> where T : struct
        {
            T Area();
            T Twice() => Area();
            static virtual string Kind => "shape";
            static abstract T Unit { get; }
        }

        public struct Square(long side) : IShape<long>, IComparable<Square>
        {
            public long Side = side;
            public static string Kind => "square";
            public static long Unit => 1;
            public readonly long Area() => unchecked(Side * Side);
            public readonly int CompareTo(Square other) => Side.CompareTo(other.Side);
            public void Grow() => Side = unchecked(Side + 1);
        }

        public sealed class Disc(int radius) : IShape<int>
        {
            public static int Unit => 3;
            public int Area() => checked(3 * radius * radius);
            public int Twice() => unchecked(radius * 6);
        }

        public class Animal(int legs)
        {
            public static int Born;
            public int Legs { get; protected set; } = legs;
            public virtual string Name => GetType().Name;
            public virtual T Echo<T>(T value) => value;
            public virtual int Walk(int steps) => unchecked(steps * Legs);
            public override string ToString() => $"{Name}/{Legs}";
        }

        public class Dog(int legs) : Animal(legs)
        {
            public override string Name => "dog " + base.Name;
            public override int Walk(int steps) { Legs = unchecked(Legs + 1); return base.Walk(steps) - 1; }
        }

        public sealed class Puppy() : Dog(4)
        {
            public new string Name => "puppy";
            public override T Echo<T>(T value) => default(T) is null ? value : default!;
            public sealed override int Walk(int steps) => steps > 0 ? base.Walk(steps / 2) : 0;
        }

        public class Cell<T>(T value) where T : notnull
        {
            public static readonly string Of = typeof(T).Name;
            public T Value { get; set; } = value;
            public Cell<U> Map<U>(Func<T, U> map) where U : notnull => new(map(Value));
            public bool Holds(T other) => EqualityComparer<T>.Default.Equals(Value, other);
            public ref struct Reader(Cell<T> of) { public readonly T Read() => of.Value; }
            public static implicit operator T(Cell<T> cell) => cell.Value;
        }

        public static class Generic
        {
            public static T Sum<T>(params ReadOnlySpan<T> values) where T : System.Numerics.INumber<T> { var sum = T.Zero; foreach (var value in values) sum += value; return sum; }
            public static T Clamped<T>(T value, T low, T high) where T : IComparable<T> => value.CompareTo(low) < 0 ? low : value.CompareTo(high) > 0 ? high : value;
            public static long AreaOf<T>(T shape) where T : struct, IShape<long> => unchecked(shape.Area() + shape.Twice());
            public static string KindOf<T>() where T : IShape<long> => T.Kind + T.Unit;
            public static T New<T>() where T : new() => new();
            public static bool IsDefault<T>(T value) => EqualityComparer<T>.Default.Equals(value, default);
            public static string Describe<T>(T value) => value switch { null => "null", int i => $"int {i}", string s => s, IShape<long> shape => $"{shape.Area()}", _ => typeof(T).Name };
            public static U Via<T, U>(T value, Func<T, U> then) => then(value);
            public static void Grown<T>(ref T shape, Action<T> look) where T : struct, IShape<long> { look(shape); if (shape is Square square) { square.Grow(); shape = (T)(object)square; } }
            public static (T, U) Both<T, U>(T a, U b) => (a, b);
            public static int Depth<T>(int n) => n <= 0 ? 0 : 1 + Depth<(T, T)>(n - 1);
        }

        """,
        new Dictionary<string, string[]>
        {
            ["int"] = ["new Disc(«int»).Area()", "((IShape<int>)new Disc(«int»)).Twice()", "Generic.Sum(«int», «int»)", "Generic.Clamped(«int», 0, 99)", "new Animal(2).Walk(«int»)", "new Dog(«int»).Walk(«int»)", "new Puppy().Walk(«int»)", "((Animal)new Puppy()).Echo(«int»)", "new Cell<int>(«int»).Value", "(int)new Cell<int>(«int»)", "new Cell<string>(«string»).Map(z => z.Length).Value", "Generic.Via(«long», z => unchecked((int)z))", "Generic.New<int>()", "Generic.Both(«int», «string»).Item1", "Generic.Depth<int>(«int» & 3)", "Animal.Born", "new Cell<int>.Reader(new(«int»)).Read()", "new Square(«long»).CompareTo(new Square(«long»))"],
            ["long"] = ["Generic.AreaOf(new Square(«long»))", "Generic.Sum(«long», «long», «long»)", "new Square(«long»).Area()", "((IShape<long>)new Square(«long»)).Twice()", "Generic.Clamped(«long», -5, 5)"],
            ["double"] = ["Generic.Sum(«double», «double»)", "Generic.Clamped(«double», 0.5, 2)"],
            ["string"] = ["Generic.KindOf<Square>()", "Generic.Describe(«int»)", "Generic.Describe(«string»)", "Generic.Describe(new Square(«long»))", "new Puppy().Name", "((Animal)new Puppy()).ToString()", "new Dog(«int»).ToString()", "Cell<int>.Of", "Cell<Pair>.Of", "(«bool» ? new Animal(1) : new Dog(2)).Echo(«string»)"],
            ["bool"] = ["Generic.IsDefault(«int»)", "Generic.IsDefault(«string»)", "new Cell<long>(«long»).Holds(«long»)", "((object)new Puppy() is Dog { Legs: > 3 })"],
            ["Pair"] = ["Generic.New<Pair>()", "new Cell<Pair>(«Pair»).Value", "Generic.Both(«int», «Pair»).Item2"],
        },
        [
            "var shape§ = new Square(«long»); Generic.Grown(ref shape§, z => text += z.Side); p1 = shape§.Side;",
            "Animal animal§ = «bool» ? new Puppy() : new Dog(«int»); p0 = animal§.Walk(«int»); text = animal§.Name;",
            "IShape<long> shape§ = new Square(«long»); ((Square)shape§).Grow(); p1 = shape§.Area();",
            "var (a§, b§) = Generic.Both(«int», «Pair»); s = b§; p0 = a§;",
            "Animal.Born = «int»; Animal.Born++;",
            "var cell§ = new Cell<Pair>(«Pair»); var copy§ = cell§.Value; copy§.A = «int»; p0 = cell§.Value.A; cell§.Value = copy§;",
        ]);
}

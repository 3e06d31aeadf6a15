using System.Numerics;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.Tracing;

public sealed class GenericTests
{
    private interface IActivation
    {
        static abstract Tensor Apply(Tensor x);

        static virtual int Bias => 1;
    }

    private sealed class Relu : IActivation
    {
        public static Tensor Apply(Tensor x) => x.relu();
    }

    private readonly struct Tanh : IActivation
    {
        public static Tensor Apply(Tensor x) => x.tanh();

        public static int Bias => 2;
    }

    private sealed class Activated<T> : nn.Module<Tensor, Tensor> where T : IActivation
    {
        public Activated() : base("Activated") { }

        public override Tensor forward(Tensor x) => T.Apply(x) + T.Bias;
    }

    [Fact]
    public void Static_abstract_and_virtual_members()
    {
        Traced.Check(new Activated<Relu>(), """
            graph(%x):
                %x : [num_users=1] = placeholder[target=x]
                %relu : [num_users=1] = call_method[target=relu](%x)
                %add : [num_users=1] = call_function[target=add](%relu, 1)
                return %add
            """);
        Traced.Check(new Activated<Tanh>(), """
            graph(%x):
                %x : [num_users=1] = placeholder[target=x]
                %tanh : [num_users=1] = call_method[target=tanh](%x)
                %add : [num_users=1] = call_function[target=add](%tanh, 2)
                return %add
            """);
    }

    private sealed class Cell<T>(T value)
    {
        public static int Made { get; set; } = 5;

        public T Value { get; set; } = value;

        public Cell<TOther> Map<TOther>(Func<T, TOther> map) => new(map(Value));
    }

    private sealed class Boxed : nn.Module<Tensor, Tensor>
    {
        public Boxed() : base(nameof(Boxed)) { }

        public override Tensor forward(Tensor x)
        {
            var cell = new Cell<Tensor>(x).Map(t => t.relu()).Map(t => (t, t.shape[0]));
            var (y, n) = cell.Value;
            var number = new Cell<long>(n);
            number.Value = number.Value + 1;
            return Pick(Pick(y, default), First<Tensor>([x, y])) + Default<int>() + Sum([1, 2, 3]) + number.Value + Cell<Tensor>.Made;
        }

        private static T Pick<T>(T first, T? second) where T : class => second ?? first;

        private static T First<T>(IReadOnlyList<T> items) => items[0];

        private static T? Default<T>() => default;

        private static T Sum<T>(T[] items) where T : INumber<T>
        {
            var sum = T.Zero;
            foreach (var item in items)
                sum += item;
            return sum;
        }
    }

    [Fact]
    public void Generic_classes_methods_and_numbers()
        => Traced.Check(new Boxed(), """
            graph(%x):
                %x : [num_users=3] = placeholder[target=x]
                %relu : [num_users=1] = call_method[target=relu](%x)
                %getattr_1 : [num_users=1] = call_function[target=getattr](%relu, shape)
                %getitem : [num_users=1] = call_function[target=getitem](%getattr_1, 0)
                %add : [num_users=1] = call_function[target=add](%getitem, 1)
                %ne : [num_users=1] = call_function[target=ne](%x, None)
                %_assert : [num_users=0] = call_function[target=_assert](%ne, 'traced with x != None at GenericTests.cs:75; trace again with concrete_args = new() { ["x"] = null } for calls without it')
                %add_1 : [num_users=1] = call_function[target=add](%x, 0)
                %add_2 : [num_users=1] = call_function[target=add](%add_1, 6)
                %add_3 : [num_users=1] = call_function[target=add](%add_2, %add)
                %add_4 : [num_users=1] = call_function[target=add](%add_3, 5)
                return %add_4
            """);

    private abstract class Block<TConfig>(TConfig config) : nn.Module<Tensor, Tensor>("Block") where TConfig : IFormattable
    {
        protected TConfig Config { get; } = config;

        public override Tensor forward(Tensor x) => After(Before(x));

        protected virtual Tensor Before(Tensor x) => x + 1;

        protected abstract Tensor After(Tensor x);
    }

    private class Middle(double config) : Block<double>(config)
    {
        protected override Tensor Before(Tensor x) => base.Before(x).relu();

        protected override Tensor After(Tensor x) => x * Config;
    }

    private sealed class Last() : Middle(2.5)
    {
        protected override Tensor Before(Tensor x) => base.Before(x.neg());

        public override Tensor forward(Tensor x) => base.forward(x) - 1;
    }

    [Fact]
    public void Inherited_generic_virtual_abstract_and_base_calls()
        => Traced.Check(new Last(), """
            graph(%x):
                %x : [num_users=1] = placeholder[target=x]
                %neg : [num_users=1] = call_method[target=neg](%x)
                %add : [num_users=1] = call_function[target=add](%neg, 1)
                %relu : [num_users=1] = call_method[target=relu](%add)
                %mul : [num_users=1] = call_function[target=mul](%relu, 2.5)
                %sub : [num_users=1] = call_function[target=sub](%mul, 1)
                return %sub
            """);

    private interface IStage
    {
        Tensor Run(Tensor x);

        Tensor RunTwice(Tensor x) => Run(Run(x));

        int this[int i] { get; }
    }

    private sealed class Plus(int n) : IStage
    {
        Tensor IStage.Run(Tensor x) => x + n;

        public int this[int i] => n * i;
    }

    private struct Times(int n) : IStage
    {
        private int calls;

        public Tensor Run(Tensor x) => x * (n + calls++);

        public readonly int this[int i] => i;
    }

    private sealed class Staged : nn.Module<Tensor, Tensor>
    {
        private readonly IStage[] stages = [new Plus(1), new Times(3)];

        public Staged() : base(nameof(Staged)) { }

        public override Tensor forward(Tensor x)
        {
            foreach (var stage in stages)
                x = stage.RunTwice(x) - stage[2];
            return Constrained(new Times(7), x);
        }

        private static Tensor Constrained<T>(T stage, Tensor x) where T : IStage => stage.Run(stage.Run(x));
    }

    [Fact]
    public void Interfaces_explicit_default_boxed_and_constrained()
    {
        var module = new Staged();
        var graph = Traced.Graph(module);
        Assert.Equal("""
            graph(%x):
                %x : [num_users=1] = placeholder[target=x]
                %add : [num_users=1] = call_function[target=add](%x, 1)
                %add_1 : [num_users=1] = call_function[target=add](%add, 1)
                %sub : [num_users=1] = call_function[target=sub](%add_1, 2)
                %mul : [num_users=1] = call_function[target=mul](%sub, 3)
                %mul_1 : [num_users=1] = call_function[target=mul](%mul, 4)
                %sub_1 : [num_users=1] = call_function[target=sub](%mul_1, 2)
                %mul_2 : [num_users=1] = call_function[target=mul](%sub_1, 7)
                %mul_3 : [num_users=1] = call_function[target=mul](%mul_2, 8)
                return %mul_3

            """, graph.ToString());
        // The boxed struct counted its calls: in the trace only.
        Assert.Equal(graph.ToString(), Traced.Graph(module).ToString());
    }

    private sealed class Pair(Tensor left, Tensor right)
    {
        public Tensor Sum => left + right;

        public Tensor this[string side] => side == "left" ? left : right;

        public static Pair operator +(Pair pair, Tensor other) => new(pair["left"] + other, pair["right"] + other);

        public static Pair operator -(Pair pair) => new(-pair["left"], -pair["right"]);

        public static implicit operator Pair(Tensor both) => new(both, both);

        public static explicit operator Tensor(Pair pair) => pair.Sum;
    }

    private sealed class Operators : nn.Module<Tensor, Tensor>
    {
        public Operators() : base(nameof(Operators)) { }

        public override Tensor forward(Tensor x)
        {
            Pair pair = x;
            return (Tensor)(-pair + x).Also(p => p);
        }
    }

    [Fact]
    public void Operators_conversions_indexers_and_extension_methods()
        => Traced.Check(new Operators(), """
            graph(%x):
                %x : [num_users=4] = placeholder[target=x]
                %neg : [num_users=1] = call_function[target=neg](%x)
                %neg_1 : [num_users=1] = call_function[target=neg](%x)
                %add : [num_users=1] = call_function[target=add](%neg, %x)
                %add_1 : [num_users=1] = call_function[target=add](%neg_1, %x)
                %add_2 : [num_users=1] = call_function[target=add](%add, %add_1)
                return %add_2
            """);
}

internal static class GenericExtensions
{
    internal static T Also<T>(this T value, Func<T, T> next) => next(value);
}

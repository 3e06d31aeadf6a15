using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.Tracing;

/// <summary>Events and collections of delegates: what is the same handler to .NET is the same one in a trace.</summary>
public sealed class HandlerTests
{
    private readonly Tensor x = rand(2, 3);

    private sealed class Bell
    {
        internal event Func<Tensor, Tensor>? Rang;

        internal Tensor Ring(Tensor x) => Rang is { } rang ? rang(x) : x;
    }

    private sealed class Ringing : nn.Module<Tensor, Tensor>
    {
        internal Ringing() : base(nameof(Ringing))
        {
            Rang += Twice;
            Rang += Negated;
            handlers.Add(Twice);
        }

        private readonly List<Func<Tensor, Tensor>> handlers = [];

        private event Func<Tensor, Tensor>? Rang;

        internal int Count => Rang!.GetInvocationList().Length;

        private Tensor Twice(Tensor x) => x * 2;

        private Tensor Negated(Tensor x) => x.neg();

        public override Tensor forward(Tensor x)
        {
            var all = Rang!(x);
            Rang -= Negated;
            var one = Rang!(x);
            Rang += Negated;
            return all + one + (handlers.Contains(Twice) ? 1 : 0) + (handlers.Contains(Negated) ? 10 : 0);
        }
    }

    private static Tensor Halved(Tensor x) => x / 2;

    [Fact]
    public void Handlers_come_and_go()
    {
        static Tensor Forward(Tensor x)
        {
            var bell = new Bell();
            Func<Tensor, Tensor> plus = y => y + 1;
            bell.Rang += plus;
            bell.Rang += Halved;
            var halved = bell.Ring(x);
            bell.Rang -= Halved;
            var more = bell.Ring(x);
            bell.Rang -= plus;
            return halved + more + bell.Ring(x);
        }
        using var traced = fx.symbolic_trace((Func<Tensor, Tensor>)Forward);
        Traced.Same(Forward(x), traced.call(x));
        using var byExample = fx.symbolic_trace((Func<Tensor, Tensor>)Forward, example_inputs: [x]);
        Traced.Same(Forward(x), byExample.call(x));
    }

    [Fact]
    public void A_models_own_handlers_are_those_that_it_was_made_with_and_stay()
    {
        var model = new Ringing();
        using var traced = fx.symbolic_trace(model);
        Assert.Equal(2, model.Count);
        Traced.Same(model.call(x), traced.call(x));
        Traced.Same(x.neg() + x * 2 + 1, traced.call(x));
    }

    [Fact]
    public void A_handler_is_found_in_collections()
    {
        static Tensor Forward(Tensor x)
        {
            Func<Tensor, Tensor> plus = y => y + 1;
            List<Func<Tensor, Tensor>> list = [plus, Halved];
            Dictionary<Func<Tensor, Tensor>, int> table = new() { [Halved] = 3, [plus] = 5 };
            var found = list.IndexOf(Halved) + 10 * table[plus] + 100 * table[Halved] + (list.Contains(y => y) ? 1000 : 0);
            list.Remove(Halved);
            var previous = plus;
            var kept = Interlocked.CompareExchange(ref plus, Halved, previous);
            return list.Single()(x) + plus(x) + kept(x) + found;
        }
        using var traced = fx.symbolic_trace((Func<Tensor, Tensor>)Forward);
        Traced.Same(Forward(x), traced.call(x));
    }
}

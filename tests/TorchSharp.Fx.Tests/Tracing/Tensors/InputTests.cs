using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Tracing.Tensors;

/// <summary>Inputs and results that are more than one tensor.</summary>
public class InputTests
{
    private sealed class Six() : Module<Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor>("Six")
    {
        public override Tensor forward(Tensor a, Tensor b, Tensor c, Tensor d, Tensor e, Tensor f) => a + b - c * d / e - f;
    }

    [Fact]
    public void Six_inputs() => Traced.Check(new Six(), "?", [rand(2), rand(2), rand(2), rand(2), rand(2), rand(2)]);

    private sealed class Optional() : Module<Tensor, Tensor?, Tensor>("Optional")
    {
        public override Tensor forward(Tensor x, Tensor? mask = null)
        {
            if (mask is not null)
                x = x.masked_fill(mask, 0);
            return x.relu();
        }
    }

    [Fact]
    public void An_optional_input_is_given_by_default() => Traced.Check(new Optional(), "?", [rand(2, 2), tensor(new[] { true, false })]);

    [Fact]
    public void A_null_input_is_fixed_by_concrete_args()
        => Traced.Check(new Tracer(), new Optional(), "?", new Dictionary<string, object?> { ["mask"] = null }, [rand(2, 2), null]);

    private sealed class Scaled() : Module<Tensor, long, double, bool, Tensor>("Scaled")
    {
        public override Tensor forward(Tensor x, long rows, double scale, bool flip)
        {
            if (flip)
                x = x.flip(0);
            return x[..(int)rows] * scale;
        }
    }

    [Fact]
    public void Numbers_are_inputs_and_a_flag_is_fixed()
        => Traced.Check(new Tracer(), new Scaled(), "?", new Dictionary<string, object?> { ["flip"] = true }, [rand(4, 2), 2L, 0.5, true], [rand(4, 2), 3L, 1.5, true]);

    private sealed class TupleIn() : Module<(Tensor, Tensor), (Tensor, Tensor)>("TupleIn")
    {
        public override (Tensor, Tensor) forward((Tensor, Tensor) pair)
        {
            var (a, b) = pair;
            return (b + pair.Item1, a);
        }
    }

    [Fact]
    public void A_tuple_goes_in_and_out() => Traced.Check(new TupleIn(), "?", [(rand(2), rand(2))]);

    private sealed class NamedTuple() : Module<Tensor, (Tensor Mean, Tensor[] All, long Count)>("NamedTuple")
    {
        public override (Tensor Mean, Tensor[] All, long Count) forward(Tensor x)
        {
            var result = (Mean: x.mean(), All: new[] { x, x * 2 }, Count: x.shape[0]);
            result.Mean = result.Mean + 1;
            return result;
        }
    }

    [Fact]
    public void A_nested_result_goes_out() => Traced.Check(new NamedTuple(), "?", [rand(2)], [rand(3)]);

    private sealed class ArrayIn() : Module<Tensor[], List<Tensor>>("ArrayIn")
    {
        public override List<Tensor> forward(Tensor[] xs) => [xs[0] + xs[1], xs[0]];
    }

    [Fact]
    public void An_array_goes_in_and_a_list_goes_out() => Traced.Check(new ArrayIn(), "?", [new[] { rand(2), rand(2) }]);

    private sealed class ListIn() : Module<IList<Tensor>, Tensor>("ListIn")
    {
        public override Tensor forward(IList<Tensor> xs) => cat(xs, 0) + xs[1].sum() + stack(xs).sum();
    }

    [Fact]
    public void A_list_goes_in() => Traced.Check(new ListIn(), "?", [new List<Tensor> { rand(2), rand(2) }]);

    private sealed class Dictionaries() : Module<Dictionary<string, Tensor>, Dictionary<string, Tensor>>("Dictionaries")
    {
        public override Dictionary<string, Tensor> forward(Dictionary<string, Tensor> inputs)
        {
            var result = new Dictionary<string, Tensor> { ["sum"] = inputs["a"] + inputs["b"] };
            result["a"] = inputs["a"].relu();
            result.Add("twice", result["sum"] * 2);
            if (result.TryGetValue("sum", out var sum))
                result["again"] = sum + 1;
            return result;
        }
    }

    [Fact]
    public void A_dictionary_goes_in_and_out() => Traced.Check(new Dictionaries(), "?", [new Dictionary<string, Tensor> { ["a"] = rand(2), ["b"] = rand(2) }]);

    private sealed record Batch(Tensor Images, Tensor? Mask)
    {
        public Tensor Masked => Mask is null ? Images : Images * Mask;
    }

    private sealed class Output
    {
        public Tensor? Logits { get; set; }

        public Tensor? Hidden;
    }

    private sealed class Records() : Module<Batch, Output>("Records")
    {
        public override Output forward(Batch batch)
        {
            var (images, mask) = batch;
            return new Output { Logits = images * mask! + batch.Masked, Hidden = batch.Images };
        }
    }

    [Fact]
    public void A_record_goes_in_and_an_object_goes_out() => Traced.Check(new Records(), "?", [new Batch(rand(2), rand(2))]);

    private sealed class State : Module<Tensor, (Tensor, Tensor)?, (Tensor, (Tensor, Tensor))>
    {
        private readonly LSTM lstm = LSTM(2, 3);

        public State() : base("State") => RegisterComponents();

        public override (Tensor, (Tensor, Tensor)) forward(Tensor x, (Tensor, Tensor)? state)
        {
            var start = state ?? (zeros(1, x.shape[1], 3), zeros(1, x.shape[1], 3));
            var (y, h, c) = lstm.call(x, start);
            return (y, (h, c));
        }
    }

    [Fact]
    public void A_nullable_state_is_an_input() => Traced.Check(new State(), "?", [rand(4, 2, 2), ((Tensor, Tensor)?)(rand(1, 2, 3), rand(1, 2, 3))]);

    [Fact]
    public void A_nullable_state_is_fixed_to_null()
        => Traced.Check(new Tracer(), new State(), "?", new Dictionary<string, object?> { ["state"] = null }, [rand(4, 2, 2), null]);

    private sealed class Gated : Module<Tensor, Tensor?, Tensor>
    {
        private readonly GRU gru = GRU(2, 3);

        public Gated() : base("Gated") => RegisterComponents();

        public override Tensor forward(Tensor x, Tensor? h)
        {
            var (y, last) = gru.call(x, h);
            return y + last;
        }
    }

    [Fact]
    public void A_gated_unit_returns_a_pair() => Traced.Check(new Gated(), "?", [rand(4, 2, 2), rand(1, 2, 3)]);

    private sealed class Bare : Module
    {
        private readonly Linear linear = Linear(3, 2);

        public Bare() : base("Bare") => RegisterComponents();

        public Tensor forward(Tensor x, float scale = 2f, string? name = null) => linear.call(x) * scale;
    }

    [Fact]
    public void A_bare_module_has_only_its_forward() => Traced.Check(new Bare(), "?", [rand(2, 3), 3f, null]);

    [Fact]
    public void An_unknown_concrete_argument_is_refused()
    {
        var error = Assert.Throws<ArgumentException>(() => new Tracer().trace(new Optional(), new Dictionary<string, object?> { ["masks"] = null }));
        Assert.Equal("concrete_args names 'masks', which is no parameter of Optional.forward. It has: x, mask. (Parameter 'concrete_args')", error.Message);
    }

    [Fact]
    public void A_concrete_argument_of_the_wrong_type_is_refused()
    {
        var error = Assert.Throws<ArgumentException>(() => new Tracer().trace(new Scaled(), new Dictionary<string, object?> { ["flip"] = 1 }));
        Assert.Equal("concrete_args gives 'flip' a int, but forward takes a bool. (Parameter 'concrete_args')", error.Message);
    }
}

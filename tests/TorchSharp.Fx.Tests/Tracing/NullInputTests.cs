using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Tracing;

/// <summary>Inputs that may be null: what a program asked is asserted, so that a call of the other kind fails with a sentence and never with a wrong result.</summary>
public sealed class NullInputTests
{
    public enum Way { Plus, Minus }

    private sealed class Attending() : Module<Tensor, bool?, Tensor[]>(nameof(Attending))
    {
        public override Tensor[] forward(Tensor x, bool? all)
        {
            var seen = new List<Tensor>();
            for (var i = 0; i < 3; i++)
            {
                x = x * 2;
                if (all == true)
                    seen.Add(x);
            }
            return [.. seen];
        }
    }

    private sealed class Counting() : Module<Tensor, int?, Tensor>(nameof(Counting))
    {
        public override Tensor forward(Tensor x, int? times)
        {
            for (var i = 0; i < (times ?? 1); i++)
                x = x + x * i;
            if (times is 3)
                x = x.exp();
            return times.HasValue ? x * times.Value + times.GetValueOrDefault(7) : -x;
        }
    }

    private sealed class Choosing() : Module<Tensor, Way?, Tensor>(nameof(Choosing))
    {
        public override Tensor forward(Tensor x, Way? way)
        {
            for (var i = 0; i < 2; i++)
                x = way switch { Way.Plus => x + 1, Way.Minus => x - 1, _ => x * 5 };
            return way == Way.Minus ? -x : x;
        }
    }

    private sealed class Scaling() : Module<Tensor, double?, Tensor>(nameof(Scaling))
    {
        public override Tensor forward(Tensor x, double? factor)
        {
            if (factor > 1)
                x = x * factor.Value;
            for (var i = 0; factor is { } known && i < known; i++)
                x = x + 1;
            return x;
        }
    }

    private sealed class Typed() : Module<Tensor, ScalarType?, Tensor>(nameof(Typed))
    {
        public override Tensor forward(Tensor x, ScalarType? type = ScalarType.Float64) => type is { } other && other != x.dtype ? x.to(other) : x * 3;
    }

    private static object?[] Calls(nn.Module module) => module switch
    {
        Attending => [true, false, null],
        Counting => [3, 2, 0, null],
        Choosing => [Way.Plus, Way.Minus, null],
        Scaling => [3.5, 0.5, null],
        _ => [ScalarType.Float64, ScalarType.Float32, null],
    };

    public static TheoryData<Type> Nullables { get; } = [typeof(Attending), typeof(Counting), typeof(Choosing), typeof(Scaling), typeof(Typed)];

    /// <summary>Traced by each example, every other call gives what the module gives or an assertion.</summary>
    [Theory]
    [MemberData(nameof(Nullables))]
    public void A_nullable_input_by_example(Type type)
    {
        using var scope = NewDisposeScope();
        using var module = (nn.Module)Activator.CreateInstance(type)!;
        var x = Traced.Sample(1, 2, 3);
        foreach (var example in Calls(module))
        {
            using var traced = fx.symbolic_trace(module, example_inputs: [x, example]);
            Traced.Same(Traced.Eager(module, x, example), traced.call(x, example));
            Traced.Same(Traced.Eager(module, x, example), new GraphInterpreter(traced).run(x, example));
            foreach (var other in Calls(module))
                SameOrRefused(module, traced, x, other);
        }
    }

    /// <summary>Traced with the value fixed, the graph holds calls to it.</summary>
    [Theory]
    [MemberData(nameof(Nullables))]
    public void A_nullable_input_that_is_fixed(Type type)
    {
        using var scope = NewDisposeScope();
        using var module = (nn.Module)Activator.CreateInstance(type)!;
        var name = Traced.Forward(module).GetParameters()[1].Name!;
        var x = Traced.Sample(1, 2, 3);
        foreach (var given in Calls(module))
        {
            using var traced = fx.symbolic_trace(module, concrete_args: new Dictionary<string, object?> { [name] = given }, example_inputs: [x]);
            Traced.Same(Traced.Eager(module, x, given), traced.call(x, given));
            foreach (var other in Calls(module).Where(other => !Equals(other, given)))
                Assert.Throws<GraphAssertionException>(() => traced.call(x, other));
        }
    }

    private static void SameOrRefused(nn.Module module, GraphModule traced, params object?[] inputs)
    {
        var ways = new Func<object?>[] { () => traced.call(inputs), () => new GraphInterpreter(traced).run(inputs) };
        foreach (var way in ways)
            try
            {
                Traced.Same(Traced.Eager(module, inputs), way());
            }
            catch (GraphAssertionException refused)
            {
                Assert.StartsWith("traced with ", refused.Message);
            }
    }

    private sealed class Masked() : Module<Tensor, Tensor?, Tensor>(nameof(Masked))
    {
        public override Tensor forward(Tensor x, Tensor? mask = null)
        {
            if (mask is not null)
                x = x * 2;
            return x + 1;
        }
    }

    private sealed class NullTested() : Module<Tensor, Tensor?, Tensor>(nameof(NullTested))
    {
        public override Tensor forward(Tensor x, Tensor? mask) => mask is null ? x : x[mask];
    }

    private sealed class Coalescing() : Module<Tensor, Tensor?, Tensor>(nameof(Coalescing))
    {
        public override Tensor forward(Tensor x, Tensor? other) => x + (other ?? x);
    }

    private sealed class Assigning() : Module<Tensor, Tensor?, Tensor>(nameof(Assigning))
    {
        public override Tensor forward(Tensor x, Tensor? other)
        {
            other ??= x * 3;
            return x + other;
        }
    }

    private sealed class Conditional() : Module<Tensor, Tensor?, Tensor>(nameof(Conditional))
    {
        public override Tensor forward(Tensor x, Tensor? other) => other?.exp() is { } e ? x + e : x;
    }

    private sealed class Patterns() : Module<Tensor, Tensor?, Tensor>(nameof(Patterns))
    {
        public override Tensor forward(Tensor x, Tensor? other) => other switch { null => -x, { } known => x * known };
    }

    private sealed class ByReference() : Module<Tensor, Tensor?, Tensor>(nameof(ByReference))
    {
        public override Tensor forward(Tensor x, Tensor? other) => ReferenceEquals(other, null) ? x : x * 4;
    }

    private sealed class Flagged() : Module<Tensor, Tensor?, Tensor>(nameof(Flagged))
    {
        public override Tensor forward(Tensor x, Tensor? other)
        {
            var isThere = other is not null;
            return isThere ? x * 4 : x;
        }
    }

    public static TheoryData<Type> Optional { get; } =
        [typeof(Masked), typeof(NullTested), typeof(Coalescing), typeof(Assigning), typeof(Conditional), typeof(Patterns), typeof(ByReference), typeof(Flagged)];

    /// <summary>By symbols the input is taken to be there, and the assertion says how to trace the other way; that way gives what the module gives.</summary>
    [Theory]
    [MemberData(nameof(Optional))]
    public void An_input_that_is_asked_for_being_null(Type type)
    {
        using var scope = NewDisposeScope();
        using var module = (Module<Tensor, Tensor?, Tensor>)Activator.CreateInstance(type)!;
        var name = Traced.Forward(module).GetParameters()[1].Name!;
        var (x, given) = (Traced.Sample(1, 2, 3), ones(2, 3) > 0);
        using var there = fx.symbolic_trace(module);
        Traced.Same(module.call(x, given), there.call(x, given));
        var refusal = Assert.Throws<GraphAssertionException>(() => there.call(x, null));
        Assert.Matches($"^traced with {name} != None at NullInputTests\\.cs:[0-9]+; trace again with concrete_args = new\\(\\) \\{{ \\[\"{name}\"\\] = null \\}} for calls without it$", refusal.Message);
        Assert.Throws<GraphAssertionException>(() => new GraphInterpreter(there).run(x, null));

        using var absent = fx.symbolic_trace(module, concrete_args: new Dictionary<string, object?> { [name] = null });
        Traced.Same(module.call(x, null), absent.call(x, null));
        Assert.Throws<GraphAssertionException>(() => absent.call(x, given));
        using var byExample = fx.symbolic_trace(module, example_inputs: [x, null]);
        Traced.Same(module.call(x, null), byExample.call(x, null));
        Assert.Throws<GraphAssertionException>(() => byExample.call(x, given));
    }

    private sealed class Requiring() : Module<Tensor, Tensor?, Tensor>(nameof(Requiring))
    {
        public override Tensor forward(Tensor x, Tensor? mask)
        {
            ArgumentNullException.ThrowIfNull(mask);
            return x;
        }
    }

    private sealed class Refusing() : Module<Tensor, Tensor?, Tensor>(nameof(Refusing))
    {
        public override Tensor forward(Tensor x, Tensor? mask)
        {
            if (mask is null)
                throw new ArgumentException("a mask is needed");
            return x;
        }
    }

    [Fact]
    public void A_check_for_null_stays_one()
    {
        using var x = ones(2);
        using var requiring = fx.symbolic_trace(new Requiring());
        Assert.Equal("ThrowIfNull(mask)", Assert.Throws<GraphAssertionException>(() => requiring.call(x, null)).Message);
        using var refusing = fx.symbolic_trace(new Refusing());
        Assert.Throws<GraphAssertionException>(() => refusing.call(x, null));
        Traced.Same(x, refusing.call(x, x));
    }

    public sealed record Batch(Tensor Data, Tensor? Mask);

    private sealed class OfRecord() : Module<Batch, Tensor>(nameof(OfRecord))
    {
        public override Tensor forward(Batch batch) => batch.Mask is null ? batch.Data : batch.Data * batch.Mask;
    }

    private sealed class OfTuple() : Module<(Tensor, Tensor?), Tensor>(nameof(OfTuple))
    {
        public override Tensor forward((Tensor, Tensor?) batch) => batch.Item2 is { } mask ? batch.Item1 * mask : batch.Item1;
    }

    private sealed class OfList() : Module<List<Tensor?>, Tensor>(nameof(OfList))
    {
        public override Tensor forward(List<Tensor?> batch) => batch[1] is null ? batch[0]! : batch[0]! * batch[1]!;
    }

    private sealed class OfDictionary() : Module<Dictionary<string, Tensor?>, Tensor>(nameof(OfDictionary))
    {
        public override Tensor forward(Dictionary<string, Tensor?> batch) => batch["mask"] is { } mask ? batch["data"]! * mask : batch["data"]!;
    }

    private static void CheckMember<T>(Module<T, Tensor> module, T with, T without)
    {
        using var scope = NewDisposeScope();
        using var there = fx.symbolic_trace(module);
        Traced.Same(module.call(with), there.call(with));
        Assert.EndsWith("trace again with example inputs that have null there", Assert.Throws<GraphAssertionException>(() => there.call(without)).Message);
        using var absent = fx.symbolic_trace(module, example_inputs: [without]);
        Traced.Same(module.call(without), absent.call(without));
        Assert.Throws<GraphAssertionException>(() => absent.call(with));
    }

    [Fact]
    public void A_member_of_an_input_that_is_null()
    {
        using var x = ones(2);
        using var mask = zeros(2);
        CheckMember(new OfRecord(), new Batch(x, mask), new Batch(x, null));
        CheckMember(new OfTuple(), (x, mask), (x, null));
        CheckMember(new OfList(), [x, mask], [x, null]);
        CheckMember(new OfDictionary(), new() { ["data"] = x, ["mask"] = mask }, new() { ["data"] = x, ["mask"] = null });
    }

    private sealed class Maybe() : Module<Tensor, (Tensor, Tensor?)>(nameof(Maybe))
    {
        public override (Tensor, Tensor?) forward(Tensor x) => (x * 2, x.dim() > 1 ? x.sum() : null);
    }

    private sealed class Attention : Module<Tensor, Tensor>
    {
        private readonly Maybe inner = new();

        internal Attention() : base(nameof(Attention)) => RegisterComponents();

        public override Tensor forward(Tensor x)
        {
            var (values, weights) = inner.call(x);
            return weights is null ? values : values + weights;
        }
    }

    [Fact]
    public void A_result_of_a_module_that_is_null()
    {
        using var scope = NewDisposeScope();
        using var module = new Attention();
        var (flat, square) = (ones(2), ones(2, 2));
        var tracer = new LeafModuleAwareTracer(new() { leaf_modules = [typeof(Maybe)] });
        using var traced = new GraphModule(module, tracer.trace(module));
        Traced.Same(module.call(square), traced.call(square));
        Assert.StartsWith("traced with getitem", Assert.Throws<GraphAssertionException>(() => traced.call(flat)).Message);
        using var byExample = new GraphModule(module, tracer.trace(module, [flat]));
        Traced.Same(module.call(flat), byExample.call(flat));
        Assert.Throws<GraphAssertionException>(() => byExample.call(square));
    }

    private sealed class Using(Func<Tensor, Tensor, Tensor> use) : Module<Tensor, Tensor, Tensor>(nameof(Using))
    {
        public override Tensor forward(Tensor x, Tensor y) => use(x, y);
    }

    public static TheoryData<Func<Tensor, Tensor, Tensor>> Uses { get; } = new(Cases.Select(use => new TheoryDataRow<Func<Tensor, Tensor, Tensor>>(use)));

    private static IEnumerable<Func<Tensor, Tensor, Tensor>> Cases =>
    [
        (x, y) => x[y], (x, y) => x[y, 0], (x, y) => x[TensorIndex.Ellipsis, TensorIndex.Tensor(y)], (x, y) => { x[y] = 1; return x; }, (x, y) => x.index_put_(x, y), (x, y) => x.index(TensorIndex.Tensor(y)),
        (x, y) => x + y, (x, y) => y.exp(), (x, y) => y[0], (x, y) => cat([x, y]), (x, y) => x.reshape(y.shape), (x, y) => -y, (x, y) => x.sum(y.dim() - 1),
    ];

    /// <summary>Native code would end the process where it is given null for a tensor.</summary>
    [Theory]
    [MemberData(nameof(Uses), DisableDiscoveryEnumeration = true)]
    public void A_null_that_is_used_is_an_error(Func<Tensor, Tensor, Tensor> use)
    {
        using var scope = NewDisposeScope();
        using var traced = fx.symbolic_trace(new Using(use));
        Assert.IsType<NullReferenceException>(Assert.Throws<NodeExecutionException>(() => traced.call(ones(2, 3), null!)).InnerException);
        Assert.IsType<NullReferenceException>(Assert.Throws<NodeExecutionException>(() => new GraphInterpreter(traced).run(ones(2, 3), null)).InnerException);
        Assert.ThrowsAny<Exception>(() => fx.symbolic_trace(new Using(use), example_inputs: [ones(2, 3), null]));
    }

    private sealed class Reducing() : Module<Tensor, long[], string, Tensor>(nameof(Reducing))
    {
        public override Tensor forward(Tensor x, long[] dims, string how) => how == "mean" ? x.mean(dims) : x.sum(dims);
    }

    private sealed class Shifting() : Module<Tensor, (Tensor by, int times), Tensor>(nameof(Shifting))
    {
        public override Tensor forward(Tensor x, (Tensor by, int times) shift)
        {
            for (var i = 0; i < shift.times; i++)
                x = x + shift.by;
            return x;
        }
    }

    [Fact]
    public void A_structure_that_is_fixed_holds_calls_to_what_it_holds()
    {
        using var scope = NewDisposeScope();
        var x = Traced.Sample(1, 2, 3);
        using var reducing = new Reducing();
        using var traced = fx.symbolic_trace(reducing, concrete_args: new Dictionary<string, object?> { ["dims"] = new long[] { 0, 1 }, ["how"] = "mean" });
        Traced.Same(reducing.call(x, [0, 1], "mean"), traced.call(x, [0, 1], new string("mean")));
        Traced.Same(reducing.call(x, [0, 1], "mean"), new GraphInterpreter(traced).run(x, new long[] { 0, 1 }, new string("mean")));
        Assert.Equal("dims has been specialized to have value [0, 1] but got another value", Assert.Throws<GraphAssertionException>(() => traced.call(x, [0], "mean")).Message);
        Assert.Throws<GraphAssertionException>(() => new GraphInterpreter(traced).run(x, new long[] { 0 }, "mean"));
        Assert.Throws<GraphAssertionException>(() => traced.call(x, [0, 1], "sum"));

        using var shifting = new Shifting();
        using var shifted = fx.symbolic_trace(shifting, concrete_args: new Dictionary<string, object?> { ["shift"] = (ones(3), 2) });
        Traced.Same(shifting.call(x, (ones(3), 2)), shifted.call(x, (ones(3), 2)));
        Assert.Throws<GraphAssertionException>(() => shifted.call(x, (zeros(3), 2)));
        Assert.Throws<GraphAssertionException>(() => shifted.call(x, (ones(3), 1)));
        Assert.Throws<GraphAssertionException>(() => shifted.call(x, (null!, 2)));
    }

    private sealed class UsingLayers : Module<Tensor, Tensor>
    {
        private readonly TorchSharp.Modules.Linear first = Linear(4, 4), second = Linear(4, 4);

        public UsingLayers() : base(nameof(UsingLayers)) => RegisterComponents();

        public override Tensor forward(Tensor x)
        {
            using var y = first.call(x);
            using (var z = second.forward(y))
                return z is null ? y.exp() : z.relu();
        }
    }

    [Fact]
    public void What_layers_of_TorchSharp_give_is_never_null_and_is_not_asserted()
    {
        using var model = new UsingLayers();
        var extractor = feature_extraction.get_graph_node_names(model);
        Assert.Equal(["x", "first", "second", "relu"], extractor.eval_nodes);
    }
}

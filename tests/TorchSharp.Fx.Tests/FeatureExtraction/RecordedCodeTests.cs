using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.FeatureExtraction;

/// <summary>What the code of a recorded model may be made of, and what of it can be asked for.</summary>
public sealed class RecordedCodeTests
{
    private sealed class Pair : Module<Tensor, Tuple<Tensor, Tensor>>
    {
        private readonly Linear fc = Linear(3, 3);

        public Pair() : base(nameof(Pair)) => RegisterComponents();

        public override Tuple<Tensor, Tensor> forward(Tensor x) => new(fc.call(x), x * 2);
    }

    private sealed record Ends(Tensor First, Tensor Last);

    private sealed class Everyday : Module<Tensor, Tensor>
    {
        private readonly ModuleList<Module<Tensor, Tensor>> blocks = ModuleList<Module<Tensor, Tensor>>(Linear(3, 3), Sequential(Linear(3, 3), ReLU()), Linear(3, 3));
        private readonly Pair pair = new();
        internal readonly Parameter scale = Parameter(ones(3) * 0.5);
        internal readonly Dictionary<string, Tensor> cache = [];
        internal int hooked;

        public Everyday() : base(nameof(Everyday))
        {
            register_buffer("offset", ones(3));
            RegisterComponents();
            blocks[0].register_forward_hook((_, _, output) =>
            {
                hooked++;
                return output * 1;
            });
        }

        public override Tensor forward(Tensor x)
        {
            using var scope = NewDisposeScope();
            var all = blocks.Select(block => block.call(x)).ToList();
            all.Reverse();
            var (a, b) = pair.call(all[^1]);
            var ends = new Ends(all[0], a);
            foreach (var part in (ends.First + ends.Last).chunk(3, 1))
                cache[$"part{cache.Count}"] = part.DetachFromDisposeScope();
            Func<Tensor, Tensor> scaled = y => y * scale + get_buffer("offset")!;
            var z = Weighted(scaled(b), cache.Values.Aggregate((sum, next) => sum + next));
            return (z is [var first, ..] ? first : x).MoveToOuterDisposeScope();
        }

        private static IList<Tensor> Weighted(params Tensor[] parts) => [.. parts.OrderBy(part => part.abs().sum().item<float>()).Select(part => part * 2)];
    }

    [Fact]
    public void Lists_lambdas_records_hooks_and_state_are_those_of_eager()
    {
        using var model = new Everyday();
        using var eager = new Everyday();
        eager.load_state_dict(model.state_dict());
        using var x = rand(2, 3);
        var recorder = feature_extraction.create_recorder(model, ["blocks.*", "pair", "mul_1", "scale"]);
        using var features = recorder.call(x);
        using var result = eager.call(x);
        Assert.Equal(eager.cache.Keys, model.cache.Keys);
        foreach (var (key, value) in eager.cache)
            Extracted.AssertSame(value, model.cache[key]);
        Assert.Equal(1, model.hooked);
        Assert.Equal(["blocks.0", "blocks.1", "blocks.2", "pair", "scale", "mul_1"], features.Keys);
        Extracted.AssertSame(eager.scale, features["scale"]);
    }

    private sealed class Unsafe : Module<Tensor, Tensor>
    {
        private readonly Linear fc = Linear(3, 3);

        public Unsafe() : base(nameof(Unsafe)) => RegisterComponents();

        public override Tensor forward(Tensor x)
        {
            var y = fc.call(x).detach();
            Fill(y);
            return fc.call(y);
        }

        private static void Fill(Tensor y)
        {
            var content = System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(y.bytes);
            content[0] = 7;
        }
    }

    [Fact]
    public void Code_that_writes_to_memory_runs_for_real_and_features_keep_what_they_were()
    {
        using var model = new Unsafe();
        using var x = rand(2, 3);
        using var features = feature_extraction.create_recorder(model, ["fc", "detach", "fc_1"]).call(x);
        Extracted.AssertSame(model.call(x), features["fc_1"]);
        Assert.Equal(features["fc"].Numbers(), features["detach"].Numbers());
        Assert.NotEqual(7, features["fc"][0, 0].item<float>());
    }

    [Fact]
    public void Conditions_patterns_and_inputs_can_be_asked_for()
    {
        using var model = Sequential(("fc", Linear(3, 3)), ("act", Sequential(ReLU(), Dropout(0))), ("out", Linear(3, 2)));
        using var x = rand(2, 3);
        ReturnNodes linears = ReturnNodes.Where((_, module) => module is Linear);
        using var found = feature_extraction.create_recorder(model, linears).call(x);
        Assert.Equal(["fc", "out"], found.Keys);
        using var features = feature_extraction.create_recorder(model, ["act.?", "out:in", "act"]).call(x);
        using var expected = feature_extraction.create_feature_extractor(model, ["act.?", "out:in", "act"]).call(x);
        Assert.Equal(expected.Keys.Order(), features.Keys.Order());
        foreach (var (key, value) in expected)
            Extracted.AssertSame(value, features[key]);
    }

    private sealed class Signed() : Module<Tensor, Tensor>(nameof(Signed))
    {
        public override Tensor forward(Tensor x) => x.sum().item<float>() > 0 ? x * 2 : x * 3;
    }

    [Fact]
    public void A_model_that_is_refused_can_be_recorded_instead()
    {
        using var x = ones(2);
        Assert.Throws<TraceException>(() => feature_extraction.create_feature_extractor(new Signed(), ["mul"], when_refused: Refused.raise));
        using var recorder = feature_extraction.create_feature_extractor(new Signed(), ["mul"], when_refused: Refused.record);
        Assert.IsType<FeatureRecorder<Tensor>>(recorder);
        using var features = recorder.call(x);
        Extracted.AssertSame(x * 2, features["mul"]);
        using var graph = feature_extraction.create_feature_extractor(Linear(2, 2), ["linear"], when_refused: Refused.record);
        Assert.IsType<DualGraphModule<Tensor>>(graph);
    }

    [Fact]
    public void Wrong_calls_are_told_in_a_sentence()
    {
        var recorder = feature_extraction.create_recorder((Module)new Signed(), ["mul"]);
        Assert.StartsWith("Signed takes 1 inputs, but was given 2.", Assert.Throws<ArgumentException>(() => recorder.call(ones(1), 3)).Message);
        Assert.StartsWith("Signed was given no value for its input 'x'.", Assert.Throws<ArgumentException>(() => recorder.call()).Message);
        Assert.StartsWith("The input 'x' takes a Tensor, but was given a String.", Assert.Throws<ArgumentException>(() => recorder.call("x")).Message);
        using var graph = fx.symbolic_trace(Linear(2, 2));
        Assert.StartsWith("GraphModule`2 runs a graph, and there is no code of a model to record: give it to create_feature_extractor.",
            Assert.Throws<ArgumentException>(() => feature_extraction.create_recorder(graph, ["linear"])).Message);
    }

    private sealed class Joined : Module<Tensor, Tensor>
    {
        private readonly Embedding first = Embedding(2, 3), second = Embedding(4, 3);

        public Joined() : base(nameof(Joined)) => RegisterComponents();

        public override Tensor forward(Tensor x) => x + cat(new[] { first.weight!, second.weight! }, 0).sum(new long[] { 0 });
    }

    [Fact]
    public void An_array_of_parameters_is_taken_for_one_of_tensors()
    {
        using var model = new Joined();
        using var x = rand(2, 3);
        using var features = feature_extraction.create_recorder(model, ["cat", "add"]).call(x);
        Extracted.AssertSame(model.call(x), features["add"]);
        using var traced = fx.symbolic_trace(model);
        Extracted.AssertSame(model.call(x), traced.call(x));
    }

    private sealed class Loose : Module<Tensor, Tensor>
    {
        private readonly List<object> layers = [Linear(3, 3), new Pair()];
        private readonly ModuleList<Module> registered;

        public Loose() : base(nameof(Loose))
        {
            registered = new([.. layers.Cast<Module>()]);
            RegisterComponents();
        }

        public override Tensor forward(Tensor x)
        {
            Tensor y = ((dynamic)layers[0]).forward(x);
            var pair = ((dynamic)layers[1]).call(y);
            return pair.Item1 + pair.Item2;
        }
    }

    [Fact]
    public void Calls_of_dynamic_values_are_followed()
    {
        using var model = new Loose();
        using var x = rand(2, 3);
        string[] names = ["registered.0", "registered.1.fc", "registered.1.mul", "add"];
        using var features = feature_extraction.create_recorder(model, names).call(x);
        using var expected = feature_extraction.create_feature_extractor(model, names).call(x);
        Assert.Equal(names, features.Keys);
        foreach (var (name, value) in expected)
            Extracted.AssertSame(value, features[name]);
    }

    private sealed class Asking() : Module<Tensor, (Tensor, Tensor)?, Tensor>(nameof(Asking))
    {
        public override Tensor forward(Tensor x, (Tensor, Tensor)? pair)
        {
            if (x.shape[0] == 2)
                x = x * 2;
            if (pair is null)
                return x;
            var y = pair.Value.Item1 * pair.Value.Item1.shape[0] + pair.Value.Item2;
            var leading = x.shape[..^1];
            return x.eq(0).reshape(leading[0], -1, 1).to(float32).unbind(-1)[0] + y;
        }
    }

    [Fact]
    public void Questions_by_an_example_shift_no_names()
    {
        using var model = new Asking();
        using var scope = NewDisposeScope();
        object[] given = [arange(6).reshape(2, 3), (rand(2, 3), rand(2, 3))];
        var kwargs = new TracerKwargs { example_inputs = given };
        var names = feature_extraction.get_graph_node_names(model, tracer_kwargs: kwargs).eval_nodes.Skip(2).ToArray();
        Assert.DoesNotContain("_assert", names);
        var extractor = feature_extraction.create_feature_extractor(model, names, tracer_kwargs: kwargs);
        var recorder = feature_extraction.create_recorder(model, names);
        (Tensor, (Tensor, Tensor)?) input = (arange(6).reshape(2, 3), (rand(2, 3), rand(2, 3)));
        var (expected, features) = (extractor.call(input.Item1, input.Item2), recorder.call(input.Item1, input.Item2));
        Assert.Equal(names, recorder.nodes(input.Item1, input.Item2).Skip(2));
        foreach (var name in (string[])["mul", "eq", "reshape", "to", "mul_1", "add", "add_1"])
            Extracted.AssertSame(expected[name], features[name]);
    }

}

/// <summary>Recorded runs leave nothing behind.</summary>
[Collection(nameof(Alone))]
public sealed class RecordedLifetimeTests
{
    private sealed class Careful : Module<Tensor, Tensor>
    {
        private readonly Linear fc = Linear(4, 4);
        private readonly ReLU relu = ReLU(inplace: true);

        public Careful() : base(nameof(Careful)) => RegisterComponents();

        public override Tensor forward(Tensor x)
        {
            using var scope = NewDisposeScope();
            var y = relu.call(fc.call(x));
            for (var i = 0; i < 3; i++)
                y = y.chunk(2, 1)[0].repeat(1, 2) * y.shape[0];
            return (y + x).MoveToOuterDisposeScope();
        }
    }

    [Fact]
    public void A_hundred_runs_leave_no_tensor_nor_do_those_that_throw()
    {
        using var model = new Careful();
        using var x = rand(2, 4);
        using var bad = rand(3);
        model.eval();
        var recorder = feature_extraction.create_recorder(model, ["x", "fc", "relu", "chunk", "mul_1", "add", "relu:in"], to_end: true);
        var early = feature_extraction.create_recorder(model, ["relu"]);
        LiveTensors.AssertStay(() =>
        {
            recorder.call(x).Dispose();
            early.call(x).Dispose();
            recorder.nodes(x);
            Assert.ThrowsAny<Exception>(() => recorder.call(bad));
        }, 100);
    }
}

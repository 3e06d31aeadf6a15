using TorchSharp.Fx.Tests.Tracing;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.State;

/// <summary>Programs that keep something between calls: the graph keeps it, too, call after call, also as a copy, optimised and from a file.</summary>
[Collection(nameof(FeatureExtraction.Alone))] // they seed the generator that all share
public sealed class KeptStateTests
{
    internal sealed class FieldCache : Module<Tensor, Tensor>
    {
        private readonly Linear project = Linear(4, 4);
        private Tensor? past;
        private long seen;

        public FieldCache() : base(nameof(FieldCache)) => RegisterComponents();

        internal Tensor? Past => past;

        internal long Seen => seen;

        public override Tensor forward(Tensor x)
        {
            var keys = project.call(x);
            past = past is null ? keys : cat([past, keys], 1);
            seen += x.size(1);
            return past.sum(1) * seen;
        }
    }

    internal sealed class Cache
    {
        public List<Tensor> Keys { get; } = [];

        public int Length { get; private set; }

        public Tensor Update(int layer, Tensor key)
        {
            if (layer == 0)
                Length += (int)key.shape[1];
            if (layer >= Keys.Count)
                Keys.Add(key);
            else
                Keys[layer] = cat([Keys[layer], key], 1);
            return Keys[layer];
        }
    }

    internal sealed class GivenCache : Module<Tensor, Cache, Tensor>
    {
        private readonly ModuleList<Linear> layers = ModuleList(Linear(4, 4), Linear(4, 4));

        public GivenCache() : base(nameof(GivenCache)) => RegisterComponents();

        public override Tensor forward(Tensor x, Cache cache)
        {
            for (var i = 0; i < layers.Count; i++)
                x = x + cache.Update(i, layers[i].call(x)).mean([1], keepdim: true);
            return x * cache.Length;
        }
    }

    internal sealed class OwnCache : Module<Tensor, Tensor>
    {
        private readonly Linear project = Linear(4, 4);
        private readonly Cache cache = new();
        private readonly Dictionary<string, Tensor> left = [];
        private readonly Tensor[] window = [zeros(1, 1, 4), zeros(1, 1, 4)];

        public OwnCache() : base(nameof(OwnCache)) => RegisterComponents();

        public override Tensor forward(Tensor x)
        {
            var keys = cache.Update(0, project.call(x));
            var context = left.TryGetValue("a", out var before) ? before : zeros_like(x[.., ^1.., ..]);
            left["a"] = x[.., ^1.., ..];
            window[0] = window[1];
            window[1] = context + 1;
            return keys.sum(1, keepdim: true) + context + window[0] + cache.Length;
        }
    }

    /// <summary>A table that is made again when it is too short, a flag and a text: no state.</summary>
    internal sealed class Memo : Module<Tensor, Tensor>
    {
        private readonly Linear project = Linear(4, 4);
        private Tensor? table;
        private long length = -1;
        private bool isMade;

        public Memo() : base(nameof(Memo)) => RegisterComponents();

        public override Tensor forward(Tensor x)
        {
            if (table is null || length < x.size(1))
            {
                length = x.size(1);
                table = arange(x.size(1), dtype: float32).unsqueeze(-1);
                isMade = true;
            }
            return project.call(x) + table[..(int)x.size(1)] + (isMade ? 1 : 0);
        }
    }

    private static T Made<T>(Func<T> make) where T : Module
    {
        manual_seed(3);
        return make();
    }

    private static Tensor[] Steps => [.. new[] { 3, 1, 1, 2 }.Select(length => arange(length * 4, dtype: float32).reshape(1, length, 4) / 10)];

    [Fact]
    public void A_field_is_kept_from_call_to_call()
    {
        using var scope = NewDisposeScope();
        var (eager, model, steps) = (Made(() => new FieldCache()), Made(() => new FieldCache()), Steps);
        var prefill = fx.symbolic_trace(model);
        Traced.Same(eager.call(steps[0]), prefill.call(steps[0]));
        var decode = fx.symbolic_trace(model);
        foreach (var step in steps[1..])
            Traced.Same(eager.call(step), decode.call(step));
        Traced.Same(eager.Past, model.Past);
        Assert.Equal(eager.Seen, model.Seen);
        Assert.Equal("""
            graph(%x):
                %x : [num_users=2] = placeholder[target=x]
                %get_state : [num_users=2] = call_function[target=get_state](past)
                %get_state_1 : [num_users=1] = call_function[target=get_state](seen)
                %project : [num_users=1] = call_module[target=project](%x)
                %ne : [num_users=1] = call_function[target=ne](%get_state, None)
                %_assert : [num_users=0] = call_function[target=_assert](%ne, 'traced with past != None, as the state was; trace again in the state that the call finds, or with state: TracedState.dropped')
                %cat : [num_users=2] = call_function[target=cat]([%get_state, %project], 1)
                %size : [num_users=1] = call_method[target=size](%x, 1)
                %add : [num_users=2] = call_function[target=add](%get_state_1, %size)
                %sum_1 : [num_users=1] = call_method[target=sum](%cat, 1, False, None)
                %mul : [num_users=1] = call_function[target=mul](%sum_1, %add)
                %set_state : [num_users=0] = call_function[target=set_state](past, None, %cat)
                %set_state_1 : [num_users=0] = call_function[target=set_state](seen, None, %add)
                return %mul

            """.ReplaceLineEndings("\n"), decode.graph.ToString());
    }

    [Fact]
    public void A_graph_of_another_state_says_so()
    {
        using var scope = NewDisposeScope();
        var prefill = fx.symbolic_trace(Made(() => new FieldCache()));
        _ = prefill.call(Steps[0]);
        var error = Assert.Throws<GraphAssertionException>(() => prefill.call(Steps[1]));
        Assert.Equal("traced with past == None, as the state was; trace again in the state that the call finds, or with state: TracedState.dropped", error.Message);
    }

    [Fact]
    public void An_object_that_is_given_is_updated()
    {
        using var scope = NewDisposeScope();
        var (eager, model, steps) = (Made(() => new GivenCache()), Made(() => new GivenCache()), Steps);
        var (expected, actual) = (new Cache(), new Cache());
        var keys = actual.Keys;
        var prefill = fx.symbolic_trace(model, example_inputs: [steps[0], new Cache()]);
        Traced.Same(eager.call(steps[0], expected), prefill.call(steps[0], actual));
        var decode = fx.symbolic_trace(model, example_inputs: [steps[1], actual]);
        Assert.Equal(3, actual.Length);
        foreach (var step in steps[1..])
            Traced.Same(eager.call(step, expected), decode.call(step, actual));
        Traced.Same(expected.Keys, actual.Keys);
        Assert.Same(keys, actual.Keys);
        Assert.Equal(expected.Length, actual.Length);
        Assert.Throws<GraphAssertionException>(() => decode.call(steps[0], new Cache()));
    }

    [Fact]
    public void Objects_and_collections_of_the_model_are_kept()
    {
        using var scope = NewDisposeScope();
        var (eager, model, steps) = (Made(() => new OwnCache()), Made(() => new OwnCache()), Steps);
        Traced.Same(eager.call(steps[0]), fx.symbolic_trace(model, example_inputs: [steps[0]]).call(steps[0]));
        var decode = fx.symbolic_trace(model, example_inputs: [steps[1]]);
        foreach (var step in steps[1..])
            Traced.Same(eager.call(step), decode.call(step));
    }

    [Fact]
    public void Tables_and_flags_are_no_state()
    {
        using var scope = NewDisposeScope();
        var (eager, model) = (Made(() => new Memo()), Made(() => new Memo()));
        var tracer = new Tracer();
        _ = tracer.trace(model);
        Assert.Equal(["Memo.length", "Memo.table", "Memo.isMade"], tracer.report.dropped_state.Select(note => note.text));
        var graph = new GraphModule<Tensor, Tensor>(model, tracer.graph, tracer.tensor_constants);
        foreach (var step in Steps)
            Traced.Same(eager.call(step), graph.call(step));
    }

    [Theory, InlineData(false), InlineData(true)]
    public void Copies_keep_a_state_of_their_own(bool isSaved)
    {
        using var scope = NewDisposeScope();
        var (eager, model, steps) = (Made(() => new OwnCache()), Made(() => new OwnCache()), Steps);
        _ = (eager.call(steps[0]), model.call(steps[0]));
        var decode = fx.symbolic_trace(model, example_inputs: [steps[1]]);
        GraphModule<Tensor, Tensor> copy;
        if (isSaved)
        {
            var file = Path.GetTempFileName();
            fx.save(decode, file);
            copy = fx.load<GraphModule<Tensor, Tensor>>(file);
            File.Delete(file);
        }
        else
        {
            copy = decode.clone();
        }
        var optimised = decode.optimize_for_inference();
        foreach (var step in steps[1..])
        {
            var expected = eager.call(step);
            Traced.Same(expected, copy.call(step));
            Assert.True(allclose(expected, optimised.call(step), 1e-4, 1e-4));
        }
        var second = Made(() => new OwnCache());
        _ = second.call(steps[0]);
        Traced.Same(second.call(steps[1]), model.call(steps[1]));
    }

    private sealed class Twins : Module<Tensor, Tensor>
    {
        private Tensor first = zeros(2), second = zeros(2);

        public Twins() : base(nameof(Twins)) => RegisterComponents();

        public override Tensor forward(Tensor x)
        {
            var result = first.add_(1) - second;
            (first, second) = (x * 2, x * 2);
            return result;
        }
    }

    /// <summary>Two tensors that are kept stay two, though they were computed alike: the program writes to one of them later.</summary>
    [Fact]
    public void What_is_kept_twice_is_two_tensors_when_optimised()
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var (eager, model) = (new Twins(), new Twins());
        using var optimised = fx.symbolic_trace(model).optimize_for_inference();
        foreach (var x in new[] { rand(2), rand(2), rand(2) })
            Traced.Same(eager.call(x), optimised.call(x));
    }

    [Fact]
    public void What_is_dropped_stays_as_it_was()
    {
        using var scope = NewDisposeScope();
        var model = Made(() => new FieldCache());
        _ = model.call(Steps[0]);
        var tracer = new Tracer { state = TracedState.dropped };
        _ = tracer.trace(model);
        Assert.Equal(["FieldCache.past", "FieldCache.seen"], tracer.report.dropped_state.Select(note => note.text));
        Assert.Empty(tracer.report.state);
        var before = model.Past!.clone();
        _ = new GraphInterpreter(model, tracer.graph, tracer.tensor_constants).run(Steps[1]);
        Traced.Same(before, model.Past);
    }
}

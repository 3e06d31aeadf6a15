using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.FeatureExtraction;

/// <summary>A returned feature is the node's value at that point, an object of its own, and costs nothing that is not needed.</summary>
public sealed class ReturnedValueTests
{
    private static readonly Tensor Input = tensor([-1f, 2f]).DetachFromDisposeScope();

    private sealed class Overwriting : Module<Tensor, Tensor>
    {
        private readonly Linear fc = Linear(2, 2);
        private readonly ReLU act = ReLU(inplace: true);

        public Overwriting() : base(nameof(Overwriting))
        {
            RegisterComponents();
            using var none = no_grad();
            fc.weight.copy_(eye(2));
            fc.bias!.zero_();
        }

        public override Tensor forward(Tensor x)
        {
            var y = fc.call(x);
            y = act.call(y);
            y = y.add_(1);
            return y * 2;
        }
    }

    private sealed class Relu_() : Module<Tensor, Tensor>(nameof(Relu_))
    {
        public override Tensor forward(Tensor x) => (x * 1).relu_().exp();
    }

    [Theory]
    [InlineData("fc", "fc", "-1 2")]
    [InlineData("fc act", "fc clone act", "-1 2|0 2")]
    [InlineData("fc act add_", "fc clone act clone add_", "-1 2|0 2|1 3")]
    [InlineData("fc mul", "fc clone act add_ mul", "-1 2|2 6")]
    [InlineData("act", "fc act", "0 2")]
    [InlineData("act mul", "fc act clone add_ mul", "0 2|2 6")]
    [InlineData("add_", "fc act add_", "1 3")]
    public void What_a_later_in_place_operation_overwrites_is_cloned_and_only_that(string nodes, string steps, string values)
    {
        using var extractor = feature_extraction.create_feature_extractor(new Overwriting(), nodes.Split(' '));
        Assert.Equal(steps, extractor.graph.Steps());
        using var none = no_grad();
        using var features = extractor.call(Input);
        Assert.Equal(values, string.Join('|', features.Values.Select(value => string.Join(' ', value.Numbers()))));
    }

    [Fact]
    public void The_same_for_a_method_that_works_in_place()
    {
        using var extractor = feature_extraction.create_feature_extractor(new Relu_(), ["mul", "exp"]);
        Assert.Equal("mul clone relu_ exp", extractor.graph.Steps());
        using var features = extractor.call(Input);
        Assert.Equal([-1f, 2f], features["mul"].Numbers());
        Assert.Equal([1f, MathF.Exp(2)], features["exp"].Numbers());
    }

    private sealed class Discarding() : Module<Tensor, Tensor>(nameof(Discarding))
    {
        public override Tensor forward(Tensor x)
        {
            var y = x * 2;
            var z = x * 3;
            y.relu_();
            return z + 1;
        }
    }

    [Fact]
    public void Nothing_is_cloned_for_an_in_place_operation_that_is_dropped_as_dead()
    {
        using var extractor = feature_extraction.create_feature_extractor(new Discarding(), ["mul", "add"]);
        Assert.Equal("mul mul add", extractor.graph.Steps());
        using var features = extractor.call(Input);
        Assert.Equal([-2f, 4f], features["mul"].Numbers());
    }

    private sealed class WritingThroughAView() : Module<Tensor, Tensor>(nameof(WritingThroughAView))
    {
        public override Tensor forward(Tensor x)
        {
            var y = x * 1;
            y.narrow(0, 0, 1).fill_(7);
            y.neg_();
            return y + 0;
        }
    }

    [Fact]
    public void In_place_operations_that_change_a_live_tensor_survive_dead_code_elimination()
    {
        using var extractor = feature_extraction.create_feature_extractor(new WritingThroughAView(), ["mul", "add"]);
        Assert.Equal("mul clone narrow fill_ neg_ add", extractor.graph.Steps());
        using var features = extractor.call(Input);
        Assert.Equal([-1f, 2f], features["mul"].Numbers());
        Assert.Equal([-7f, -2f], features["add"].Numbers());
    }

    private sealed class Parametrised : Module<Tensor, Tensor>
    {
        internal readonly Parameter scale = Parameter(tensor([2f, 3f]));

        public Parametrised() : base(nameof(Parametrised)) => RegisterComponents();

        public override Tensor forward(Tensor x) => x * scale;
    }

    [Fact]
    public void Inputs_and_parameters_are_returned_under_handles_of_their_own()
    {
        var model = new Parametrised();
        using var extractor = feature_extraction.create_feature_extractor(model, ["x", "scale", "mul"]);
        using var x = Input.clone();
        var features = extractor.call(x);
        Assert.Equal("x scale mul", features.Keys());
        Assert.NotSame(x, features["x"]);
        Assert.NotSame(model.scale, features["scale"]);
        Assert.Equal([2f, 3f], features["scale"].Numbers());

        var mul = features["mul"];
        features.Dispose();
        features.Dispose();
        Assert.True(mul.IsInvalid);
        Assert.False(x.IsInvalid);
        Assert.False(model.scale.IsInvalid);
    }

    private sealed class Shapes() : Module<Tensor, Tensor>(nameof(Shapes))
    {
        public override Tensor forward(Tensor x)
        {
            var (values, indexes) = x.max(1);
            return (values + indexes).reshape(x.shape[0], -1, (int)x.size(1) / 3).narrow(0, 0, x.size(0));
        }
    }

    [Fact]
    public void Nodes_that_are_no_tensors_are_read_by_their_type()
    {
        using var extractor = feature_extraction.create_feature_extractor(new Shapes(), ["getattr", "getitem", "max", "size", "floordiv", "reshape"]);
        var names = feature_extraction.get_graph_node_names(new Shapes()).eval_nodes;
        using var x = rand(4, 3);
        using var features = extractor.call(x);
        Assert.Equal([4, 3], features.value<long[]>("getattr"));
        Assert.Equal(1, features.value<int>("floordiv"));
        var (values, indexes) = features.value<(Tensor, Tensor)>("max");
        Extracted.AssertSame(x.max(1).values, values);
        Assert.Equal([4, 1, 1], features["reshape"].shape);
        Assert.Equal("The feature 'size' is a Int64, not a tensor: read it with value<T>(\"size\").", Assert.Throws<InvalidOperationException>(() => features["size"]).Message);
        features.Dispose();
        Assert.True(indexes.IsInvalid);
    }

    private sealed class Setting() : Module<Tensor, Tensor>(nameof(Setting))
    {
        public override Tensor forward(Tensor x)
        {
            var y = x * 2;
            y[0] = x[1];
            return y;
        }
    }

    private sealed class Around : Module<Tensor, Tensor>
    {
        private readonly Setting setting = new();

        public Around() : base(nameof(Around)) => RegisterComponents();

        public override Tensor forward(Tensor x) => setting.call(x).exp();
    }

    [Fact]
    public void A_node_without_a_value_is_refused_by_its_own_name_and_its_modules()
    {
        Assert.Equal(["x", "setting.mul", "setting.getitem", "setting.setitem", "exp"], feature_extraction.get_graph_node_names(new Around()).eval_nodes);
        foreach (var query in new[] { "setting.setitem", "setting" })
        {
            var error = Assert.Throws<ArgumentException>(() => feature_extraction.create_feature_extractor(new Around(), [query]));
            Assert.Equal($"node: '{query}' has no value to return: it is 'setting.setitem', which only writes to another node's value or checks it. Ask for the node that it writes to.", error.Message);
        }
    }

    private sealed class Effect : Module<Tensor, Tensor>
    {
        internal int Calls;

        public Effect() : base(nameof(Effect)) => RegisterComponents();

        public override Tensor forward(Tensor x)
        {
            Calls++;
            return x + 0;
        }
    }

    private sealed class Guarded : Module<Tensor, Tensor>
    {
        internal readonly Effect before = new();
        internal readonly Effect after = new();

        public Guarded() : base(nameof(Guarded)) => RegisterComponents();

        public override Tensor forward(Tensor x)
        {
            var y = before.call(x).exp();
            if (y.shape[0] != 3)
                throw new ArgumentException("three please");
            x.zero_();
            return after.call(y);
        }
    }

    [Fact]
    public void Nothing_after_the_last_requested_node_runs()
    {
        var model = new Guarded();
        using var extractor = feature_extraction.create_feature_extractor(model, ["exp"], tracer_kwargs: new() { leaf_modules = [typeof(Effect)] });
        Assert.Equal("before exp", extractor.graph.Steps());
        using var x = ones(2);
        using var features = extractor.call(x);
        Assert.Equal([1f, 1f], x.Numbers());
        Assert.Equal((1, 0), (model.before.Calls, model.after.Calls));
        Assert.DoesNotContain("after", extractor.named_children().Select(child => child.name));
    }

    [Fact]
    public void An_assertion_before_a_requested_node_does_run()
    {
        using var extractor = feature_extraction.create_feature_extractor(new Guarded(), ["after"]);
        Assert.Throws<GraphAssertionException>(() => extractor.call(ones(2)));
        using var features = extractor.call(ones(3));
        Assert.Equal([MathF.E, MathF.E, MathF.E], features["after"].Numbers());
    }
}

using TorchSharp.Fx.Tests.Runtime;
using TorchSharp.Fx.Tests.Tracing;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Passes;

/// <summary>Programs whose operations do more than compute a value: after every pass the graph gives what the program gives, and leaves the model as the program leaves it.</summary>
[Collection("Tensor counts")] // they seed the generator that all share
public sealed class EffectTests
{
    /// <summary>A value, a view of it by some operation, a write to the value, and the view.</summary>
    private sealed class Viewed(Func<Tensor, Tensor> view) : Module<Tensor, Tensor>(nameof(Viewed))
    {
        public override Tensor forward(Tensor x)
        {
            var h = x * 2;
            var v = view(h);
            h.add_(1);
            return v;
        }
    }

    private static readonly Dictionary<string, Func<Tensor, Tensor>> Views = new()
    {
        ["einsum"] = h => einsum("ij->ji", h),
        ["cat"] = h => cat([h], 0),
        ["concat"] = h => concat([h], 0),
        ["chain_matmul"] = h => chain_matmul(h),
        ["multi_dot"] = h => linalg.multi_dot([h]),
        ["cartesian_prod"] = h => cartesian_prod(h[0]),
        ["broadcast_tensors"] = h => broadcast_tensors(zeros(2, 2), h)[1],
        ["meshgrid"] = h => meshgrid([zeros(2), h[0]])[1],
        ["hsplit"] = h => h.hsplit(2)[0],
        ["dropout of none"] = h => functional.dropout(h, 0.0, true),
        ["channel_shuffle"] = h => h.view(1, 2, 1, 2).channel_shuffle(1),
        ["a view as an argument that is not the first"] = h => zeros(2, 2).set_(h),
    };

    public static TheoryData<string> Names => [.. Views.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void A_write_is_seen_through_every_view(string name) => SameAfterPasses(() => new Viewed(Views[name]), rand(2, 2));

    [Theory]
    [MemberData(nameof(Names))]
    public void A_requested_view_is_protected_from_a_later_write(string name)
    {
        var x = rand(2, 2);
        using var model = new Wrapped(Views[name]);
        using var traced = fx.symbolic_trace(model);
        var view = traced.graph.nodes.Last(node => node.op != Opcode.output && node.name != "add_" && node.name != "neg").name;
        using var extractor = feature_extraction.create_feature_extractor(model, [view, "neg"]);
        using var features = extractor.call(x);
        Traced.Same(Views[name](x * 2), features[view]);
    }

    private sealed class Wrapped(Func<Tensor, Tensor> view) : Module<Tensor, Tensor>(nameof(Wrapped))
    {
        public override Tensor forward(Tensor x)
        {
            var h = x * 2;
            _ = view(h);
            h.add_(1);
            return h.neg();
        }
    }

    /// <summary>Reads the statistics before and after a call that nobody reads.</summary>
    private sealed class Statistics : Module<Tensor, Tensor>
    {
        private readonly BatchNorm1d bn = BatchNorm1d(3);

        public Statistics() : base(nameof(Statistics)) => RegisterComponents();

        public override Tensor forward(Tensor x)
        {
            var a = bn.running_mean!.clone();
            bn.call(x);
            return bn.running_mean - a;
        }
    }

    private sealed class FunctionalStatistics : Module<Tensor, Tensor>
    {
        private readonly Tensor mean = zeros(3);
        private readonly Tensor variance = ones(3);

        public FunctionalStatistics() : base(nameof(FunctionalStatistics)) => RegisterComponents();

        public override Tensor forward(Tensor x)
        {
            var a = mean.clone();
            functional.batch_norm(x, mean, variance, training: true);
            return mean - a;
        }
    }

    private sealed class InstanceStatistics : Module<Tensor, Tensor>
    {
        private readonly InstanceNorm1d norm = InstanceNorm1d(3, momentum: 0.5, track_running_stats: true);

        public InstanceStatistics() : base(nameof(InstanceStatistics)) => RegisterComponents();

        public override Tensor forward(Tensor x)
        {
            var a = norm.running_mean!.clone();
            norm.call(x.unsqueeze(2).expand(-1, -1, 4));
            return norm.running_mean - a;
        }
    }

    [Fact]
    public void Statistics_before_and_after_a_batch_norm_are_two_values() => SameAfterPasses(() => new Statistics(), rand(4, 3));

    [Fact]
    public void So_they_are_with_the_function() => SameAfterPasses(() => new FunctionalStatistics(), rand(4, 3));

    [Fact]
    public void So_they_are_with_an_instance_norm() => SameAfterPasses(() => new InstanceStatistics(), rand(4, 3));

    /// <summary>Only its effect matters.</summary>
    private sealed class AddsFive() : Module<Tensor, Tensor>(nameof(AddsFive))
    {
        public override Tensor forward(Tensor h) => h.add_(5);
    }

    private sealed class CallsLeaf : Module<Tensor, Tensor>
    {
        private readonly AddsFive leaf = new();

        public CallsLeaf() : base(nameof(CallsLeaf)) => RegisterComponents();

        public override Tensor forward(Tensor x)
        {
            var h = x * 2;
            leaf.call(h);
            return h.neg();
        }
    }

    [Fact]
    public void A_leaf_of_the_user_s_keeps_its_effect()
    {
        var x = rand(2, 2);
        using var model = new CallsLeaf();
        var tracer = new LeafModuleAwareTracer(new() { leaf_modules = [typeof(AddsFive)] });
        using var traced = new GraphModule<Tensor, Tensor>(model, tracer.trace(model));
        PassManager.standard.call(traced);
        Traced.Same(-(x * 2 + 5), traced.call(x));
    }

    [Fact]
    public void A_requested_feature_is_protected_from_a_leaf_of_the_user_s()
    {
        var x = rand(2, 2);
        using var model = new CallsLeaf();
        using var extractor = feature_extraction.create_feature_extractor(model, ["mul", "neg"], tracer_kwargs: new() { leaf_modules = [typeof(AddsFive)] });
        using var features = extractor.call(x);
        Traced.Same(x * 2, features["mul"]);
        Traced.Same(-(x * 2 + 5), features["neg"]);
    }

    [Fact]
    public void The_optimised_copy_keeps_the_effect_of_a_leaf_of_the_user_s()
    {
        var x = rand(2, 2);
        using var model = new CallsLeaf();
        using var extractor = feature_extraction.create_feature_extractor(model, ["mul", "neg"], tracer_kwargs: new() { leaf_modules = [typeof(AddsFive)] });
        extractor.eval();
        using var optimised = extractor.optimize_for_inference();
        using var features = optimised.call(x);
        Traced.Same(x * 2, features["mul"]);
        Traced.Same(-(x * 2 + 5), features["neg"]);
    }

    [Fact]
    public void Parts_of_a_split_keep_their_effects_when_passes_run_on_the_whole()
    {
        var x = rand(2, 2);
        using var model = new Wrapped(h => h.add_(5));
        using var traced = fx.symbolic_trace(model);
        using var split = traced.split_module(node => node.name == "add_" ? 1 : node.name == "mul" ? 0 : node.name == "neg" ? 3 : 2);
        PassManager.standard.call(split);
        Traced.Same(-(x * 2 + 6), ((Module<Tensor, Tensor>)split).call(x));
    }

    [Fact]
    public void Parts_that_read_and_write_statistics_keep_their_order()
    {
        using var model = new Statistics();
        using var traced = fx.symbolic_trace(model);
        using var split = traced.split_module(node => node.name is "bn" ? "z" : node.name is "clone" ? "y" : "a");
        Assert.Equal(["submod_y", "submod_z", "submod_a"], split.graph.find_nodes(Opcode.call_module).Select(node => node.target.name));
    }

    /// <summary>A program and its graph after the passes, on models alike: result and state afterwards are the same.</summary>
    private static void SameAfterPasses(Func<Module<Tensor, Tensor>> make, Tensor x)
    {
        manual_seed(3);
        using var eager = make();
        manual_seed(3);
        using var source = make();
        using var traced = (GraphModule<Tensor, Tensor>)fx.symbolic_trace(source);
        PassManager.standard.call(traced);
        using var none = no_grad();
        for (var call = 0; call < 2; call++)
        {
            manual_seed(7);
            using var expected = eager.call(x.clone());
            manual_seed(7);
            using var actual = traced.call(x.clone());
            Traced.Same(expected, actual);
        }
        Assert.All(eager.state_dict(), entry => Traced.Same(entry.Value, source.state_dict()[entry.Key]));
    }
}

using TorchSharp.Fx.Tests.Runtime.Saving;
using TorchSharp.Fx.Tests.Tracing;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Runtime;

/// <summary>Hooks run in a graph where they run in the module: around <c>call</c>, not around <c>forward</c>. What is written to a file can't have them.</summary>
public sealed class HookTests
{
    private sealed class Block : Module<Tensor, Tensor>
    {
        internal TorchSharp.Modules.Linear Inner { get; } = Linear(3, 3);

        private readonly TorchSharp.Modules.Linear inner;

        internal Block() : base(nameof(Block))
        {
            inner = Inner;
            RegisterComponents();
        }

        public override Tensor forward(Tensor x) => inner.call(x).sin();
    }

    private sealed class Net : Module<Tensor, Tensor>
    {
        internal readonly TorchSharp.Modules.Linear called = Linear(3, 3);
        internal readonly TorchSharp.Modules.Linear forwarded = Linear(3, 3);
        internal readonly Block block = new();

        internal Net() : base(nameof(Net)) => RegisterComponents();

        public override Tensor forward(Tensor x) => block.call(forwarded.forward(called.call(x).relu()));
    }

    private static Tensor Doubled(nn.Module module, Tensor input, Tensor output) => output * 2;

    private static Tensor Shifted(nn.Module module, Tensor input) => input + 1;

    private static Net Hooked()
    {
        var net = new Net();
        net.called.register_forward_hook(Doubled);
        net.called.register_forward_pre_hook(Shifted);
        net.forwarded.register_forward_hook(Doubled);
        net.forwarded.register_forward_pre_hook(Shifted);
        net.block.register_forward_hook(Doubled);
        net.block.register_forward_pre_hook(Shifted);
        net.block.Inner.register_forward_hook(Doubled);
        net.eval();
        return net;
    }

    private static void Same(Tensor expected, Tensor actual)
        => Assert.True(allclose(expected, actual, rtol: 1e-5, atol: 1e-6), $"{expected.ToString(TensorStringStyle.Julia)} and {actual.ToString(TensorStringStyle.Julia)}");

    [Fact]
    public void Every_copy_of_a_graph_runs_the_hooks_that_eager_runs()
    {
        using var scope = NewDisposeScope();
        using var net = Hooked();
        using var traced = fx.symbolic_trace(net);
        var x = Traced.Sample(1, 2, 3);
        var expected = net.call(x);
        Same(expected, traced.call(x));
        Same(expected, (Tensor)new GraphInterpreter(traced).run(x)!);
        Same(expected, fx.symbolic_trace(net, example_inputs: [x]).call(x));
        Same(expected, traced.clone().call(x));
        Same(expected, traced.clone(share_parameters: true).call(x));
        Same(expected, optimization.fuse(traced).call(x));
        Same(expected, traced.optimize_for_inference().call(x));
        Same(expected, traced.split_module(node => node.name == "called").call(x));
        Same(expected, fx.symbolic_trace(traced).call(x));
        using var extractor = feature_extraction.create_feature_extractor(net, new() { ["block"] = "block", ["called"] = "called" });
        Same(expected, extractor.call(x)["block"] );
        Same(net.called.call(x), extractor.call(x)["called"]);
        Same(net.called.call(x), extractor.optimize_for_inference().call(x)["called"]);
    }

    [Fact]
    public void A_batch_norm_with_hooks_stays_and_so_does_the_layer_before()
    {
        using var scope = NewDisposeScope();
        var x = Traced.Sample(1, 1, 2, 5, 5);
        foreach (var hooked in new[] { 0, 1, 2 })
        {
            var (convolution, norm, relu) = (Conv2d(2, 2, 3), BatchNorm2d(2), ReLU());
            norm.running_mean!.fill_(0.5);
            using var model = Sequential(convolution, norm, relu);
            model.eval();
            if (hooked == 0)
                convolution.register_forward_hook(Doubled);
            else if (hooked == 1)
                norm.register_forward_pre_hook(Shifted);
            else
                relu.register_forward_hook(Doubled);
            using var traced = fx.symbolic_trace(model);
            Same(model.call(x), optimization.fuse(traced).call(x));
            Same(model.call(x), traced.optimize_for_inference().call(x));
        }
    }

    [Fact]
    public void The_roots_hooks_are_part_of_its_graph()
    {
        using var scope = NewDisposeScope();
        using var net = Hooked();
        net.register_forward_hook(Doubled);
        net.register_forward_pre_hook(Shifted);
        using var traced = fx.symbolic_trace(net);
        var x = Traced.Sample(1, 2, 3);
        Same(net.call(x), traced.call(x));
        Same(net.forward(x), fx.symbolic_trace((Func<Tensor, Tensor>)net.forward).call(x));
        using var extractor = feature_extraction.create_feature_extractor(net, ["called"]);
        using var pre = x + 1;
        Same(net.called.call(pre), extractor.call(x)["called"]);
    }

    [Fact]
    public void Hooks_that_come_and_go_later_are_those_of_shared_leaves()
    {
        using var scope = NewDisposeScope();
        using var net = new Net();
        using var traced = fx.symbolic_trace(net);
        using var copied = traced.clone();
        var x = Traced.Sample(1, 2, 3);
        var before = net.call(x);
        var onLeaf = net.called.register_forward_hook(Doubled);
        Same(net.call(x), traced.call(x));
        Same(before, copied.call(x));
        onLeaf.remove();
        Same(before, traced.call(x));
        // A module that was followed isn't there any more: it had no hooks when it was traced.
        net.block.register_forward_hook(Doubled);
        Same(before, traced.call(x));
    }

    [Fact]
    public void Hooks_of_a_graph_module_go_with_its_copies()
    {
        using var scope = NewDisposeScope();
        using var traced = fx.symbolic_trace(new Net());
        traced.eval();
        var calls = 0;
        traced.register_forward_hook((_, _, output) =>
        {
            calls++;
            return output * 3;
        });
        var x = Traced.Sample(1, 2, 3);
        var expected = traced.call(x);
        Same(expected, traced.clone().call(x));
        Same(expected, optimization.fuse(traced).call(x));
        Same(expected, traced.optimize_for_inference().call(x));
        Assert.Equal(4, calls);
    }

    [Fact]
    public void What_is_written_down_has_no_hooks()
    {
        using var net = Hooked();
        using var traced = fx.symbolic_trace(net);
        using var file = new SavedFile();
        Assert.Equal("Module 'called' can't be saved: it has hooks, and those are code. Remove them first.", Assert.Throws<NotSupportedException>(() => fx.save(traced, file.Path)).Message);
        var folder = Path.Combine(Path.GetTempPath(), Guid.NewGuid().ToString("N"));
        Assert.Equal("Module 'called' can't be written as a project: it has hooks, and those are code. Remove them first.", Assert.Throws<NotSupportedException>(() => traced.to_folder(folder, "Net")).Message);
        Assert.False(Directory.Exists(folder));

        using var plain = fx.symbolic_trace(new Net());
        plain.register_forward_hook(Doubled);
        Assert.Equal("The module can't be saved: it has hooks, and those are code. Remove them first.", Assert.Throws<NotSupportedException>(() => fx.save(plain, file.Path)).Message);
        Assert.Equal("The module can't be written as a project: it has hooks, and those are code. Remove them first.", Assert.Throws<NotSupportedException>(() => plain.to_folder(folder, "Net")).Message);
    }
}

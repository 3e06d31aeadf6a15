using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Passes;

/// <summary>Mirrors PyTorch's test_conv_bn_fusion and its kin in test_fx_experimental.</summary>
[Collection("Tensor counts")]
public sealed class FusionTests
{
    private sealed class Chain : Module<Tensor, Tensor>
    {
        private readonly ModuleList<Module<Tensor, Tensor>> layers;

        public Chain(params Module<Tensor, Tensor>[] layers) : base(nameof(Chain))
        {
            this.layers = new(layers);
            RegisterComponents();
        }

        public override Tensor forward(Tensor x)
        {
            foreach (var layer in layers)
                x = layer.call(x);
            return x;
        }
    }

    private sealed class Twice : Module<Tensor, Tensor>
    {
        private readonly Conv2d conv = Conv2d(3, 3, 1);
        private readonly BatchNorm2d norm = BatchNorm2d(3), second = BatchNorm2d(3);

        public Twice() : base(nameof(Twice)) => RegisterComponents();

        public override Tensor forward(Tensor x) => second.call(conv.call(norm.call(conv.call(x))));
    }

    private sealed class ReadTwice : Module<Tensor, Tensor>
    {
        private readonly Conv2d conv = Conv2d(3, 3, 1);
        private readonly BatchNorm2d norm = BatchNorm2d(3);

        public ReadTwice() : base(nameof(ReadTwice)) => RegisterComponents();

        public override Tensor forward(Tensor x)
        {
            x = conv.call(x);
            return norm.call(x) + x;
        }
    }

    private sealed class WeightRead : Module<Tensor, Tensor>
    {
        private readonly Conv2d conv = Conv2d(3, 3, 1);
        private readonly BatchNorm2d norm = BatchNorm2d(3);

        public WeightRead() : base(nameof(WeightRead)) => RegisterComponents();

        public override Tensor forward(Tensor x) => norm.call(conv.call(x)) + conv.weight!.sum();
    }

    private sealed class Functional : Module<Tensor, Tensor>
    {
        private readonly Conv2d conv = Conv2d(3, 4, 1);
        private readonly Tensor mean = rand(4), var = rand(4) + 1;

        public Functional() : base(nameof(Functional)) => RegisterComponents();

        public override Tensor forward(Tensor x) => functional.batch_norm(conv.call(x), mean, var);
    }

    private static readonly Dictionary<string, (Func<Module<Tensor, Tensor>> Make, long[] Input, int Norms)> Models = new()
    {
        ["one dimension"] = (() => new Chain(Conv1d(3, 4, 3), BatchNorm1d(4)), [2, 3, 8], 0),
        ["two dimensions, twice, without a bias"] = (() => new Chain(Conv2d(3, 4, 3, bias: false), BatchNorm2d(4), ReLU(), Conv2d(4, 6, 3, groups: 2, padding: 1, padding_mode: PaddingModes.Reflect), BatchNorm2d(6)), [2, 3, 8, 8], 0),
        ["three dimensions"] = (() => new Chain(Conv3d(3, 4, 2), BatchNorm3d(4)), [2, 3, 4, 4, 4], 0),
        ["norm without parameters"] = (() => new Chain(Conv2d(3, 4, 3), BatchNorm2d(4, affine: false)), [2, 3, 8, 8], 0),
        ["norm without statistics"] = (() => new Chain(Conv2d(3, 4, 3), BatchNorm2d(4, track_running_stats: false)), [2, 3, 8, 8], 1),
        ["linear"] = (() => new Chain(Linear(3, 4), BatchNorm1d(4), ReLU(), Linear(4, 5, hasBias: false), BatchNorm1d(5)), [6, 3], 0),
        ["linear on sequences"] = (() => new Chain(Linear(3, 4), BatchNorm1d(4)), [6, 4, 3], 1),
        ["transposed"] = (() => new Chain(ConvTranspose2d(3, 4, 3), BatchNorm2d(4)), [2, 3, 8, 8], 1),
        ["something between"] = (() => new Chain(Conv2d(3, 4, 3), ReLU(), BatchNorm2d(4)), [2, 3, 8, 8], 1),
        ["a convolution called twice"] = (() => new Twice(), [2, 3, 8, 8], 2),
        ["a convolution read twice"] = (() => new ReadTwice(), [2, 3, 8, 8], 1),
        ["a weight that is read directly"] = (() => new WeightRead(), [2, 3, 8, 8], 1),
        ["instance norm"] = (() => new Chain(Conv2d(3, 4, 3), InstanceNorm2d(4, track_running_stats: true)), [2, 3, 8, 8], 0),
        ["functions"] = (() => new Functional(), [2, 3, 8, 8], 0),
    };

    public static TheoryData<string> Names => [.. Models.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void The_fused_module_gives_the_same_without_its_norms(string name)
    {
        var (make, shape, norms) = Models[name];
        using var scope = NewDisposeScope();
        using var model = make();
        using (no_grad())
            foreach (var (_, tensor) in model.named_parameters().Select(entry => (entry.name, (Tensor)entry.parameter)).Concat(model.named_buffers().Where(entry => entry.buffer.is_floating_point())))
                tensor.copy_(rand_like(tensor) + 0.5);
        model.eval();
        using var traced = fx.symbolic_trace(model);
        var x = rand(shape);
        using var fused = optimization.fuse(traced, x);

        Assert.Equal(norms, fused.modules().OfType<BatchNorm>().Count());
        var expected = traced.call(x);
        Assert.True(expected.allclose(fused.call(x), 1e-5 * expected.std().item<float>(), 1e-5));
        // Nothing is shared: a change of the one has no effect on the other.
        Assert.Empty(fused.parameters().Intersect(model.parameters(), ReferenceEqualityComparer.Instance));
        using (no_grad())
            foreach (var parameter in fused.parameters())
                parameter.zero_();
        Assert.True(expected.bytes.SequenceEqual(traced.call(x).bytes));
    }

    [Fact]
    public void Linear_layers_need_to_know_their_shape()
    {
        using var model = Models["linear"].Make();
        model.eval();
        using var traced = fx.symbolic_trace(model);
        using var fused = optimization.fuse(traced);
        Assert.Equal(2, fused.modules().OfType<BatchNorm>().Count());
    }

    [Fact]
    public void The_parameters_keep_their_names_and_the_norms_are_gone()
    {
        using var model = Models["two dimensions, twice, without a bias"].Make();
        model.eval();
        using var traced = fx.symbolic_trace(model);
        using var fused = optimization.fuse(traced);
        Assert.Equal(["layers.0.bias", "layers.0.weight", "layers.3.bias", "layers.3.weight"], fused.named_parameters().Select(entry => entry.name).Order(StringComparer.Ordinal));
        Assert.Empty(fused.named_buffers());
    }

    [Fact]
    public void In_train_mode_it_is_refused()
    {
        using var model = Models["linear"].Make();
        using var traced = fx.symbolic_trace(model);
        Assert.Equal("Batch norm can't be fused in train mode, where it uses the statistics of each batch. Call eval() on the module first.",
            Assert.Throws<InvalidOperationException>(() => optimization.fuse(traced)).Message);
    }

    [Fact]
    public void A_fused_module_that_is_disposed_leaves_no_tensor()
    {
        using var model = Models["two dimensions, twice, without a bias"].Make();
        model.eval();
        using var traced = fx.symbolic_trace(model);
        // TorchSharp counts an object too many for each parameter that is made: seven copies, and four merged ones.
        Assert.Equal(Added(() => Made(7 + 4)), Added(() => optimization.fuse(traced).Dispose()));

        static long Added(Action work)
        {
            work();
            Collect();
            var before = Tensor.TotalCount;
            for (var i = 0; i < 10; i++)
                work();
            Collect();
            return Tensor.TotalCount - before;
        }

        // What other tests left goes in the first rounds: a finalizer may let go of what has one itself.
        static void Collect()
        {
            for (var round = 0; round < 4; round++)
            {
                GC.Collect();
                GC.WaitForPendingFinalizers();
            }
        }

        static void Made(int parameters)
        {
            for (var i = 0; i < parameters; i++)
            {
                using var values = rand(1);
                using var parameter = new Parameter(values);
            }
        }
    }
}

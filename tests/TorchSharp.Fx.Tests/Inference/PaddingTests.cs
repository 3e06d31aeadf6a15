using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Inference;

/// <summary>Paddings that are another before the input than behind it, as TensorFlow's "same", are part of the kernel that reads
/// them.</summary>
public sealed class PaddingTests
{
    private sealed class Same(PaddingModes mode, bool keeps) : Module<Tensor, Tensor>("same")
    {
        private readonly Conv2d conv = Conv2d(3, 8, (3, 5), stride: (2, 2), bias: true);
        private readonly BatchNorm2d norm = BatchNorm2d(8);
        private readonly MaxPool2d pool = MaxPool2d(3, 2);
        private readonly Conv2d last = Conv2d(8, 4, 3, padding: 1, groups: 2);

        public override Tensor forward(Tensor x)
        {
            var padded = functional.pad(x, [2, 1, 0, 1], mode, 0);
            var y = norm.call(conv.call(padded)).relu();
            var z = last.call(functional.pad(pool.call(functional.pad(y, [1, 0, 0, 1], PaddingModes.Constant, double.NegativeInfinity)), [0, 1], PaddingModes.Constant, 0));
            return keeps ? z + padded.sum() : z;
        }

        internal Same Registered()
        {
            RegisterComponents();
            eval();
            return this;
        }
    }

    [Theory, InlineData(PaddingModes.Constant, false, 0), InlineData(PaddingModes.Constant, true, 1), InlineData(PaddingModes.Reflect, false, 1)]
    public void A_padding_that_a_kernel_alone_reads_is_part_of_it(PaddingModes mode, bool keeps, int left)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var model = new Same(mode, keeps).Registered();
        using var traced = fx.symbolic_trace<Tensor, Tensor>(model);
        using var optimised = traced.optimize_for_inference();
        if (Dnnl.IsAvailable)
            Assert.Equal(left, optimised.graph.nodes.Count(node => node.target.name == "pad"));
        foreach (var x in new[] { randn(2, 3, 16, 17), randn(1, 3, 9, 12), randn(1, 3, 33, 8) })
            Assert.True(model.call(x).allclose(optimised.call(x), 1e-4, 1e-5));
        optimised.to(ScalarType.Float64);
        Assert.True(model.call(ones(1, 3, 9, 9)).allclose(optimised.call(ones(1, 3, 9, 9).to(float64)).to(float32), 1e-4, 1e-5));
    }

    [Fact]
    public void A_padding_as_wide_as_a_window_stays()
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var pool = MaxPool2d(2, 2);
        using var traced = fx.symbolic_trace((Tensor x) => pool.call(functional.pad(x, [2, 0], PaddingModes.Constant, double.NegativeInfinity)));
        using var optimised = traced.optimize_for_inference();
        Assert.Contains(optimised.graph.nodes, node => node.target.name == "pad");
        var x = rand(1, 2, 4, 4);
        Assert.True(traced.call(x)[.., .., .., 1..].equal(optimised.call(x)[.., .., .., 1..]).all().ToBoolean());
    }

    private static readonly Dictionary<string, (Func<Tensor, Tensor> Program, int Left)> Empty = new()
    {
        ["read"] = (x => functional.pad(x, [0, 0, 0, 0]).relu() + 1, 0),
        ["returned"] = (x => functional.pad(x, [0, 0]), 1),
        ["written"] = (x => x + functional.pad(x, [0, 0]).add_(1), 1),
        ["its input is written"] = (Copied, 1),
        ["not empty"] = (x => functional.pad(x, [0, 1]).relu() + 1, 1),
    };

    public static TheoryData<string> Paddings => [.. Empty.Keys];

    private static Tensor Copied(Tensor x)
    {
        x = x * 2;
        var before = functional.pad(x, [0, 0]);
        x.add_(1);
        return before * x;
    }

    [Theory, MemberData(nameof(Paddings))]
    public void A_padding_by_nothing_goes_where_no_copy_is_needed(string name)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var (program, left) = Empty[name];
        using var traced = fx.symbolic_trace(program);
        using var optimised = traced.optimize_for_inference();
        Assert.Equal(left, optimised.graph.nodes.Count(node => node.target.name == "pad"));
        var x = randn(2, 3);
        var before = x.clone();
        var (expected, actual) = (program(x), optimised.call(x));
        Assert.True(expected.equal(actual).all().ToBoolean());
        actual.zero_();
        Assert.True(before.equal(x).all().ToBoolean());
    }
}

using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Inference;

/// <summary>Kernels lay their results out otherwise than the program does: what goes by the order in memory still gets the program's.</summary>
[Collection(nameof(FeatureExtraction.Alone))] // they seed the generator that all share
public sealed class KeptLayoutTests : IDisposable
{
    private readonly DisposeScope scope = NewDisposeScope();

    public void Dispose() => scope.Dispose();

    private sealed class Convolution() : Module<Tensor, Tensor>("convolution")
    {
        internal required Func<Tensor, Tensor> After { get; init; }

        internal readonly TorchSharp.Modules.Conv2d conv = Conv2d(3, 8, 3);

        public override Tensor forward(Tensor x) => After(conv.call(x));
    }

    private static readonly Dictionary<string, Func<Tensor, Tensor>> AfterConvolutions = new()
    {
        ["a view"] = x => x.view(2, -1),
        ["a view of an activation"] = x => x.relu().view(2, -1),
        ["a view of a pool"] = x => functional.max_pool2d(x, 2).view(2, -1),
        ["a view of a sum"] = x => (x + x.mean([2, 3], keepdim: true)).view(2, -1),
        ["a view of a permuted one"] = x => x.permute(1, 0, 2, 3).view(8, 2, -1),
        ["a view that is written to"] = x => { x.view(2, -1)[0].fill_(1); return x; },
        ["strides of one's own"] = x => x.as_strided([2, 5], [3, 2], 4),
        ["a stride"] = x => x.stride(1) == 36 ? x * 2 : x,
        ["whether it is contiguous"] = x => x.is_contiguous() ? x * 2 : x,
        ["draws like it"] = x => { manual_seed(3); return x + rand_like(x); },
        ["draws like a part"] = x => { manual_seed(3); return x[.., 1..] + rand_like(x[.., 1..]); },
        ["dropout in training"] = x => { manual_seed(3); return functional.dropout(x, 0.5, training: true); },
    };

    public static TheoryData<string> Names => [.. AfterConvolutions.Keys];

    [Theory, MemberData(nameof(Names))]
    public void What_follows_a_convolution_sees_the_programs_order(string name)
    {
        using var mode = no_grad();
        var model = new Convolution { After = AfterConvolutions[name] };
        model.eval();
        Compare(model, rand(2, 3, 8, 8));
    }

    private static readonly Dictionary<string, Func<Tensor, Tensor>> AfterAttention = new()
    {
        ["a view of the function's"] = x => functional.scaled_dot_product_attention(x, x, x, null!, 0, false).view(6, 5, 4),
        ["a view of the function's whose queries lie otherwise"] = x =>
        {
            var q = x.permute(2, 0, 1, 3).contiguous().permute(1, 2, 0, 3);
            return functional.scaled_dot_product_attention(q, q, q, null!, 0, false).permute(2, 0, 1, 3).view(10, 12);
        },
        ["a view of one that is spelled out"] = x => (x.matmul(x.transpose(-2, -1)) * 0.5).softmax(-1).matmul(x).view(6, 5, 4),
        ["strides of one's own"] = x => (x.matmul(x.transpose(-2, -1)) * 0.5).softmax(-1).matmul(x).as_strided([3], [2]),
    };

    public static TheoryData<string> AttentionNames => [.. AfterAttention.Keys];

    [Theory, MemberData(nameof(AttentionNames))]
    public void What_follows_attention_sees_the_programs_order(string name)
    {
        using var mode = no_grad();
        using var traced = fx.symbolic_trace(AfterAttention[name], suppress_trace_warning: true);
        using var optimised = traced.optimize_for_inference();
        var x = rand(2, 3, 5, 4);
        Assert.True(AfterAttention[name](x).allclose(optimised.call(x), 1e-4, 1e-5));
    }

    [Fact]
    public void A_convolution_whose_order_nobody_reads_stays_as_it_is()
    {
        using var model = Sequential(Conv2d(3, 8, 3), ReLU(), Conv2d(8, 8, 3), Flatten());
        model.eval();
        using var optimised = fx.symbolic_trace(model).optimize_for_inference();
        Assert.DoesNotContain(optimised.graph.nodes, node => node.target.name == "contiguous");
    }

    private static void Compare(Module<Tensor, Tensor> model, Tensor x)
    {
        using var traced = fx.symbolic_trace(model, suppress_trace_warning: true, example_inputs: [x]);
        using var optimised = traced.optimize_for_inference();
        var (expected, actual) = (model.call(x), optimised.call(x));
        Assert.True(expected.allclose(actual, 1e-4, 1e-5));
    }
}

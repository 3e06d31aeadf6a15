using TorchSharp.Fx.Tests.Runtime.Saving;
using TorchSharp.Fx.Tests.Tracing;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Runtime;

/// <summary>Weights and modules that several places share: every pass computes what the module does, and a copy keeps the ties.</summary>
public sealed class TiedWeightTests
{
    private static Module<Tensor, Tensor> TiedConvolutions()
    {
        var (a, b) = (Conv2d(2, 2, 3, padding: 1), Conv2d(2, 2, 3, padding: 1));
        b.weight = a.weight;
        return Sequential(a, Normalised(), b);
    }

    private static Module<Tensor, Tensor> TiedBehindTheFirst()
    {
        var (a, b) = (Conv2d(2, 2, 3, padding: 1), Conv2d(2, 2, 3, padding: 1));
        b.weight = a.weight;
        b.bias = a.bias;
        return Sequential(a, ReLU(), b, Normalised());
    }

    private static Module<Tensor, Tensor> SharedNorm()
    {
        var norm = Normalised();
        return Sequential(("a", Conv2d(2, 2, 3, padding: 1)), ("norm", norm), ("b", Conv2d(2, 2, 1)), ("again", norm));
    }

    private static Module<Tensor, Tensor> CalledTwice()
    {
        var convolution = Conv2d(2, 2, 3, padding: 1);
        return Sequential(("a", convolution), ("norm", Normalised()), ("b", convolution), ("relu", ReLU()));
    }

    private static TorchSharp.Modules.BatchNorm2d Normalised()
    {
        var norm = BatchNorm2d(2);
        using var mode = no_grad();
        norm.running_mean!.fill_(0.25);
        norm.running_var!.fill_(2);
        norm.weight!.fill_(1.5);
        norm.bias!.fill_(-0.5);
        return norm;
    }

    public static TheoryData<string> Models { get; } = [nameof(TiedConvolutions), nameof(TiedBehindTheFirst), nameof(SharedNorm), nameof(CalledTwice)];

    private static Module<Tensor, Tensor> Make(string model) => model switch
    {
        nameof(TiedConvolutions) => TiedConvolutions(),
        nameof(TiedBehindTheFirst) => TiedBehindTheFirst(),
        nameof(SharedNorm) => SharedNorm(),
        _ => CalledTwice(),
    };

    [Theory]
    [MemberData(nameof(Models))]
    public void Every_pass_computes_what_the_model_does(string model)
    {
        using var scope = NewDisposeScope();
        using var module = Make(model);
        module.eval();
        using var traced = fx.symbolic_trace(module);
        using var file = new SavedFile();
        var x = Traced.Sample(1, 1, 2, 5, 5);
        var expected = module.call(x);
        Same(expected, traced.call(x));
        Same(expected, optimization.fuse(traced).call(x));
        Same(expected, optimization.fuse(optimization.fuse(traced)).call(x));
        Same(expected, optimization.fuse(traced).clone().call(x));
        Same(expected, traced.optimize_for_inference().call(x));
        Same(expected, traced.optimize_for_inference().clone().call(x));
        Same(expected, traced.clone().call(x));
        Same(expected, traced.split_module(node => node.users.Count > 0 && node.all_input_nodes[0].op == Opcode.placeholder).call(x));
        Same(expected, ((Module<Tensor, Tensor>)file.Through(traced)).call(x));
        Same(expected, traced.call(x));
        Same(expected, module.call(x));
    }

    [Fact]
    public void A_copy_keeps_the_ties()
    {
        using var module = TiedConvolutions();
        module.eval();
        using var traced = fx.symbolic_trace(module);
        using var copy = traced.clone();
        var (first, last) = (Of(copy, "0"), Of(copy, "2"));
        Assert.Same(first.weight, last.weight);
        Assert.NotSame(Of(traced, "0").weight, first.weight);
    }

    private static TorchSharp.Modules.Conv2d Of(nn.Module module, string path) => (TorchSharp.Modules.Conv2d)module.named_modules().Single(entry => entry.name == path).module;

    private static void Same(Tensor expected, Tensor actual) => Assert.True(allclose(expected, actual, rtol: 1e-4, atol: 1e-5));
}

using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Inference;

/// <summary>Models that write to their own weights while they run: an optimised copy computes with what is written, not with what was there when it was made.</summary>
public sealed class WrittenWeightTests
{
    private sealed class Writing : Module<Tensor, Tensor>
    {
        private readonly string kind;
        private readonly Linear fc = Linear(4, 4), tied = Linear(4, 4), again;
        private readonly Embedding table = Embedding(4, 4, max_norm: 0.5);
        private readonly Conv1d conv = Conv1d(4, 4, 1);
        private readonly BatchNorm1d bn = BatchNorm1d(4), plain = BatchNorm1d(4);

        internal Writing(string kind) : base("Writing")
        {
            (this.kind, tied.weight, again) = (kind, fc.weight, fc);
            RegisterComponents();
        }

        public override Tensor forward(Tensor x)
        {
            using (no_grad())
                Write();
            return kind switch
            {
                "function's bias" or "function's weight" => functional.linear(x, fc.weight!, fc.bias),
                "view of the weight" or "layer" => fc.call(x),
                "tied layer" => tied.call(x),
                "second name" => again.call(x),
                "table" => functional.linear(x, table.weight!) + table.call(tensor(new long[] { 0, 1, 2, 3 })),
                "norm" or "norm's weight" => bn.call(conv.call(x.unsqueeze(2))).squeeze(2),
                "convolution" => bn.call(conv.call(x.unsqueeze(2))).squeeze(2),
                _ => plain.call(x),
            };
        }

        private Tensor Write() => kind switch
        {
            "function's weight" or "tied layer" or "second name" or "layer" => fc.weight!.mul_(0.5),
            "view of the weight" => fc.weight!.t()[0].add_(1),
            "norm" => bn.running_mean!.add_(1),
            "norm's weight" => bn.weight!.add_(1),
            "convolution" => conv.weight!.mul_(2),
            "norm alone" => plain.running_var!.mul_(2),
            _ => fc.bias!.add_(1),
        };
    }

    [Fact]
    public void What_a_copy_keeps_of_a_layer_has_its_name()
    {
        using var model = Sequential(("conv", Conv2d(3, 8, 3)), ("bn", BatchNorm2d(8)), ("norm", LayerNorm(4)));
        model.eval();
        using var traced = fx.symbolic_trace(model);
        using var optimised = traced.optimize_for_inference();
        Assert.Equal(["conv.bias", "norm.bias", "norm.weight"], optimised.state_dict().Keys.Order(StringComparer.Ordinal));
    }

    public static TheoryData<string> Kinds =>
    [
        "function's bias", "function's weight", "layer", "view of the weight", "tied layer", "second name", "table", "norm", "norm's weight", "convolution", "norm alone",
    ];

    [Theory, MemberData(nameof(Kinds))]
    public void An_optimised_copy_sees_them(string kind) => Compare(kind, traced => traced.optimize_for_inference());

    [Theory, MemberData(nameof(Kinds))]
    public void A_fused_copy_sees_them(string kind) => Compare(kind, traced => optimization.fuse(traced));

    private static void Compare(string kind, Func<GraphModule<Tensor, Tensor>, GraphModule<Tensor, Tensor>> make)
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        var model = new Writing(kind);
        model.eval();
        var optimised = make(fx.symbolic_trace(model, suppress_trace_warning: true));
        for (var call = 0; call < 3; call++)
        {
            var x = rand(4, 4);
            Assert.True(model.call(x).allclose(optimised.call(x), 1e-4, 1e-5), $"call {call}");
        }
    }
}

using TorchSharp.Fx.Tests.Tracing;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.State;

/// <summary>Tensors that a model keeps without registering them, and writes to.</summary>
public sealed class UnregisteredTensorTests
{
    private sealed class Keeping(Func<Tensor, Tensor, Tensor> body) : nn.Module<Tensor, Tensor>("Keeping")
    {
        private readonly Tensor[] kept = [full([4], 0.5f)];

        public override Tensor forward(Tensor x) => body(kept[0], x);
    }

    public static TheoryData<string> Right => ["add", "view", "symbol first", "after", "view of a list"];

    private static Tensor Run(string kind, Tensor kept, Tensor x) => kind switch
    {
        "add" => kept.add_(0.25) + x,
        "view" => kept[..2].add_(0.25).sum() + kept + x,
        "symbol first" => kept.mul_(x) + kept.sum(),
        "after" => kept.add_(0.25).sum() + (kept * 2) + x,
        "view of a list" => broadcast_tensors(kept, kept)[0].add_(0.25).sum() + x,
        "list" => x + cat([kept, kept]).sum() + kept.add_(0.25),
        "mean" => x + kept.mean() + kept.add_(0.25),
        _ => x + kept.reshape(2, 2).max() * kept.narrow(0, 0, 2).add_(0.25).sum(),
    };

    [Theory, MemberData(nameof(Right))]
    public void Writes_add_up_over_calls_as_in_eager(string kind)
    {
        var (model, eager) = (new Keeping((kept, x) => Run(kind, kept, x)), new Keeping((kept, x) => Run(kind, kept, x)));
        using var traced = fx.symbolic_trace(model, suppress_trace_warning: true);
        for (var call = 0; call < 3; call++)
            Traced.Same(eager.call(ones(4)), traced.call(ones(4)));
    }

    [Theory, InlineData("mean", "Tensor.mean"), InlineData("list", "torch.cat"), InlineData("max of a view", "Tensor.max")]
    public void What_was_computed_of_it_before_the_write_is_no_constant(string kind, string reader)
    {
        var refused = Assert.Throws<TraceException>(() => fx.symbolic_trace(new Keeping((kept, x) => Run(kind, kept, x))));
        Assert.StartsWith($"FX013: The program writes to a tensor that the model keeps without having registered it, after {reader} computed with it: that result would be a constant of the graph.", refused.Message, StringComparison.Ordinal);
    }
}

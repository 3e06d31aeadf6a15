using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.Passes;

/// <summary>The caller still has its inputs after a call: a write to one is no dead code.</summary>
public sealed class InputWriteTests
{
    private sealed class WritesLast() : nn.Module<Tensor, List<Tensor>, Tensor>("M")
    {
        public override Tensor forward(Tensor x, List<Tensor> others)
        {
            var y = x * 0.5;
            x.narrow(0, 1, 2).add_(2);
            others[1].mul_(3);
            return y;
        }
    }

    [Fact]
    public void Writes_to_inputs_outlive_the_passes()
    {
        using var scope = NewDisposeScope();
        using var model = new WritesLast();
        using var traced = fx.symbolic_trace(model);
        PassManager.standard.call(traced);
        var (x, first, second) = (ones(3), ones(2), ones(2));
        var y = traced.call(x, [first, second]);
        Assert.Equal([0.5f, 0.5f, 0.5f], y.data<float>().ToArray());
        Assert.Equal([1f, 3f, 3f], x.data<float>().ToArray());
        Assert.Equal([1f, 1f], first.data<float>().ToArray());
        Assert.Equal([3f, 3f], second.data<float>().ToArray());
    }
}

using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Tracing.Examples;

/// <summary>How long the tensors live that example inputs need.</summary>
[Collection("Tensor counts")]
public sealed class ExampleLifetimeTests
{
    /// <summary>Disposes what it has no more use for, as TorchSharp's Sequential does, and sees whether that helped.</summary>
    private sealed class Frugal() : Module<Tensor, Tensor>(nameof(Frugal))
    {
        public override Tensor forward(Tensor x)
        {
            var before = Tensor.TotalCount;
            var y = x.relu();
            for (var i = 0; i < 20; i++)
            {
                var next = y * 2;
                y.Dispose();
                y = next;
            }
            if (Tensor.TotalCount - before > 3)
                throw new InvalidOperationException($"{Tensor.TotalCount - before} tensors live.");
            return y;
        }
    }

    [Fact]
    public void What_the_program_disposes_is_not_kept_while_tracing()
    {
        using var x = rand(2, 3);
        var graph = new Tracer().trace(new Frugal(), example_inputs: [x]);
        Assert.Equal(23, graph.nodes.Count());
        Assert.False(x.IsInvalid);
    }

    [Fact]
    public void No_tensor_stays_after_the_trace()
    {
        using var x = rand(2, 3);
        using var model = Sequential(("first", Linear(3, 4)), ("norm", BatchNorm1d(4)), ("last", Linear(4, 2)));
        LiveTensors.AssertStay(() => new Tracer().trace(model, example_inputs: [x]), 10);
    }
}

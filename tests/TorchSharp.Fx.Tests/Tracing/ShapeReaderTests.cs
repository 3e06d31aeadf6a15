using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.Tracing;

/// <summary>Members that tell a tensor's shape or validity read no content.</summary>
public sealed class ShapeReaderTests
{
    private sealed class Flat : nn.Module<Tensor, Tensor>
    {
        public Flat() : base(nameof(Flat)) { }

        public override Tensor forward(Tensor x)
        {
            var shape = x.IntShape();
            return x.IsInvalid ? x : x.reshape(shape[0], shape[1] * shape[2]) * shape.Length;
        }
    }

    [Fact]
    public void A_span_of_the_sizes_is_followed_by_example()
    {
        using var scope = NewDisposeScope();
        using var model = new Flat();
        using var traced = fx.symbolic_trace(model, example_inputs: [randn(2, 3, 4)]);
        foreach (var shape in new long[][] { [2, 3, 4], [5, 2, 3] })
        {
            var x = randn(shape);
            Traced.Same(model.call(x), traced.call(x));
        }
    }
}

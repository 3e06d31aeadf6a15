using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Tracing.Tensors;

/// <summary>torch.nn.functional, and blocks that switch gradients.</summary>
public class FunctionalTests
{
    private sealed class Functionals : Module<Tensor, Tensor>
    {
        private readonly Parameter weight = Parameter(rand(8));

        public Functionals() : base("Functionals") => RegisterComponents();

        public override Tensor forward(Tensor x)
        {
            x = functional.relu(x);
            x = functional.dropout(x, 0.5, training: training);
            x = functional.interpolate(x, size: [x.shape[2] * 2, 8], mode: InterpolationMode.Bilinear, align_corners: false);
            x = functional.pad(x, [1, 1, 0, 0], PaddingModes.Constant, 0);
            x = functional.avg_pool2d(x, 2, 1, padding: 0)[.., .., .., ..8];
            x = functional.layer_norm(x, [8], weight, weight);
            return functional.softmax(x, dim: -1) + functional.gelu(x) + functional.normalize(x, 2, 1);
        }
    }

    [Fact]
    public void Functions_are_nodes() => Traced.Check(new Functionals(), "?", [rand(1, 2, 4, 4)], [rand(2, 3, 6, 4)]);

    private sealed class Attention() : Module<Tensor, Tensor, Tensor>("Attention")
    {
        public override Tensor forward(Tensor x, Tensor target)
        {
            var attended = functional.scaled_dot_product_attention(x, x, x, is_casual: true);
            return functional.cross_entropy(attended.flatten(0, 2), target) + functional.mse_loss(attended, x, Reduction.Mean);
        }
    }

    [Fact]
    public void Attention_and_losses_are_nodes() => Traced.Check(new Attention(), "?", [rand(1, 2, 3, 4), tensor(new long[] { 0, 1, 2, 3, 0, 1 })]);

    private sealed class NoGrad() : Module<Tensor, Tensor>("NoGrad")
    {
        public override Tensor forward(Tensor x)
        {
            Tensor y;
            using (no_grad())
                y = x * 2;
            using (inference_mode())
                y = y.clone() + 1;
            return x + y;
        }
    }

    [Fact]
    public void Blocks_without_gradients_leave_no_node() => Traced.Check(new NoGrad(), "?", [rand(2)]);

    [Fact]
    public void Tracing_leaves_gradients_as_they_were()
    {
        Traced.Graph(new NoGrad());
        Assert.True(is_grad_enabled());
    }
}

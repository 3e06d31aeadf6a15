using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Tracing.Tensors;

/// <summary>Blocks as real repositories write them: what counts is that they trace and give what eager gives, on two shapes.</summary>
[Collection("Tensor counts")]
public class BlockTests
{
    private sealed class RotaryAttention : Module<Tensor, Tensor?, Tensor>
    {
        private readonly int heads;
        private readonly int headDim;
        private readonly Linear qkv;
        private readonly Linear proj;
        private readonly Dropout drop = Dropout(0.1);
        private readonly Tensor inv_freq;

        public RotaryAttention(int dim, int heads) : base("RotaryAttention")
        {
            (this.heads, headDim) = (heads, dim / heads);
            qkv = Linear(dim, dim * 3, hasBias: false);
            proj = Linear(dim, dim);
            inv_freq = 1.0 / pow(10000.0, arange(0, headDim, 2, dtype: ScalarType.Float32) / headDim);
            register_buffer("inv_freq", inv_freq);
            RegisterComponents();
        }

        public override Tensor forward(Tensor x, Tensor? mask)
        {
            using var scope = NewDisposeScope();
            var (b, t, c) = (x.shape[0], x.shape[1], x.shape[2]);
            var parts = qkv.forward(x).view(b, t, 3, heads, headDim).permute(2, 0, 3, 1, 4);
            var (q, k, v) = (parts[0], parts[1], parts[2]);
            var (cos, sin) = Tables(t, x.device);
            q = Rotate(q, cos, sin);
            k = Rotate(k, cos, sin);
            var scores = q.matmul(k.transpose(-2, -1)) / Math.Sqrt(headDim);
            if (mask is not null)
                scores = scores.masked_fill(mask[.., .., ..(int)t, ..(int)t] == 0, float.NegativeInfinity);
            var weights = drop.forward(functional.softmax(scores, dim: -1));
            return proj.forward(weights.matmul(v).transpose(1, 2).contiguous().view(b, t, c)).MoveToOuterDisposeScope();
        }

        private (Tensor, Tensor) Tables(long length, Device device)
        {
            var positions = arange(length, dtype: ScalarType.Float32, device: device);
            var angles = outer(positions, inv_freq);
            var both = cat([angles, angles], dim: -1);
            return (both.cos(), both.sin());
        }

        private static Tensor Rotate(Tensor x, Tensor cos, Tensor sin)
        {
            var half = x.shape[^1] / 2;
            var x1 = x[TensorIndex.Ellipsis, TensorIndex.Slice(null, half)];
            var x2 = x[TensorIndex.Ellipsis, TensorIndex.Slice(half)];
            return x * cos + cat([-x2, x1], -1) * sin;
        }
    }

    private sealed class EncoderLayer : Module<Tensor, Tensor>
    {
        private readonly RotaryAttention attention = new(8, 2);
        private readonly LayerNorm norm1 = LayerNorm(8);
        private readonly LayerNorm norm2 = LayerNorm([8]);
        private readonly Sequential mlp = Sequential(("fc1", Linear(8, 16)), ("act", GELU()), ("fc2", Linear(16, 8)));
        private readonly Tensor causal = tril(ones(16, 16)).view(1, 1, 16, 16);

        public EncoderLayer() : base("EncoderLayer")
        {
            register_buffer("causal", causal);
            RegisterComponents();
        }

        public override Tensor forward(Tensor x)
        {
            x = x + attention.forward(norm1.forward(x), causal);
            return x + mlp.forward(norm2.forward(x));
        }
    }

    [Fact]
    public void Transformer_encoder_with_rotary_embedding() => Traced.Runs(new EncoderLayer(), [rand(2, 5, 8)], [rand(1, 9, 8)]);

    private sealed class ElmanLoop : Module<Tensor, (Tensor Outputs, Tensor Last)>
    {
        private readonly Linear inputs = Linear(3, 4);
        private readonly Linear hidden = Linear(4, 4);
        private readonly int steps = 3;

        public ElmanLoop() : base("ElmanLoop") => RegisterComponents();

        public override (Tensor Outputs, Tensor Last) forward(Tensor x)
        {
            var h = zeros(x.shape[0], 4, dtype: x.dtype, device: x.device);
            var outputs = new List<Tensor>(steps);
            for (var t = 0; t < steps; t++)
            {
                h = tanh(inputs.forward(x[.., t]) + hidden.forward(h));
                outputs.Add(h);
            }
            return (stack(outputs, dim: 1), h);
        }
    }

    [Fact]
    public void Recurrent_loop_over_static_steps() => Traced.Runs(new ElmanLoop(), [rand(2, 3, 3)], [rand(5, 4, 3)]);

    private sealed record Reconstruction(Tensor Image, Tensor Mean, Tensor LogVar);

    private sealed class Autoencoder : Module<Tensor, Reconstruction>
    {
        private readonly Linear encoder = Linear(6, 8);
        private readonly Linear decoder = Linear(4, 6);

        public Autoencoder() : base("Autoencoder") => RegisterComponents();

        public override Reconstruction forward(Tensor x)
        {
            using var d = NewDisposeScope();
            var parts = encoder.call(x.flatten(1)).chunk(2, dim: 1);
            var (mean, logVar) = (parts[0], parts[1].clamp(-30, 20));
            var z = training ? mean + randn_like(logVar) * (0.5 * logVar).exp() : mean;
            var image = decoder.call(z).sigmoid().view_as(x);
            return new Reconstruction(image.MoveToOuterDisposeScope(), mean.MoveToOuterDisposeScope(), logVar.MoveToOuterDisposeScope());
        }
    }

    [Fact]
    public void Variational_autoencoder()
    {
        var graph = Traced.Runs(new Autoencoder(), [rand(2, 2, 3)], [rand(4, 3, 2)]);
        Assert.Contains(graph.nodes, node => node.target.name == "randn_like");
    }
}

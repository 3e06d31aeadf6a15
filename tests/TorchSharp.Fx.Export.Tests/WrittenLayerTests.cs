using Xunit;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Export.Tests;

/// <summary>TorchSharp's layers that are many operations of ATen give after being written and read what they give here.</summary>
public sealed class WrittenLayerTests : IDisposable
{
    private readonly DisposeScope scope = NewDisposeScope();

    public void Dispose() => scope.Dispose();

    private sealed class Attending(TorchSharp.Modules.MultiheadAttention attention, bool weights) : Module<Tensor, Tensor, Tensor>("attending")
    {
        internal TorchSharp.Modules.MultiheadAttention Attention { get; } = attention;

        public override Tensor forward(Tensor x, Tensor y)
        {
            var (result, shown) = Attention.call(x, y, y, need_weights: weights);
            return weights ? shown : result;
        }
    }

    [Theory, InlineData(1, false, false, false), InlineData(4, false, false, true), InlineData(2, true, false, false),
        InlineData(8, false, true, true)]
    public void Attention(int heads, bool learned, bool zero, bool weights)
    {
        Module<Tensor, Tensor, Tensor> model = new Attending(MultiheadAttention(8, heads, add_bias_kv: learned, add_zero_attn: zero),
            weights);
        Same(model, model.call, rand(3, 2, 8), rand(5, 2, 8));
    }

    private sealed class Masked() : Module<Tensor, Tensor, Tensor, Tensor>("masked")
    {
        internal TorchSharp.Modules.MultiheadAttention Attention { get; } = MultiheadAttention(8, 2);

        public override Tensor forward(Tensor x, Tensor padding, Tensor mask)
            => Attention.call(x, x, x, padding > 0, false, mask).Item1 + Attention.call(x, x, x, null, false, mask > 10).Item1;
    }

    [Fact]
    public void AttentionWithMasks()
    {
        Module<Tensor, Tensor, Tensor, Tensor> model = new Masked();
        Same(model, model.call, rand(3, 2, 8), tensor(new float[,] { { 0, 0, 1 }, { 0, 1, 0 } }), randn(3, 3));
    }

    [Theory, InlineData(Activations.ReLU), InlineData(Activations.GELU)]
    public void Transformers(Activations activation)
    {
        var (layer, encoder) = (TransformerEncoderLayer(8, 4, 16, 0.1, activation),
            TransformerEncoder(TransformerEncoderLayer(8, 2, 16, 0.1, activation), 2));
        var decoder = TransformerDecoder(TransformerDecoderLayer(8, 4, 16, 0.1, activation), 2);
        encoder.eval();
        decoder.eval();
        Same(Sequential(("layer", layer)), x => layer.call(x[0], null!, null!), rand(3, 2, 8));
        Same(new Called<TorchSharp.Modules.TransformerEncoder>(encoder, (inner, x) => inner.call(x[0], x[1], null!)), x
            => encoder.call(x[0], x[1], null!), rand(3, 2, 8), randn(3, 3));
        Same(new Called<TorchSharp.Modules.TransformerDecoder>(decoder, (inner, x) => inner.call(x[0], x[1])), x => decoder.call(x[0], x[1]),
            rand(3, 2, 8), rand(4, 2, 8));
    }

    /// <summary>A layer and how it is called on two tensors.</summary>
    private sealed class Called<T>(T layer, Func<T, Tensor[], Tensor> run) : Module<Tensor, Tensor, Tensor>("called") where T : Module
    {
        internal T Layer { get; } = layer;

        public override Tensor forward(Tensor x, Tensor y) => run(Layer, [x, y]);
    }

    private sealed class Stepping(NonLinearities kind) : Module<Tensor, Tensor>("stepping")
    {
        internal TorchSharp.Modules.RNNCell Plain { get; } = RNNCell(4, 3, kind);

        internal TorchSharp.Modules.GRUCell Gated { get; } = GRUCell(4, 3);

        internal TorchSharp.Modules.LSTMCell Long { get; } = LSTMCell(4, 3, bias: false);

        public override Tensor forward(Tensor x)
        {
            var h = Gated.call(x, Plain.call(x, null!));
            var (next, cell) = Long.call(x, (h, h + 1));
            return next + cell + Gated.call(x, null!);
        }
    }

    [Theory, InlineData(NonLinearities.Tanh), InlineData(NonLinearities.ReLU)]
    public void Cells(NonLinearities kind)
    {
        Module<Tensor, Tensor> model = new Stepping(kind);
        Same(model, x => model.call(x[0]), rand(2, 4));
    }

    [Theory, InlineData(EmbeddingBagMode.Sum), InlineData(EmbeddingBagMode.Mean), InlineData(EmbeddingBagMode.Max)]
    public void Bags(EmbeddingBagMode mode)
    {
        var bag = EmbeddingBag(6, 4, mode: mode);
        Same(new Called<TorchSharp.Modules.EmbeddingBag>(bag, (inner, x) => inner.call(x[0]) + inner.call(x[0].flatten(), x[1])),
            x => bag.call(x[0]) + bag.call(x[0].flatten(), x[1]), tensor(new long[,] { { 1, 2, 5 }, { 0, 0, 3 } }),
                tensor(new long[] { 0, 4 }));
    }

    [Theory, InlineData(GridSampleMode.Bilinear, GridSamplePaddingMode.Zeros),
        InlineData(GridSampleMode.Nearest, GridSamplePaddingMode.Border),
        InlineData(GridSampleMode.Bilinear, GridSamplePaddingMode.Reflection)]
    public void Grids(GridSampleMode mode, GridSamplePaddingMode padding)
    {
        Func<Tensor, Tensor, Tensor> sample = (x, y) => functional.grid_sample(x, y, mode, padding, align_corners: true);
        using var traced = fx.symbolic_trace(sample, suppress_trace_warning: true);
        Compare(traced, x => sample(x[0], x[1]), rand(1, 2, 4, 5), randn(1, 3, 3, 2) * 0.8);
    }

    private static readonly Dictionary<string, Func<Module<Tensor, Tensor, Tensor>>> Losses = new()
    {
        ["squares"] = () => MSELoss(), ["distances"] = () => L1Loss(Reduction.Sum), ["smooth"] = () => SmoothL1Loss(Reduction.Mean, 0.4),
        ["Huber"] = () => HuberLoss(0.3), ["margins"] = () => SoftMarginLoss(Reduction.None), ["divergence"] = () => KLDivLoss(false),
        ["logits"] = () => BCEWithLogitsLoss(reduction: Reduction.Sum), ["logarithms"] = () => KLDivLoss(true, Reduction.Sum),
        ["Poisson"] = () => PoissonNLLLoss(full: true), ["hinges"] = () => HingeEmbeddingLoss(0.5),
        ["soft classes"] = () => CrossEntropyLoss(reduction: Reduction.None),
    };

    public static TheoryData<string> LossNames => [.. Losses.Keys];

    [Theory, MemberData(nameof(LossNames))]
    public void LossesAsLayers(string name)
    {
        var loss = Losses[name]();
        Same(new Called<Module<Tensor, Tensor, Tensor>>(loss, (inner, x) => inner.call(x[0], x[1])), x => loss.call(x[0], x[1]),
            randn(3, 4), rand(3, 4));
    }

    [Fact]
    public void LossesOfClasses()
    {
        var (scores, classes) = (randn(3, 4), tensor(new long[] { 1, 3, 0 }));
        foreach (Module<Tensor, Tensor, Tensor> loss in new Module<Tensor, Tensor, Tensor>[] { CrossEntropyLoss(ignore_index: 3),
            NLLLoss(reduction: Reduction.Sum) })
            Same(new Called<Module<Tensor, Tensor, Tensor>>(loss, (inner, x) => inner.call(x[0], x[1])), x => loss.call(x[0], x[1]), scores,
                classes);
    }

    [Fact]
    public void LossesAsFunctions()
    {
        Func<Tensor, Tensor, Tensor>[] all =
        [
            (x, y) => functional.binary_cross_entropy(x.sigmoid(), y.sigmoid(), x.abs(), Reduction.Sum),
            (x, y) => functional.binary_cross_entropy_with_logits(x, y.sigmoid(), y.abs(), Reduction.None, x.abs()),
            (x, y) => functional.cross_entropy(x, y.softmax(1), x[0].abs(), -100, Reduction.Mean, 0.1),
            (x, y) => functional.triplet_margin_loss(x, y, x + y, 0.7, 2, 1e-6, true, Reduction.Sum),
            (x, y) => functional.cosine_embedding_loss(x, y, y[TensorIndex.Colon, 0].sign(), 0.2),
        ];
        foreach (var loss in all)
        {
            using var traced = fx.symbolic_trace(loss, suppress_trace_warning: true);
            Compare(traced, x => loss(x[0], x[1]), randn(3, 4), randn(3, 4));
        }
    }

    [Fact]
    public void AWeightThatIsNoBufferIsRefused()
    {
        using var traced = fx.symbolic_trace(new Called<Module<Tensor, Tensor, Tensor>>(CrossEntropyLoss(ones(4)), (inner, x)
            => inner.call(x[0], x[1])), suppress_trace_warning: true);
        var error = Assert.Throws<NotSupportedException>(() => WrittenProgram.Of(traced, [randn(3, 4), rand(3, 4)]));
        Assert.EndsWith("its weight is no buffer of it: call the function of torch.nn.functional, and give that a buffer of the module's "
            + "own.", error.Message, StringComparison.Ordinal);
    }

    private static void Same(Module model, Func<Tensor[], Tensor> eager, params Tensor[] inputs)
    {
        model.eval();
        using var traced = fx.symbolic_trace(model, suppress_trace_warning: true);
        Compare(traced, eager, inputs);
    }

    private static void Same(Module<Tensor, Tensor, Tensor> model, Func<Tensor, Tensor, Tensor> eager, params Tensor[] inputs)
        => Same(model, x => eager(x[0], x[1]), inputs);

    private static void Same(Module<Tensor, Tensor, Tensor, Tensor> model, Func<Tensor, Tensor, Tensor, Tensor> eager,
        params Tensor[] inputs) => Same(model, x => eager(x[0], x[1], x[2]), inputs);

    private static void Compare(Module traced, Func<Tensor[], Tensor> eager, params Tensor[] inputs)
    {
        using var _ = no_grad();
        using var loaded = WrittenProgram.Of(traced, [.. inputs], name: "layer");
        Assert.True(eager(inputs).allclose((Tensor)ExportedPrograms.Run(loaded, [.. inputs])!, 1e-5, 1e-6, equal_nan: true));
    }
}

using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Onnx.Tests;

/// <summary>TorchSharp's own layers, with settings that they keep to themselves, give in ONNX Runtime what they give here.</summary>
public sealed class LayerTests : IDisposable
{
    private readonly DisposeScope scope = NewDisposeScope();
    private readonly OnnxModel exported = new();

    public void Dispose()
    {
        exported.Dispose();
        scope.Dispose();
    }

    private sealed class Attending : Module<torch.Tensor, torch.Tensor, torch.Tensor>
    {
        private readonly TorchSharp.Modules.MultiheadAttention attention;
        private readonly bool weights;

        internal Attending(int heads, bool learned, bool zero, bool weights) : base(nameof(Attending))
        {
            (attention, this.weights) = (MultiheadAttention(8, heads, add_bias_kv: learned, add_zero_attn: zero), weights);
            RegisterComponents();
        }

        public override torch.Tensor forward(torch.Tensor x, torch.Tensor y)
        {
            var (result, shown) = attention.call(x, y, y, need_weights: weights);
            return weights ? shown : result;
        }
    }

    [Theory, InlineData(1, false, false, false), InlineData(4, false, false, false), InlineData(2, false, false, true), InlineData(2, true, false, false), InlineData(8, false, true, false)]
    public void Multi_head_attention(int heads, bool learned, bool zero, bool weights)
        => Same(new Attending(heads, learned, zero, weights), ["LxNx8", "MxNx8"], [rand(3, 2, 8), rand(5, 2, 8)], [rand(1, 1, 8), rand(4, 1, 8)]);

    private sealed class Masked : Module<torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor>
    {
        private readonly TorchSharp.Modules.MultiheadAttention attention = MultiheadAttention(8, 2);

        internal Masked() : base(nameof(Masked)) => RegisterComponents();

        public override torch.Tensor forward(torch.Tensor x, torch.Tensor padding, torch.Tensor mask) => attention.call(x, x, x, padding > 0, false, mask).Item1;
    }

    [Fact]
    public void Multi_head_attention_with_masks()
        => Same(new Masked(), ["3x2x8", "2x3", "3x3"], [rand(3, 2, 8), tensor(new float[,] { { 0, 0, 1 }, { 0, 1, 0 } }), randn(3, 3)]);

    [Theory, InlineData(false), InlineData(true)]
    public void Encoders_and_decoders(bool gelu)
    {
        var activation = gelu ? Activations.GELU : Activations.ReLU;
        Same(new Encoding(activation), ["LxNx8"], [rand(3, 2, 8)], [rand(5, 1, 8)]);
        Same(new Decoding(activation), ["LxNx8", "MxNx8"], [rand(3, 2, 8), rand(4, 2, 8)]);
    }

    private sealed class Encoding : Module<torch.Tensor, torch.Tensor>
    {
        private readonly TorchSharp.Modules.TransformerEncoderLayer layer;
        private readonly TorchSharp.Modules.TransformerEncoder encoder;

        internal Encoding(Activations activation) : base(nameof(Encoding))
        {
            (layer, encoder) = (TransformerEncoderLayer(8, 4, 16, 0.1, activation), TransformerEncoder(TransformerEncoderLayer(8, 2, 16, 0.1, activation), 2));
            RegisterComponents();
        }

        public override torch.Tensor forward(torch.Tensor x) => encoder.call(layer.call(x));
    }

    private sealed class Decoding : Module<torch.Tensor, torch.Tensor, torch.Tensor>
    {
        private readonly TorchSharp.Modules.TransformerDecoder decoder;

        internal Decoding(Activations activation) : base(nameof(Decoding))
        {
            decoder = TransformerDecoder(TransformerDecoderLayer(8, 4, 16, 0.1, activation), 2);
            RegisterComponents();
        }

        public override torch.Tensor forward(torch.Tensor x, torch.Tensor memory) => decoder.call(x, memory);
    }

    /// <summary>The converters that the tests here are of.</summary>
    internal static readonly string[] Covered =
    [
        "multiheadattention", "transformerencoderlayer", "transformerencoder", "transformerdecoderlayer", "transformerdecoder", "rnn", "rnncell", "grucell", "lstmcell", "embeddingbag",
        "mseloss", "l1loss", "smoothl1loss", "huberloss", "softmarginloss", "kldivloss", "bceloss", "bcewithlogitsloss", "nllloss", "crossentropyloss",
    ];

    public static TheoryData<string> Names => [.. Losses.Keys];

    private static readonly Dictionary<string, Func<Module<torch.Tensor, torch.Tensor, torch.Tensor>>> Losses = new()
    {
        ["mean squares"] = () => MSELoss(), ["squares"] = () => MSELoss(Reduction.None), ["sum of squares"] = () => MSELoss(Reduction.Sum), ["distances"] = () => L1Loss(), ["Huber"] = () => HuberLoss(0.3),
        ["smooth distances"] = () => SmoothL1Loss(Reduction.Mean, 0.4), ["logits"] = () => BCEWithLogitsLoss(), ["weighted logits"] = () => BCEWithLogitsLoss(tensor(new[] { 1f, 2, 3, 4 }), Reduction.Sum, tensor(new[] { 2f, 1, 3, 1 })),
        ["margins"] = () => SoftMarginLoss(), ["probabilities"] = () => new Likely(), ["divergence"] = () => KLDivLoss(false), ["divergence of logarithms"] = () => KLDivLoss(true, Reduction.Sum), ["classes by probabilities"] = () => CrossEntropyLoss(tensor(new[] { 1f, 2, 3, 4 })),
    };

    [Theory, MemberData(nameof(Names))]
    public void A_loss(string name) => Same(new Losing(Losses[name]()), ["Nx4", "Nx4"], [randn(3, 4), rand(3, 4)], [randn(6, 4), rand(6, 4)]);

    [Fact]
    public void Losses_of_classes()
    {
        var weight = tensor(new[] { 1f, 2, 3, 4 });
        var (scores, classes) = (randn(5, 4), tensor(new[] { 1L, 3, 0, 2, 3 }));
        Same(new Losing(CrossEntropyLoss()), ["5x4", "5"], [scores, classes]);
        Same(new Losing(CrossEntropyLoss(weight, 3)), ["5x4", "5"], [scores, classes]);
        Same(new Losing(NLLLoss(weight, Reduction.None)), ["5x4", "5"], [scores, classes]);
        Same(new Smoothed(), ["2x4x3", "2x3"], [randn(2, 4, 3), tensor(new long[,] { { 1, 3, 0 }, { 2, 2, 1 } })]);
    }

    private sealed class Losing : Module<torch.Tensor, torch.Tensor, torch.Tensor>
    {
        private readonly Module<torch.Tensor, torch.Tensor, torch.Tensor> loss;

        internal Losing(Module<torch.Tensor, torch.Tensor, torch.Tensor> loss) : base(nameof(Losing))
        {
            this.loss = loss;
            RegisterComponents();
        }

        public override torch.Tensor forward(torch.Tensor x, torch.Tensor y) => loss.call(x, y);
    }

    private sealed class Likely : Module<torch.Tensor, torch.Tensor, torch.Tensor>
    {
        private readonly TorchSharp.Modules.BCELoss loss = BCELoss(tensor(new[] { 1f, 2, 3, 4 }));

        internal Likely() : base(nameof(Likely)) => RegisterComponents();

        public override torch.Tensor forward(torch.Tensor x, torch.Tensor y) => loss.call(x.sigmoid(), y);
    }

    private sealed class Smoothed() : Module<torch.Tensor, torch.Tensor, torch.Tensor>(nameof(Smoothed))
    {
        public override torch.Tensor forward(torch.Tensor x, torch.Tensor y) => functional.cross_entropy(x, y, null, 2, Reduction.Mean, 0.2);
    }

    [Theory, InlineData(null), InlineData(0.5)]
    public void An_embedding_that_keeps_norms_small_or_not(double? max_norm)
    {
        var embedding = Embedding(6, 3, padding_idx: 2, max_norm: max_norm);
        var before = embedding.weight!.clone();
        using var traced = fx.symbolic_trace(Sequential(("embedding", embedding)));
        onnx.export(traced, exported.Path, [tensor(new[] { 4L })]);
        Assert.Equal(before, embedding.weight!);
        var input = tensor(new[] { 5L });
        OnnxModel.AssertClose(embedding.call(input), exported.Run(input).Values.Single());
    }

    [Theory, InlineData(false), InlineData(true)]
    public void Recurrent_layers(bool relu)
    {
        var kind = relu ? NonLinearities.ReLU : NonLinearities.Tanh;
        Same(new Recurring(RNN(4, 3, 2, kind, bidirectional: true, batchFirst: true)), ["NxLx4"], [randn(2, 5, 4)], [randn(1, 3, 4)]);
        Same(new Stepping(kind), ["Nx4"], [randn(2, 4)]);
    }

    private sealed class Recurring : Module<torch.Tensor, torch.Tensor>
    {
        private readonly TorchSharp.Modules.RNN layer;

        internal Recurring(TorchSharp.Modules.RNN layer) : base(nameof(Recurring))
        {
            this.layer = layer;
            RegisterComponents();
        }

        public override torch.Tensor forward(torch.Tensor x)
        {
            var (steps, last) = layer.call(x, null);
            return steps.sum(1) + last.sum();
        }
    }

    private sealed class Stepping : Module<torch.Tensor, torch.Tensor>
    {
        private readonly TorchSharp.Modules.RNNCell plain;
        private readonly TorchSharp.Modules.GRUCell gated = GRUCell(4, 3);
        private readonly TorchSharp.Modules.LSTMCell lstm = LSTMCell(4, 3);

        internal Stepping(NonLinearities kind) : base(nameof(Stepping))
        {
            plain = RNNCell(4, 3, kind);
            RegisterComponents();
        }

        public override torch.Tensor forward(torch.Tensor x)
        {
            var h = gated.call(x, plain.call(x, null!));
            var (next, cell) = lstm.call(x, (h, h + 1));
            return next + cell + gated.call(x, null!);
        }
    }

    [Theory, InlineData(EmbeddingBagMode.Mean), InlineData(EmbeddingBagMode.Sum), InlineData(EmbeddingBagMode.Max)]
    public void Bags_of_embeddings(EmbeddingBagMode mode)
        => Same(new Bags(mode), ["Nx3"], [tensor(new long[,] { { 1, 2, 5 }, { 0, 0, 3 } })]);

    private sealed class Bags : Module<torch.Tensor, torch.Tensor>
    {
        private readonly TorchSharp.Modules.EmbeddingBag bag;

        internal Bags(EmbeddingBagMode mode) : base(nameof(Bags))
        {
            bag = EmbeddingBag(6, 4, mode: mode);
            RegisterComponents();
        }

        public override torch.Tensor forward(torch.Tensor x) => bag.call(x);
    }

    [Theory, InlineData(EmbeddingBagMode.Mean), InlineData(EmbeddingBagMode.Sum), InlineData(EmbeddingBagMode.Max)]
    public void Bags_of_embeddings_by_where_they_begin(EmbeddingBagMode mode)
        => Same(new BagsOfAnyLength(mode), ["N", "4"], [tensor([1L, 2, 5, 0, 0]), tensor([0L, 2, 2, 3])], [tensor([3L, 3, 1, 4, 0, 5, 2]), tensor([0L, 1, 5, 7])]);

    private sealed class BagsOfAnyLength : Module<torch.Tensor, torch.Tensor, torch.Tensor>
    {
        private readonly TorchSharp.Modules.EmbeddingBag bag;

        internal BagsOfAnyLength(EmbeddingBagMode mode) : base(nameof(BagsOfAnyLength))
        {
            bag = EmbeddingBag(6, 4, mode: mode);
            RegisterComponents();
        }

        public override torch.Tensor forward(torch.Tensor ids, torch.Tensor offsets) => bag.call(ids, offsets);
    }

    private void Same(Module model, string[] shapes, params torch.Tensor[][] inputs)
    {
        model.eval();
        using var traced = fx.symbolic_trace(model);
        var axes = shapes.Select(shape => shape.Split('x').Index().Where(size => char.IsAsciiLetter(size.Item[0])).ToDictionary(size => size.Index, size => size.Item));
        var names = ((IGraphModule)traced).Program.Current.find_nodes(Opcode.placeholder).Select(node => node.name).ToArray();
        onnx.export(traced, exported.Path, inputs[0], names, names.Zip(axes).ToDictionary(pair => pair.First, pair => (IReadOnlyDictionary<int, string>)pair.Second));
        foreach (var given in inputs)
            OnnxModel.AssertClose((torch.Tensor)new GraphInterpreter(traced).run(given)!, exported.Run(given).Values.Single(), model.GetType().Name);
    }
}

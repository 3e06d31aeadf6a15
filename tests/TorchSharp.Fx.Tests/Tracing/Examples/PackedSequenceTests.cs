using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using static TorchSharp.torch.nn.utils.rnn;

namespace TorchSharp.Fx.Tests.Tracing.Examples;

/// <summary>Packed sequences by example: their tensors live as long as the program needs them.</summary>
public sealed class PackedSequenceTests
{
    /// <summary>The encoder of Tacotron 2: lengths decide how much of each sequence is read.</summary>
    private sealed class Encoder : Module<Tensor, Tensor, Tensor>
    {
        private readonly LSTM lstm = LSTM(4, 3, batchFirst: true, bidirectional: true);
        private readonly bool scoped;

        public Encoder(bool scoped) : base(nameof(Encoder))
        {
            this.scoped = scoped;
            RegisterComponents();
        }

        public override Tensor forward(Tensor x, Tensor lengths)
        {
            if (!scoped)
                return Encoded(x, lengths);
            using var scope = NewDisposeScope();
            return Encoded(x, lengths).MoveToOuterDisposeScope();
        }

        private Tensor Encoded(Tensor x, Tensor lengths)
        {
            var packed = pack_padded_sequence(x, lengths, batch_first: true, enforce_sorted: false);
            var (output, hidden, _) = lstm.call(packed);
            var (padded, sizes) = pad_packed_sequence(output, batch_first: true);
            return padded * 2 + hidden.sum() + sizes.sum();
        }
    }

    /// <summary>A leaf that gives a packed sequence inside a class.</summary>
    private sealed class Packing() : Module<Tensor, Tensor, Packing.Batch>(nameof(Packing))
    {
        public sealed class Batch(PackedSequence sequence, Dictionary<string, Tensor> more)
        {
            public PackedSequence Sequence { get; } = sequence;

            public Dictionary<string, Tensor> More { get; } = more;
        }

        public override Batch forward(Tensor x, Tensor lengths)
            => new(pack_padded_sequence(x, lengths, batch_first: true, enforce_sorted: false), new() { ["mean"] = x.mean() });
    }

    private sealed class Unpacking : Module<Tensor, Tensor, Tensor>
    {
        private readonly Packing packing = new();

        public Unpacking() : base(nameof(Unpacking)) => RegisterComponents();

        public override Tensor forward(Tensor x, Tensor lengths)
        {
            var batch = packing.call(x * 2, lengths);
            var (padded, _) = pad_packed_sequence(batch.Sequence, batch_first: true);
            return x.shape[1] > 2 ? padded + batch.More["mean"] : padded;
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void An_encoder_is_traced_by_example(bool scoped)
    {
        using var scope = NewDisposeScope();
        using var model = new Encoder(scoped);
        Check(model, new());
    }

    [Fact]
    public void A_leaf_gives_one_in_a_class()
    {
        using var scope = NewDisposeScope();
        using var model = new Unpacking();
        Check(model, new() { leaf_modules = [typeof(Packing)] });
    }

    private static void Check(Module<Tensor, Tensor, Tensor> model, TracerKwargs kwargs)
    {
        var tracer = new LeafModuleAwareTracer(kwargs);
        var graph = tracer.trace(model, example_inputs: [Traced.Sample(1, 2, 5, 4), tensor(new long[] { 5, 3 })]);
        using var traced = new GraphModule<Tensor, Tensor, Tensor>(model, graph, tracer.tensor_constants);
        var interpreted = new GraphInterpreter(model, graph, tracer.tensor_constants);
        foreach (var lengths in new long[][] { [5, 3], [2, 5] })
        {
            var x = Traced.Sample(3, 2, 5, 4);
            Traced.Same(model.call(x, tensor(lengths)), traced.call(x, tensor(lengths)));
            Traced.Same(model.call(x, tensor(lengths)), interpreted.run(x, tensor(lengths)));
        }
    }
}

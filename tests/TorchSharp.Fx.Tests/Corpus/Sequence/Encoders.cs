using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Corpus.Sequence;

internal sealed class BertEmbeddings : Module<Tensor, Tensor?, Tensor>
{
    private readonly Embedding word_embeddings, position_embeddings, token_type_embeddings;
    private readonly LayerNorm LayerNorm;
    private readonly Dropout dropout;
    private readonly Tensor position_ids;

    public BertEmbeddings(long vocabulary, long width, long positions) : base(nameof(BertEmbeddings))
    {
        word_embeddings = Embedding(vocabulary, width, padding_idx: 0);
        position_embeddings = Embedding(positions, width);
        token_type_embeddings = Embedding(2, width);
        LayerNorm = LayerNorm(width, eps: 1e-12);
        dropout = Dropout(0.1);
        position_ids = arange(positions).expand(1, -1);
        register_buffer("position_ids", position_ids, persistent: false);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input_ids, Tensor? token_type_ids = null)
    {
        var input_shape = input_ids.size();
        var seq_length = input_shape[1];
        token_type_ids ??= zeros(input_shape, dtype: ScalarType.Int64, device: position_ids.device);
        var embeddings = word_embeddings.forward(input_ids) + token_type_embeddings.forward(token_type_ids);
        embeddings += position_embeddings.forward(position_ids[.., ..(int)seq_length]);
        return dropout.forward(LayerNorm.forward(embeddings));
    }
}

/// <summary>What a model returns: some of it may be missing.</summary>
internal sealed class ModelOutput
{
    public required Tensor Logits { get; init; }

    public Tensor? Loss { get; set; }

    public List<Tensor>? HiddenStates { get; set; }
}

internal sealed class SequenceClassifier : Module<Tensor, Tensor?, ModelOutput>
{
    private readonly BertEmbeddings embeddings;
    private readonly TransformerEncoder encoder;
    private readonly Linear classifier;
    private readonly bool output_hidden_states;

    public SequenceClassifier(bool output_hidden_states) : base(nameof(SequenceClassifier))
    {
        this.output_hidden_states = output_hidden_states;
        embeddings = new BertEmbeddings(20, 8, 16);
        encoder = TransformerEncoder(TransformerEncoderLayer(8, 2, 16), 2);
        classifier = Linear(8, 3);
        RegisterComponents();
    }

    public override ModelOutput forward(Tensor ids, Tensor? labels)
    {
        var hidden = embeddings.call(ids, null);
        var encoded = encoder.call(hidden.transpose(0, 1), null, null).transpose(0, 1);
        var output = new ModelOutput { Logits = classifier.call(encoded[.., 0]) };
        if (labels is not null)
            output.Loss = functional.cross_entropy(output.Logits, labels);
        if (output_hidden_states)
            output.HiddenStates = [hidden, encoded];
        return output;
    }
}

/// <summary>Both directions of a GRU, the last valid step of each row by its length.</summary>
internal sealed class GruEncoder : Module<Tensor, Tensor, Tensor>
{
    private readonly Embedding embedding;
    private readonly GRU rnn;
    private readonly Linear head;

    public GruEncoder() : base(nameof(GruEncoder))
    {
        embedding = Embedding(20, 6);
        rnn = GRU(6, 5, numLayers: 2, batchFirst: true, bidirectional: true);
        head = Linear(10, 3);
        RegisterComponents();
    }

    public override Tensor forward(Tensor tokens, Tensor lengths)
    {
        var (output, _) = rnn.call(embedding.call(tokens));
        var last = (lengths - 1).view(-1, 1, 1).expand(-1, 1, output.size(2));
        return head.call(output.gather(1, last).squeeze(1));
    }
}

internal sealed class PackedLstm : Module<Tensor, Tensor, Tensor>
{
    private readonly LSTM lstm;

    public PackedLstm() : base(nameof(PackedLstm))
    {
        lstm = LSTM(4, 5, batchFirst: true);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x, Tensor lengths)
    {
        using var packed = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first: true, enforce_sorted: false);
        var (output, h, _) = lstm.call(packed);
        var (padded, _) = nn.utils.rnn.pad_packed_sequence(output, batch_first: true);
        return cat([padded.sum(1), h[^1]], 1);
    }
}

/// <summary>A language model whose state is a nullable pair.</summary>
internal sealed class LstmModel : Module<Tensor, (Tensor, Tensor)?, (Tensor, (Tensor, Tensor))>
{
    private readonly Embedding encoder;
    private readonly LSTM lstm;
    private readonly Linear decoder;

    public LstmModel() : base(nameof(LstmModel))
    {
        encoder = Embedding(20, 6);
        lstm = LSTM(6, 6, batchFirst: true);
        decoder = Linear(6, 20);
        decoder.weight = encoder.weight!;
        RegisterComponents();
    }

    public override (Tensor, (Tensor, Tensor)) forward(Tensor x, (Tensor, Tensor)? state = null)
    {
        var (h0, c0) = state ?? (zeros(1, x.shape[0], 6), zeros(1, x.shape[0], 6));
        var (y, h, c) = lstm.call(encoder.call(x), (h0, c0));
        return (decoder.call(y), (h, c));
    }
}

/// <summary>Two cells a step, a loop over the length, states in locals.</summary>
internal sealed class StackedCells : Module<Tensor, Tensor>
{
    private readonly LSTMCell first;
    private readonly GRUCell second;

    public StackedCells() : base(nameof(StackedCells))
    {
        first = LSTMCell(3, 4);
        second = GRUCell(4, 5);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        var n = x.size(1);
        (Tensor h, Tensor c) state = (zeros(n, 4), zeros(n, 4));
        var top = zeros(n, 5);
        var outputs = new List<Tensor>((int)x.size(0));
        foreach (var step in x.unbind(0))
        {
            state = first.call(step, state);
            top = second.call(state.h, top);
            outputs.Add(top);
        }
        return stack(outputs);
    }
}

/// <summary>Characters through convolutions of several widths, then highways.</summary>
internal sealed class CharCnn : Module<Tensor, Tensor>
{
    private readonly Embedding chars;
    private readonly ModuleList<Conv1d> convs;
    private readonly ModuleDict<Linear> highway;

    public CharCnn() : base(nameof(CharCnn))
    {
        chars = Embedding(30, 4);
        convs = ModuleList(new[] { 2L, 3L }.Select(width => Conv1d(4, 6, width)).ToArray());
        highway = ModuleDict(("transform", Linear(12, 12)), ("gate", Linear(12, 12)));
        RegisterComponents();
    }

    public override Tensor forward(Tensor words)
    {
        var (batch, length, characters) = (words.shape[0], words.shape[1], words.shape[2]);
        var x = chars.call(words.view(batch * length, characters)).transpose(1, 2);
        x = cat(convs.Select(conv => functional.relu(conv.call(x)).max(2).values).ToArray(), 1);
        var gate = sigmoid(highway["gate"].call(x));
        x = (gate * functional.relu(highway["transform"].call(x))) + ((1 - gate) * x);
        return x.view(batch, length, -1);
    }
}

/// <summary>An attention decoder that feeds itself for a fixed number of steps.</summary>
internal sealed class Seq2Seq : Module<Tensor, Tensor, (Tensor Logits, Tensor Alignments)>
{
    private readonly GRU encoder;
    private readonly GRUCell decoder;
    private readonly Embedding embedding;
    private readonly Linear query, memory, score, output;
    private const int Steps = 3;

    public Seq2Seq() : base(nameof(Seq2Seq))
    {
        embedding = Embedding(12, 4);
        encoder = GRU(4, 6, batchFirst: true);
        decoder = GRUCell(10, 6);
        (query, memory, score, output) = (Linear(6, 6), Linear(6, 6), Linear(6, 1), Linear(6, 12));
        RegisterComponents();
    }

    private (Tensor Context, Tensor Weights) Attend(Tensor hidden, Tensor states, Tensor mask)
    {
        var energies = score.call(tanh(query.call(hidden).unsqueeze(1) + memory.call(states))).squeeze(-1);
        var weights = energies.masked_fill(mask, float.NegativeInfinity).softmax(-1);
        return (weights.unsqueeze(1).bmm(states).squeeze(1), weights);
    }

    public override (Tensor Logits, Tensor Alignments) forward(Tensor source, Tensor target)
    {
        using var scope = NewDisposeScope();
        var (states, hidden) = encoder.call(embedding.call(source));
        var (state, token) = (hidden.squeeze(0), target[.., 0]);
        var mask = source == 0;
        var (logits, alignments) = (new List<Tensor>(), new List<Tensor>());
        for (var t = 1; t <= Steps; t++)
        {
            var (context, weights) = Attend(state, states, mask);
            state = decoder.call(cat([embedding.call(token), context], 1), state);
            var step = output.call(state);
            token = training ? target[.., t] : step.argmax(1);
            logits.Add(step);
            alignments.Add(weights);
        }
        return (stack(logits, 1).MoveToOuterDisposeScope(), stack(alignments, 1).MoveToOuterDisposeScope());
    }
}

internal static class EncoderModules
{
    internal static readonly CorpusRow[] Rows =
    [
        new("BertEmbeddings", "a buffer of positions cut to the length, zeros of the input's shape for a missing input", () => new BertEmbeddings(20, 8, 16), () =>
            [[randint(20, [1, 5]), randint(2, [1, 5])], [randint(20, [2, 7]), randint(2, [2, 7])]]),
        new("SequenceClassifier", "a result class with members that may be null, native encoder layers", () => new SequenceClassifier(false), () => [[randint(20, [1, 5]), tensor([1L])], [randint(20, [2, 7]), tensor([0L, 2])]]),
        new("HiddenStates", "the same with a list in the result", () => new SequenceClassifier(true), () => [[randint(20, [1, 5]), null], [randint(20, [2, 7]), null]])
            { ByExample = true, Breaks = () => [randint(20, [1, 5]), tensor([1L])] },
        new("GruEncoder", "the native GRU as a leaf, the last step by lengths", () => new GruEncoder(), () => [[randint(20, [1, 5]), tensor([5L])], [randint(20, [2, 7]), tensor([3L, 7])]]),
        new("PackedLstm", "packing and padding around the native LSTM", () => new PackedLstm(), () => [[randn(1, 5, 4), tensor([5L])], [randn(2, 7, 4), tensor([3L, 7])]]),
        new("LstmModel", "state as (Tensor, Tensor)?, tied weights", () => new LstmModel(), () => [[randint(20, [1, 5]), (randn(1, 1, 6), randn(1, 1, 6))], [randint(20, [2, 3]), (randn(1, 2, 6), randn(1, 2, 6))]]),
        new("LstmStart", "the same without a state", () => new LstmModel(), () => [[randint(20, [1, 5]), null], [randint(20, [2, 3]), null]])
            { ByExample = true, Breaks = () => [randint(20, [1, 5]), (randn(1, 1, 6), randn(1, 1, 6))] },
        new("StackedCells", "native cells over unbind, a tuple as state, a list with capacity", () => new StackedCells(), () => [[randn(4, 1, 3)], [randn(4, 5, 3)]])
            { ByExample = true, Breaks = () => [randn(3, 1, 3)] },
        new("CharCnn", "LINQ over a ModuleList, a ModuleDict by key", () => new CharCnn(), () => [[randint(30, [1, 2, 5])], [randint(30, [3, 2, 6])]]),
        new("Seq2Seq", "attention that feeds itself for three steps, greedily", () => new Seq2Seq(), () => [[randint(1, 12, [1, 5]), randint(12, [1, 4])], [randint(1, 12, [3, 4]), randint(12, [3, 4])]]),
        new("TeacherForcing", "the same in training, by the target", () => new Seq2Seq(), () => [[randint(1, 12, [1, 5]), randint(12, [1, 4])], [randint(1, 12, [3, 4]), randint(12, [3, 4])]]) { Training = true },
    ];
}

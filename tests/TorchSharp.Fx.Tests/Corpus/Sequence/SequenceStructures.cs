using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Corpus.Sequence;

internal sealed record Batch(Tensor Tokens, Tensor Lengths, Tensor? Labels);

internal sealed record Prediction(Tensor Scores, (Tensor Mask, Tensor Pooled) Parts, Tensor? Loss);

/// <summary>A record in and another one out, with a pair and a member that may be null.</summary>
internal sealed class RecordModel : Module<Batch, Prediction>
{
    private readonly Embedding embedding;
    private readonly Linear head;

    public RecordModel() : base(nameof(RecordModel))
    {
        (embedding, head) = (Embedding(20, 6), Linear(6, 3));
        RegisterComponents();
    }

    public override Prediction forward(Batch batch)
    {
        var mask = arange(batch.Tokens.shape[1]).unsqueeze(0) < batch.Lengths.unsqueeze(1);
        var pooled = (embedding.call(batch.Tokens) * mask.unsqueeze(-1)).sum(1) / batch.Lengths.unsqueeze(1);
        var prediction = new Prediction(head.call(pooled), (mask, pooled), null);
        return batch.Labels is { } labels ? prediction with { Loss = functional.cross_entropy(prediction.Scores, labels) } : prediction;
    }
}

/// <summary>Features by name, some read by pattern, in nested lists.</summary>
internal sealed class FeatureDictionary : Module<Dictionary<string, Tensor>, Dictionary<string, List<Tensor>>>
{
    private readonly Dictionary<string, Linear> towers = new() { ["user"] = Linear(3, 4), ["item"] = Linear(5, 4) };

    public FeatureDictionary() : base(nameof(FeatureDictionary))
    {
        foreach (var (name, tower) in towers)
            register_module(name, tower);
    }

    public override Dictionary<string, List<Tensor>> forward(Dictionary<string, Tensor> input)
    {
        var embedded = towers.ToDictionary(tower => tower.Key, tower => functional.normalize(tower.Value.call(input[tower.Key])));
        return new()
        {
            ["embedded"] = [.. embedded.Values],
            ["score"] = [(embedded["user"] * embedded["item"]).sum(-1)],
        };
    }
}

/// <summary>Levels of a pyramid of texts: lists of tuples in, tuples of lists out.</summary>
internal sealed class NestedLists() : Module<List<(Tensor Left, Tensor Right)>, (List<Tensor> Sums, Tensor[] Products)>(nameof(NestedLists))
{
    public override (List<Tensor> Sums, Tensor[] Products) forward(List<(Tensor Left, Tensor Right)> pairs)
        => (pairs.ConvertAll(pair => pair.Left + pair.Right), [.. pairs.Select(pair => pair.Left * pair.Right)]);
}

/// <summary>Prints what it sees on the way.</summary>
internal sealed class Talkative : Module<Tensor, Tensor>
{
    private readonly Linear fc;
    private readonly bool verbose;
    private readonly List<string> log = [];

    public Talkative(bool verbose) : base(nameof(Talkative))
    {
        this.verbose = verbose;
        fc = Linear(4, 4);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        log.Add($"in: {x.shape[0]} x {x.shape[1]}");
        var y = fc.call(x);
        if (verbose)
        {
            TextWriter.Null.WriteLine("batch of {0}", x.shape[0]);
            System.Diagnostics.Debug.WriteLine($"{nameof(Talkative)}: {y}");
            System.Diagnostics.Trace.TraceInformation("shape " + string.Join("x", y.size(0), y.size(1)));
        }
        return y / y.shape[1];
    }
}

/// <summary>Numbers read out of what no input has a part in.</summary>
internal sealed class ConstantReader() : Module<Tensor, Tensor>(nameof(ConstantReader))
{
    private readonly Tensor window = hann_window(4);

    public override Tensor forward(Tensor x)
    {
        var energy = window.pow(2).sum().item<float>();
        var peak = (int)window.argmax().item<long>();
        var scale = energy > 1 ? 1 / energy : 1.0f;
        return x[.., peak..] * scale;
    }
}

/// <summary>Masks that a helper makes from lengths, and means over what is valid.</summary>
internal sealed class MaskedMean(bool log_lengths) : Module<Tensor, Tensor, (Tensor Mean, Tensor Mask)>(nameof(MaskedMean))
{
    private static (long Batch, long Length, long Width) Sizes(Tensor x) => (x.size(0), x.size(1), x.size(2));

    private static Tensor sequence_mask(Tensor lengths, long? max_len = null)
    {
        max_len ??= lengths.max().item<long>();
        return arange(max_len.Value, device: lengths.device)[TensorIndex.None, ..] < lengths[.., TensorIndex.None];
    }

    public override (Tensor Mean, Tensor Mask) forward(Tensor x, Tensor lengths)
    {
        var (_, length, width) = Sizes(x);
        var mask = sequence_mask(lengths, length);
        if (log_lengths)
            System.Diagnostics.Debug.WriteLine(string.Create(null, $"{length}/{width} "));
        var valid = x.masked_fill(mask.unsqueeze(-1).logical_not(), 0);
        return (valid.sum(1) / (lengths.unsqueeze(-1) * Math.Sqrt(width)), mask);
    }
}

/// <summary>A padding mask that is looked at only if there is padding: a decision on content.</summary>
internal sealed class PaddingAware() : Module<Tensor, Tensor, Tensor>(nameof(PaddingAware))
{
    public override Tensor forward(Tensor x, Tensor mask)
    {
        if (mask.any().item<bool>()) // refused
            x = x.masked_fill(mask, 0);
        return x.sum(-1);
    }
}

internal static class StructureModules
{
    internal static readonly CorpusRow[] Rows =
    [
        new("RecordModel", "a record in, another out with a with-expression, a nullable member", () => new RecordModel(), () => [[Of(1, 4, tensor([1L]))], [Of(3, 6, tensor([0L, 1, 2]))]]),
        new("UnlabelledRecord", "the same without labels", () => new RecordModel(), () => [[Of(1, 4, null)], [Of(3, 6, null)]])
            { ByExample = true, Absent = true, Breaks = () => [Of(1, 4, tensor([1L]))] },
        new("FeatureDictionary", "modules by name, ToDictionary over them, lists in a dictionary", () => new FeatureDictionary(), () =>
            [[new Dictionary<string, Tensor> { ["user"] = randn(2, 3), ["item"] = randn(2, 5) }], [new Dictionary<string, Tensor> { ["user"] = randn(4, 3), ["item"] = randn(4, 5) }]]),
        new("NestedLists", "a list of tuples in, a tuple of a list and an array out", () => new NestedLists(), () => [[Pairs(2)], [Pairs(5)]])
            { ByExample = true, Breaks = () => [Pairs(2)[..1]] },
        new("Talkative", "logs with symbolic values into a list, a writer, Debug and Trace", () => new Talkative(true), () => [[randn(2, 4)], [randn(5, 4)]])
            { Drops = ["a List<String>"] },
        new("ConstantReader", "item() of a constant decides", () => new ConstantReader(), () => [[randn(2, 4)], [randn(5, 6)]]),
        new("MaskedMean", "sizes by a helper's tuple, a mask by a nullable length, text by string.Create", () => new MaskedMean(true), () => [[randn(1, 4, 3), tensor([3L])], [randn(2, 6, 3), tensor([6L, 2])]]),
        new("PaddingAware", "if (mask.any())", () => new PaddingAware(), () => [[randn(2, 4), zeros(2, 4, dtype: ScalarType.Bool)], [randn(3, 4), zeros(3, 4, dtype: ScalarType.Bool)]])
            { ByExample = true, Refusal = "FX018", Proposal = "Allow it with allow_value_specialization: true" },
    ];

    private static Batch Of(long rows, long length, Tensor? labels) => new(randint(20, [rows, length]), full([rows], length - 1, dtype: ScalarType.Int64), labels);

    private static List<(Tensor Left, Tensor Right)> Pairs(long width) => [(randn(2, width), randn(2, width)), (randn(3, width), randn(3, width))];
}

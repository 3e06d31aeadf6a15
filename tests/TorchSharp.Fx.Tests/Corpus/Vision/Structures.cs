using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Corpus.Vision;

/// <summary>Inputs and results that are no plain tensors.</summary>
internal static class Structures
{
    internal static readonly CorpusRow[] Rows =
    [
        new("PanopticModel", "a record with a nullable mask and extras by name goes in, one with levels by name comes out", () => new PanopticModel(),
            () => [[new Batch(rand(1, 3, 4, 4), null, new() { ["depth"] = rand(1, 1, 4, 4) })], [new Batch(rand(2, 3, 6, 4), null, new() { ["depth"] = rand(2, 1, 6, 4) })]]) { ByExample = true },
        new("TrackingHead", "an input class with a list of lists, a struct result", () => new TrackingHead(),
            () => [[new Clip { Frames = [[rand(2, 4), rand(2, 4)], [rand(2, 4)]] }], [new Clip { Frames = [[rand(3, 4), rand(3, 4)], [rand(3, 4)]] }]]) { ByExample = true },
        new("MultiTask", "a dictionary of heads, results by the names of the tasks", () => new MultiTask("depth", "normal"), () => [[rand(1, 4, 2, 2)], [rand(2, 4, 3, 3)]]),
        new("OptionalOutputs", "members of the result left null by the configuration", () => new OptionalOutputs(withFeatures: false), () => [[rand(2, 4)], [rand(3, 4)]]),
        new("NestedTuples", "tuples in tuples, deconstructed with discards", () => new NestedTuples(), () => [[(rand(2, 3), (rand(2, 3), rand(2, 3)))], [(rand(4, 3), (rand(4, 3), rand(4, 3)))]]),
    ];

    private sealed record Batch(Tensor Image, Tensor? Mask, Dictionary<string, Tensor> Extras);

    private sealed record Segmentation(Tensor Logits, IReadOnlyDictionary<string, Tensor> Levels, Tensor? Attention = null);

    private sealed class PanopticModel : Module<Batch, Segmentation>
    {
        private readonly Conv2d stem = Conv2d(4, 4, 3, padding: 1);

        public PanopticModel() : base(nameof(PanopticModel)) => RegisterComponents();

        public override Segmentation forward(Batch batch)
        {
            var x = batch.Image;
            if (batch.Mask is { } mask)
                x = x * mask;
            foreach (var name in batch.Extras.Keys.OrderBy(name => name, StringComparer.Ordinal))
                x = cat([x, batch.Extras[name]], 1);
            var levels = new Dictionary<string, Tensor> { ["p1"] = stem.call(x) };
            levels["p2"] = functional.avg_pool2d(levels["p1"], 2);
            return new Segmentation(levels["p2"].softmax(1), levels) with { Attention = batch.Mask is null ? levels["p1"].sigmoid() : null };
        }
    }

    private sealed class Clip
    {
        public List<List<Tensor>> Frames { get; init; } = [];
    }

    private struct Track
    {
        public Tensor Boxes;
        public Tensor Score;
        public int Frames;
    }

    private sealed class TrackingHead : Module<Clip, Track>
    {
        private readonly Linear embed = Linear(4, 4);

        public TrackingHead() : base(nameof(TrackingHead)) => RegisterComponents();

        public override Track forward(Clip clip)
        {
            Track track = default;
            foreach (var frame in clip.Frames)
            {
                foreach (var boxes in frame)
                    track.Boxes = track.Boxes is null ? embed.call(boxes) : track.Boxes + embed.call(boxes);
                track.Frames++;
            }
            track.Score = track.Boxes!.amax([-1]);
            return track;
        }
    }

    private sealed class MultiTask : Module<Tensor, Dictionary<string, Tensor>>
    {
        private readonly Dictionary<string, (Conv2d Head, Func<Tensor, Tensor> Activation)> tasks = [];

        public MultiTask(params string[] names) : base(nameof(MultiTask))
        {
            foreach (var name in names)
            {
                tasks[name] = (Conv2d(4, name == "normal" ? 3 : 1, 1), name == "normal" ? x => functional.normalize(x, dim: 1) : x => functional.softplus(x));
                register_module(name, tasks[name].Head);
            }
        }

        public override Dictionary<string, Tensor> forward(Tensor x)
            => tasks.ToDictionary(task => task.Key, task => task.Value.Activation(task.Value.Head.call(x)));
    }

    private sealed class Outputs
    {
        public required Tensor Logits { get; init; }
        public Tensor[]? Features { get; init; }
        public (Tensor, long)? Extra { get; init; }
    }

    private sealed class OptionalOutputs(bool withFeatures) : Module<Tensor, Outputs>(nameof(OptionalOutputs))
    {
        public override Outputs forward(Tensor x)
        {
            var features = new[] { x, x.relu() };
            return new Outputs { Logits = features[^1].sum(-1), Features = withFeatures ? features : null, Extra = (x.mean(), x.shape[0]) };
        }
    }

    private sealed class NestedTuples() : Module<(Tensor, (Tensor, Tensor)), (Tensor, (Tensor, Tensor[]))>(nameof(NestedTuples))
    {
        public override (Tensor, (Tensor, Tensor[])) forward((Tensor, (Tensor, Tensor)) input)
        {
            var (query, (key, _)) = input;
            var (_, (_, value)) = input;
            return (query.mul(key), (value, [key, value, .. query.unbind(1)[..2]]));
        }
    }
}

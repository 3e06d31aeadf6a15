using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.FeatureExtraction;

/// <summary>Forward and backward through nodes that are tensors, sequences with nulls and mappings, as torchvision's test_forward_backward has it.</summary>
public sealed class StructuredOutputTests
{
    private sealed class Pyramid : Module<Tensor, Tensor?[]>
    {
        private readonly Linear fc = Linear(2, 2);

        public Pyramid() : base(nameof(Pyramid)) => RegisterComponents();

        public override Tensor?[] forward(Tensor x) => [fc.call(x), null, x * 2];
    }

    private sealed class Heads : Module<Tensor, Dictionary<string, Tensor>>
    {
        private readonly Linear box = Linear(2, 4);

        public Heads() : base(nameof(Heads)) => RegisterComponents();

        public override Dictionary<string, Tensor> forward(Tensor x) => new() { ["boxes"] = box.call(x), ["scores"] = x.sigmoid() };
    }

    private sealed class Detector : Module<Tensor, Dictionary<string, Tensor>>
    {
        private readonly Linear stem = Linear(2, 2);
        private readonly Pyramid pyramid = new();
        private readonly Heads heads = new();

        public Detector() : base(nameof(Detector)) => RegisterComponents();

        public override Dictionary<string, Tensor> forward(Tensor x) => heads.call(pyramid.call(stem.call(x))[0]!);
    }

    [Fact]
    public void Gradients_flow_back_through_all_of_them()
    {
        var model = new Detector();
        model.train();
        using var extractor = feature_extraction.create_feature_extractor(model, ["stem", "pyramid", "heads"], tracer_kwargs: new() { leaf_modules = [typeof(Pyramid), typeof(Heads)] });
        using var features = extractor.call(rand(3, 2));
        Assert.Equal("stem pyramid heads", features.Keys());
        Loss(features).backward();
        Assert.Equal(6, model.parameters().Count());
        Assert.All(model.parameters(), parameter => Assert.True(parameter.grad!.isfinite().all().item<bool>()));
    }

    private sealed class Passing() : Module<Tensor, Tensor[]>(nameof(Passing))
    {
        public override Tensor[] forward(Tensor x) => [x, x * 2];
    }

    private sealed class Outer : Module<Tensor, Tensor[]>
    {
        private readonly Passing passing = new();

        public Outer() : base(nameof(Outer)) => RegisterComponents();

        public override Tensor[] forward(Tensor x) => passing.call(x);
    }

    [Fact]
    public void An_input_that_a_sequence_holds_stays_the_callers()
    {
        using var extractor = feature_extraction.create_feature_extractor(new Outer(), ["passing"], tracer_kwargs: new() { leaf_modules = [typeof(Passing)] });
        using var x = rand(2);
        var features = extractor.call(x);
        var twice = features.value<Tensor[]>("passing")[1];
        features.Dispose();
        Assert.True(twice.IsInvalid);
        Assert.False(x.IsInvalid);
    }

    private static Tensor Loss(Features features) => features.Keys.Select(key => features.value<object>(key)).Aggregate(zeros(1), (sum, value) => sum + (value switch
    {
        Tensor node => node.mean(),
        Tensor?[] sequence => sequence.OfType<Tensor>().Aggregate(zeros(1), (inner, item) => inner + item.mean()),
        _ => ((Dictionary<string, Tensor>)value).Values.Aggregate(zeros(1), (inner, item) => inner + item.mean()),
    }));
}

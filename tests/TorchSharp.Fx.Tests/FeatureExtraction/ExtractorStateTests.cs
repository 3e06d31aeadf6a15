using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.FeatureExtraction;

/// <summary>An extractor is a module like any other, and shares its state with the model it came from.</summary>
public sealed class ExtractorStateTests : IDisposable
{
    private sealed class Backbone : Module<Tensor, Tensor>
    {
        private readonly Sequential stem = Sequential(("conv", Conv2d(1, 2, 3)), ("bn", BatchNorm2d(2)), ("relu", ReLU()));
        internal readonly Parameter gain = Parameter(ones(1) * 3);
        private readonly Linear fc = Linear(8, 2);

        public Backbone() : base(nameof(Backbone)) => RegisterComponents();

        public override Tensor forward(Tensor x) => fc.call((stem.call(x) * gain).flatten(1));
    }

    private readonly Backbone model = new();
    private readonly Tensor x = rand(2, 1, 4, 4);

    public ExtractorStateTests() => model.eval();

    public void Dispose() => model.Dispose();

    private DualGraphModule<Tensor> Extractor(Backbone of) => feature_extraction.create_feature_extractor(of, ["stem", "mul"]);

    [Fact]
    public void It_holds_what_its_nodes_need_under_the_models_names()
    {
        using var extractor = Extractor(model);
        Assert.Equal(["gain", "stem.conv.weight", "stem.conv.bias", "stem.bn.weight", "stem.bn.bias"], extractor.named_parameters().Select(item => item.name));
        Assert.Equal(model.state_dict().Keys.Where(key => !key.StartsWith("fc", StringComparison.Ordinal)), extractor.state_dict().Keys);
        Assert.All(extractor.named_parameters(), item => Assert.Same(model.get_parameter(item.name), item.parameter));
    }

    [Fact]
    public void Its_state_can_be_saved_and_loaded()
    {
        using var extractor = Extractor(model);
        using var stream = new MemoryStream();
        using (var writer = new BinaryWriter(stream, System.Text.Encoding.UTF8, leaveOpen: true))
            extractor.save(writer);
        stream.Position = 0;
        var other = new Backbone();
        other.eval();
        using var loaded = Extractor(other);
        using var reader = new BinaryReader(stream);
        loaded.load(reader);
        AssertSameFeatures(extractor, loaded);
        Extracted.AssertSame(model.gain, other.gain);
    }

    [Fact]
    public void Its_state_dict_can_be_loaded_into_another()
    {
        using var extractor = Extractor(model);
        var other = new Backbone();
        other.eval();
        using var loaded = Extractor(other);
        loaded.load_state_dict(extractor.state_dict());
        AssertSameFeatures(extractor, loaded);
    }

    [Fact]
    public void It_moves_to_another_precision_with_the_model()
    {
        using var extractor = Extractor(model);
        using (var before = extractor.call(x))
            Assert.Equal(ScalarType.Float32, before["mul"].dtype);
        extractor.to(ScalarType.Float64);
        using var features = extractor.call(x.to(ScalarType.Float64));
        Assert.Equal(ScalarType.Float64, features["mul"].dtype);
        Assert.Equal(ScalarType.Float64, model.gain.dtype);
        Assert.Equal(ScalarType.Float64, model.get_parameter("stem.conv.weight")!.dtype);
    }

    [Fact]
    public void It_follows_a_model_that_moves()
    {
        using var extractor = Extractor(model);
        model.to(ScalarType.Float64);
        using var features = extractor.call(x.to(ScalarType.Float64));
        Assert.Equal(ScalarType.Float64, features["mul"].dtype);
        Assert.Equal(5, extractor.parameters().Count());
        Assert.All(extractor.named_parameters(), item => Assert.Same(model.get_parameter(item.name), item.parameter));
        Assert.All(extractor.parameters(), parameter => Assert.Equal(ScalarType.Float64, parameter.dtype));
    }

    private sealed class Classifier : Module<Tensor, Tensor>
    {
        private readonly DualGraphModule<Tensor> backbone;
        private readonly Linear head = Linear(8, 3);

        internal Classifier(DualGraphModule<Tensor> backbone) : base(nameof(Classifier))
        {
            this.backbone = backbone;
            RegisterComponents();
        }

        public override Tensor forward(Tensor x)
        {
            using var features = backbone.call(x);
            return head.call(features["mul"].flatten(1));
        }
    }

    [Fact]
    public void It_can_be_a_part_of_another_model()
    {
        using var extractor = Extractor(model);
        var classifier = new Classifier(extractor);
        Assert.Contains("backbone.stem.conv.weight", classifier.state_dict().Keys);
        classifier.eval();
        Assert.False(extractor.training);
        classifier.train();
        Assert.True(extractor.training);
        classifier.call(x).sum().backward();
        Assert.NotNull(model.gain.grad);
    }

    [Fact]
    public void It_is_a_leaf_where_that_model_is_traced()
    {
        using var inner = feature_extraction.create_feature_extractor(model, ["stem", "mul", "flatten"]);
        var classifier = new Classifier(inner);
        classifier.eval();
        using var outer = feature_extraction.create_feature_extractor(classifier, ["flatten", "head"]);
        Assert.Equal("backbone getitem flatten alias head", outer.graph.Steps());
        using var expected = classifier.call(x);
        using var features = outer.call(x);
        Extracted.AssertSame(expected, features["head"]);
    }

    [Fact]
    public void It_runs_its_own_hooks_and_those_of_its_leaves()
    {
        using var extractor = Extractor(model);
        var calls = new List<string>();
        extractor.register_forward_pre_hook((_, input) => Note("before", input));
        extractor.register_forward_hook((_, _, output) => Note("after", output));
        ((BatchNorm2d)model.named_modules().Single(item => item.name == "stem.bn").module).register_forward_hook((_, _, output) => Note("bn", output));
        using var features = extractor.call(x);
        Assert.Equal(["before", "bn", "after"], calls);

        T Note<T>(string name, T value)
        {
            calls.Add(name);
            return value;
        }
    }

    [Fact]
    public void Disposing_it_leaves_the_model_as_it_was()
    {
        using var expected = model.call(x);
        var extractor = Extractor(model);
        extractor.call(x).Dispose();
        extractor.Dispose();
        using var actual = model.call(x);
        Extracted.AssertSame(expected, actual);
        Assert.Throws<ObjectDisposedException>(() => extractor.call(x));
    }

    [Fact]
    public void Disposing_the_model_first_is_told_clearly()
    {
        using var extractor = Extractor(model);
        model.Dispose();
        var error = Assert.Throws<ObjectDisposedException>(() => extractor.call(x));
        Assert.Equal("The Backbone that this module was made from has been disposed, and with it the parameters they share. Dispose the source after what was made from it.", error.Message);
    }

    [Fact]
    public async Task Two_threads_may_call_it_at_once()
    {
        using var extractor = Extractor(model);
        Tensor[] inputs = [.. Enumerable.Range(0, 2).Select(_ => rand(2, 1, 4, 4))];
        Tensor[] expected = [.. inputs.Select(input => Mul(input))];
        using var start = new Barrier(2);
        await Task.WhenAll(Enumerable.Range(0, 2).Select(i => Task.Factory.StartNew(() => Repeat(i), TestContext.Current.CancellationToken, TaskCreationOptions.LongRunning, TaskScheduler.Default)));

        Tensor Mul(Tensor input)
        {
            using var features = extractor.call(input);
            return features["mul"].clone();
        }

        void Repeat(int i)
        {
            start.SignalAndWait();
            for (var call = 0; call < 200; call++)
                using (var actual = Mul(inputs[i]))
                    Extracted.AssertSame(expected[i], actual);
        }
    }

    private void AssertSameFeatures(DualGraphModule<Tensor> a, DualGraphModule<Tensor> b)
    {
        using var expected = a.call(x);
        using var actual = b.call(x);
        Extracted.AssertSame(expected["stem"], actual["stem"]);
        Extracted.AssertSame(expected["mul"], actual["mul"]);
    }
}

using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.FeatureExtraction;

/// <summary>Inputs that may be null, asked for as features.</summary>
public sealed class NullFeatureTests
{
    private sealed class Optional() : nn.Module<Tensor, Tensor?, Tensor>(nameof(Optional))
    {
        public override Tensor forward(Tensor x, Tensor? mask) => x.relu_() * 2;
    }

    private sealed class InPair() : nn.Module<Tensor, (Tensor? Mask, int Count), Tensor>(nameof(InPair))
    {
        public override Tensor forward(Tensor x, (Tensor? Mask, int Count) pair) => x.relu_() * pair.Count;
    }

    [Fact]
    public void They_are_null_where_the_input_is()
    {
        using var extractor = feature_extraction.create_feature_extractor(new Optional(), ["mask", "relu_"]);
        Assert.Null(extractor.call(ones(2), null).value<object?>("mask"));
        using var mask = ones(2);
        using (var given = extractor.call(ones(2), mask))
            Assert.Equal(mask, given["mask"]);
        Assert.False(mask.IsInvalid);
    }

    [Fact]
    public void So_are_they_in_a_loaded_extractor()
    {
        using var extractor = feature_extraction.create_feature_extractor(new Optional(), ["mask", "relu_"]);
        var file = Path.GetTempFileName();
        fx.save(extractor, file);
        using var loaded = Loaded(extractor, file);
        File.Delete(file);
        Assert.Null(loaded.call(ones(2), null).value<object?>("mask"));
    }

    private static T Loaded<T>(T like, string file) where T : nn.Module, IGraphModule => fx.load<T>(file);

    [Fact]
    public void A_pair_that_holds_one_is_handed_on()
    {
        using var extractor = feature_extraction.create_feature_extractor(new InPair(), ["pair", "relu_"]);
        Assert.Equal((null, 3), extractor.call(ones(2), (null, 3)).value<(Tensor?, int)>("pair"));
    }
}

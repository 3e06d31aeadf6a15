using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.FeatureExtraction;

/// <summary>What is said when the two modes have different nodes.</summary>
[Collection(nameof(Alone))]
public sealed class DifferenceWarningTests : IDisposable
{
    private const string Advice = " When choosing nodes for feature extraction, you may need to specify output nodes for train and eval mode separately.";
    private readonly Action<string> before = feature_extraction.warn;
    private readonly List<string> warnings = [];

    public DifferenceWarningTests() => feature_extraction.warn = warnings.Add;

    public void Dispose() => feature_extraction.warn = before;

    private sealed class MoreIn(bool mode, bool otherToo) : Module<Tensor, Tensor>(nameof(MoreIn))
    {
        public override Tensor forward(Tensor x)
        {
            if (training == mode)
                x = x.relu();
            else if (otherToo)
                x = x.tanh();
            return x.exp();
        }
    }

    [Theory]
    [InlineData(true, false, "NOTE: The nodes obtained by tracing the model in eval mode are a subsequence of those obtained in train mode.")]
    [InlineData(false, false, "NOTE: The nodes obtained by tracing the model in train mode are a subsequence of those obtained in eval mode.")]
    [InlineData(true, true, "The nodes obtained by tracing the model in train mode are different to those obtained in eval mode.")]
    public void Differing_modes_are_told_in_three_ways_and_in_silence_when_suppressed(bool training, bool otherToo, string sentence)
    {
        var model = new MoreIn(training, otherToo);
        feature_extraction.get_graph_node_names(model);
        feature_extraction.create_feature_extractor(model, ["exp"]).Dispose();
        Assert.Equal([sentence + Advice, sentence + Advice], warnings);

        feature_extraction.get_graph_node_names(model, suppress_diff_warning: true);
        feature_extraction.create_feature_extractor(model, ["exp"], suppress_diff_warning: true).Dispose();
        Assert.Equal(2, warnings.Count);
    }

    [Fact]
    public void Equal_modes_are_no_reason_to_warn()
    {
        feature_extraction.get_graph_node_names(Sequential(Linear(2, 2), Dropout()));
        Assert.Empty(warnings);
    }
}

using TorchSharp.Fx.Testing;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Vision.Tests.Features;

/// <summary>Big models run one at a time, and nothing beside them.</summary>
[CollectionDefinition(nameof(OneAtATime), DisableParallelization = true)]
public sealed class OneAtATime;

/// <summary>The models of the catalogue as test cases.</summary>
internal static class Models
{
    internal static TheoryData<string> All => [.. models.list_models()];

    internal static TheoryData<string> With(string golden) => [.. models.list_models().Where(name => Golden.Has(golden, name))];

    /// <summary>No memory, no random numbers: enough to trace.</summary>
    internal static nn.Module Meta(string name) => models.get_model(name, device: META);

    /// <summary>An extractor of any model by name: all of Vision's take one tensor.</summary>
    internal static DualGraphModule<Tensor> Extractor(nn.Module model, ReturnNodes? nodes = null, ReturnNodes? train = null, ReturnNodes? eval = null) => model switch
    {
        nn.Module<Tensor, Tensor> plain => feature_extraction.create_feature_extractor(plain, nodes, train, eval, suppress_diff_warning: true),
        nn.Module<Tensor, Dictionary<string, Tensor>> segmentation => feature_extraction.create_feature_extractor(segmentation, nodes, train, eval, suppress_diff_warning: true),
        GoogLeNet google => feature_extraction.create_feature_extractor(google, nodes, train, eval, suppress_diff_warning: true),
        _ => feature_extraction.create_feature_extractor((Inception3)model, nodes, train, eval, suppress_diff_warning: true),
    };
}

using TorchSharp.Fx.Testing;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Vision.Tests.Features;

/// <summary>Big models run one at a time, and nothing beside them.</summary>
[CollectionDefinition(nameof(OneAtATime), DisableParallelization = true)]
public sealed class OneAtATime;

/// <summary>The models of the catalogue as test cases.</summary>
internal static class Models
{
    /// <summary>Those that take one tensor, in floating point.</summary>
    internal static IEnumerable<string> Plain => models.list_models(ModelInput.Batch).Except(models.quantization.list_models());

    internal static TheoryData<string> All => [.. Plain];

    internal static TheoryData<string> With(string golden) => [.. Plain.Where(name => Golden.Has(golden, name))];

    /// <summary>No memory, no random numbers: enough to trace.</summary>
    internal static nn.Module Meta(string name) => models.get_model(name, device: META);

    /// <summary>As little as a model takes in training.</summary>
    internal static Tensor SmallInput(string name) => name switch
    {
        "inception_v3" => rand(2, 3, 299, 299),
        "maxvit_t" => rand(2, 3, 224, 224),
        "s3d" or "mvit_v1_b" or "mvit_v2_s" => rand([1, 3, 16, 224, 224]),
        _ when name.StartsWith("vit_", StringComparison.Ordinal) => rand(2, 3, 224, 224),
        _ when models.get_model_info(name).input_shape.Count == 4 => rand([2, 3, 4, 64, 64]),
        _ => rand(2, 3, 64, 64),
    };

    /// <summary>An extractor of any model by name: all of Vision's take one tensor.</summary>
    internal static DualGraphModule<Tensor> Extractor(nn.Module model, ReturnNodes? nodes = null, ReturnNodes? train = null, ReturnNodes? eval = null) => model switch
    {
        nn.Module<Tensor, Tensor> plain => feature_extraction.create_feature_extractor(plain, nodes, train, eval, suppress_diff_warning: true),
        nn.Module<Tensor, Dictionary<string, Tensor>> segmentation => feature_extraction.create_feature_extractor(segmentation, nodes, train, eval, suppress_diff_warning: true),
        GoogLeNet google => feature_extraction.create_feature_extractor(google, nodes, train, eval, suppress_diff_warning: true),
        _ => feature_extraction.create_feature_extractor((Inception3)model, nodes, train, eval, suppress_diff_warning: true),
    };
}

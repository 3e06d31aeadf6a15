using TorchSharp.Fx.Vision;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx.Tests;

/// <summary>Extractors of Vision's models give in ONNX Runtime what they give here, for batches of any size.</summary>
/// <remarks>Small ones of several families; TORCHFX_ALL_MODELS takes all that can be exported.</remarks>
public sealed class ModelTests
{
    // Their attention has operations or branches that have no converter; the export says so by name.
    private static readonly string[] Refused = ["swin", "maxvit", "mvit"];

    private const long MostParameters = 100_000_000;

    public static TheoryData<string> Chosen => Environment.GetEnvironmentVariable("TORCHFX_ALL_MODELS") is null
        ? ["resnet18", "mobilenet_v3_small", "shufflenet_v2_x0_5", "efficientnet_b0", "squeezenet1_1", "regnet_y_400mf"]
        : [.. models.list_models().Where(name => !Array.Exists(Refused, part => name.Contains(part, StringComparison.Ordinal)) && models.get_model_info(name).num_params <= MostParameters)];

    [Theory, MemberData(nameof(Chosen))]
    public void A_model_gives_the_same_in_ONNX_Runtime(string name)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var model = models.get_model(name);
        model.eval();
        var (train, eval) = feature_extraction.get_graph_node_names(model, suppress_diff_warning: true);
        using var extractor = feature_extraction.create_feature_extractor(model, train_return_nodes: [train[0]], eval_return_nodes: [new(eval[^1], "last")], suppress_diff_warning: true);
        var shape = Shape(name);
        using var exported = new OnnxModel();
        onnx.export(extractor, exported.Path, [InputShape.Parse($"Nx{string.Join('x', shape)}")]);
        Assert.Equal(["last"], exported.Signature().Outputs);
        foreach (var batch in new long[] { 1, 3 })
        {
            var input = rand([batch, .. shape]);
            using var expected = extractor.call(input);
            OnnxModel.AssertClose((torch.Tensor)expected.value<object>("last"), exported.Run(input)["last"]);
        }
    }

    private static long[] Shape(string name) => name switch
    {
        "inception_v3" => [3, 299, 299],
        _ when name.StartsWith("vit_", StringComparison.Ordinal) || name.StartsWith("vgg", StringComparison.Ordinal) || name is "alexnet" => [3, 224, 224],
        "s3d" => [3, 16, 224, 224],
        _ when models.get_model_info(name).input_shape.Count == 4 => [3, 4, 64, 64],
        _ => [3, 64, 64],
    };
}

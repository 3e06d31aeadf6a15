using TorchSharp.Fx.Vision;
using static TorchSharp.torch;

namespace TorchSharp.Fx.TorchScript.Tests;

/// <summary>Extractors of Vision's models give in TorchScript what they give here, for batches of any size, and hold their parameters under the same names.</summary>
/// <remarks>Small ones of several families; TORCHFX_ALL_MODELS takes all.</remarks>
public sealed class ModelTests
{
    // What looks at sizes is traced by an example, and holds for images of that size.
    private static readonly string[] BySize = ["swin", "mvit"];

    private const long MostParameters = 310_000_000;

    public static TheoryData<string> Chosen => Environment.GetEnvironmentVariable("TORCHFX_ALL_MODELS") is null
        ? ["resnet18", "mobilenet_v3_small", "shufflenet_v2_x0_5", "squeezenet1_1", "regnet_y_400mf", "mnasnet0_5", "lraspp_mobilenet_v3_large"]
        : [.. models.list_models(ModelInput.Batch).Except(models.quantization.list_models()).Where(name => models.get_model_info(name).num_params <= MostParameters)];

    [Theory, MemberData(nameof(Chosen))]
    public void A_model_gives_the_same_in_TorchScript(string name)
    {
        using var model = models.get_model(name);
        Check(model, Shape(name), Array.Exists(BySize, part => name.Contains(part, StringComparison.Ordinal)));
    }

    [Fact]
    public void A_vision_transformer_gives_the_same()
    {
        using var model = new VisionTransformer(32, 8, 2, 2, 16, 32, num_classes: 5);
        Check(model, [3, 32, 32], byExample: false);
    }

    [Fact]
    public void A_transformer_of_shifted_windows_gives_the_same()
    {
        using var model = new SwinTransformer([4, 4], 16, [2, 2], [2, 4], [4, 4], num_classes: 5);
        Check(model, [3, 36, 36], byExample: true);
    }

    private static void Check(nn.Module model, long[] shape, bool byExample)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        model.eval();
        var (train, eval) = feature_extraction.get_graph_node_names(model, suppress_diff_warning: true);
        using var extractor = feature_extraction.create_feature_extractor(model, train_return_nodes: [train[0]], eval_return_nodes: [new(eval[^1], "last")], suppress_diff_warning: true);
        using var archive = new Archive();
        torchscript.export(extractor, archive.Path, byExample ? [InputShape.Parse($"1x{string.Join('x', shape)}")] : null);
        using var loaded = archive.Load();
        Assert.Equal(extractor.state_dict().Keys.Order(), loaded.named_parameters().Select(entry => entry.name).Concat(loaded.named_buffers().Select(entry => entry.name)).Order());
        foreach (var batch in new long[] { 1, 3 })
        {
            var input = rand([batch, .. shape]);
            using var expected = extractor.call(input);
            Archive.AssertClose((torch.Tensor)expected.value<object>("last"), ((torch.Tensor[])loaded.invoke("values", input)).Single());
        }
    }

    private static long[] Shape(string name) => name switch
    {
        "inception_v3" => [3, 299, 299],
        _ when name.StartsWith("vit_", StringComparison.Ordinal) || name.StartsWith("vgg", StringComparison.Ordinal) || name.StartsWith("maxvit", StringComparison.Ordinal) || name is "alexnet" => [3, 224, 224],
        "s3d" or "mvit_v1_b" or "mvit_v2_s" => [3, 16, 224, 224],
        _ when models.get_model_info(name).input_shape.Count == 4 => [3, 4, 64, 64],
        _ => [3, 64, 64],
    };
}

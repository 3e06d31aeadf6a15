using TorchSharp.Fx.Vision;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx.Tests;

/// <summary>Extractors of Vision's models, of inner nodes and the last, give in ONNX Runtime what they give here, for batches of any size.</summary>
/// <remarks>Small ones of several families; TORCHFX_ALL_MODELS takes all, or those of the families that it names.</remarks>
public sealed class ModelTests
{
    private const long MostParameters = 150_000_000, MostInSuite = 7_000_000;

    private static readonly string[] Families = Environment.GetEnvironmentVariable("TORCHFX_ALL_MODELS") switch
    {
        null => [],
        var text when text.All(char.IsAsciiDigit) => [""],
        var text => text.Split(','),
    };

    public static TheoryData<string> Chosen => Families.Length == 0
        ? [.. InSuite] : ByHand;

    private static readonly string[] InSuite = ["resnet18", "mobilenet_v3_small", "shufflenet_v2_x0_5", "efficientnet_b0",
        "squeezenet1_1", "regnet_y_400mf", "swin_t"];

    /// <summary>Those in the suite, and the smallest of each further family that has one that is small; or those that are asked
    /// for.</summary>
    internal static TheoryData<string> OfEachFamily => Families.Length > 0 ? ByHand
        : [.. InSuite.Union(Zoo.GroupBy(Family).Where(family => !family.Any(InSuite.Contains))
            .Select(family => family.MinBy(name => models.get_model_info(name).num_params)!)
            .Where(name => models.get_model_info(name).num_params <= MostInSuite))];

    private static TheoryData<string> ByHand
        => [.. Zoo.Where(name => Array.Exists(Families, family => name.StartsWith(family, StringComparison.Ordinal)))];

    private static IEnumerable<string> Zoo => models.list_models(ModelInput.Batch).Except(models.quantization.list_models())
        .Where(name => models.get_model_info(name).num_params <= MostParameters);

    /// <summary>What stands before a model's numbers and sizes.</summary>
    private static string Family(string name) => name.Split('_')[0].TrimEnd([.. "0123456789"]);

    [Theory, MemberData(nameof(Chosen))]
    public void A_model_gives_the_same_in_ONNX_Runtime(string name)
    {
        using var model = Built(() => models.get_model(name));
        Same(model, Shape(name));
    }

    public static TheoryData<string> Backbones => Families.Length == 0 ? ["mobilenet"] : ["mobilenet", "resnet"];

    [Theory, MemberData(nameof(Backbones))]
    public void A_detector_s_backbone_gives_the_same_in_ONNX_Runtime(string kind)
    {
        using var model = Built(() => kind == "resnet" ? models.resnet_fpn_backbone("resnet18") : models.mobilenet_backbone("mobilenet_v3_small", null, fpn: true));
        Same(model, [3, 64, 64]);
    }

    [Theory, InlineData("squeezenet1_1"), InlineData("lraspp_mobilenet_v3_large")]
    public void Height_and_width_can_be_free(string name)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var model = Built(() => models.get_model(name));
        using var exported = new OnnxModel();
        using var traced = fx.symbolic_trace(model);
        onnx.export(traced, exported.Path, [InputShape.Parse("Nx3xH=64xW=64")]);
        var input = rand(2, 3, 96, 80);
        var expected = new GraphInterpreter(traced).run(input);
        var actual = exported.Run(input).Values.First();
        OnnxModel.AssertClose(expected as torch.Tensor ?? ((IDictionary<string, torch.Tensor>)expected!).Values.First(), actual, name);
    }

    internal static nn.Module Built(Func<nn.Module> build)
    {
        random.manual_seed(1);
        var model = build();
        model.eval();
        return model;
    }

    private static void Same(nn.Module model, long[] shape)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var extractor = Extractor(model, Nodes(model, shape));
        using var exported = new OnnxModel();
        onnx.export(extractor, exported.Path, [InputShape.Parse($"Nx{string.Join('x', shape)}")]);
        torch.Tensor[][] inputs = [[rand([1, .. shape])], [rand([2, .. shape])]];
        foreach (var (given, actual) in inputs.Zip(exported.RunAll(inputs)))
        {
            using var expected = extractor.call(given[0]);
            Assert.Equal(expected.Keys.Order(), actual.Keys.Order());
            foreach (var key in expected.Keys)
                OnnxModel.AssertClose(expected[key], actual[key], key);
        }
    }

    internal static DualGraphModule Extractor(nn.Module model, string[] nodes)
        => feature_extraction.create_feature_extractor(model, train_return_nodes: feature_extraction.get_graph_node_names(model, suppress_diff_warning: true).train_nodes.Take(1).ToArray(), eval_return_nodes: nodes, suppress_diff_warning: true);

    /// <summary>Five nodes of floats: the last and some before.</summary>
    internal static string[] Nodes(nn.Module model, long[] shape)
    {
        // Checks have no value.
        string[] names = [.. feature_extraction.get_graph_node_names(model, suppress_diff_warning: true).eval_nodes.Where(name => !name.Contains("_assert", StringComparison.Ordinal))];
        string[] candidates = [.. Enumerable.Range(1, 20).Select(i => names[(names.Length - 1) * i / 20]).Distinct()];
        using var extractor = Extractor(model, candidates);
        using var values = extractor.call(rand([1, .. shape]));
        string[] tensors = [.. candidates.Where(name => values.value<object>(name) is torch.Tensor { dtype: ScalarType.Float32 })];
        return [.. tensors.Where((_, i) => i == tensors.Length - 1 || i % 5 == 2)];
    }

    internal static long[] Shape(string name) => name switch
    {
        "inception_v3" => [3, 299, 299],
        _ when name.StartsWith("vit_", StringComparison.Ordinal) || name is "maxvit_t" => [3, 224, 224],
        "s3d" or "mvit_v1_b" or "mvit_v2_s" => [3, 16, 224, 224],
        _ when models.get_model_info(name).input_shape.Count == 4 => [3, 4, 64, 64],
        _ => [3, 64, 64],
    };
}

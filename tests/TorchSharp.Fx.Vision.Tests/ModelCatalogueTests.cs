using System.Text.Json;
using TorchSharp.Fx.Testing;
using Xunit;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Vision.Tests;

/// <summary>Every row of the catalogue against torchvision's own numbers.</summary>
public sealed class ModelCatalogueTests
{
    private static readonly JsonElement weights = Golden.Json("weights.json");

    public static TheoryData<string> Models => [.. models.list_models()];

    public static TheoryData<string> OfBatches => [.. models.list_models(ModelInput.Batch)];

    public static TheoryData<string> ModelsWithStateDict => [.. models.list_models().Where(name => Golden.Has("state_dict", name))];

    [Theory]
    [MemberData(nameof(Models))]
    public void Row_states_the_number_of_parameters_that_the_model_has(string name)
    {
        var model = models.get_model(name, device: META);
        Assert.Equal(models.get_model_info(name).num_params, model.parameters().Sum(parameter => parameter.numel()));
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void Number_of_parameters_is_torchvisions(string name)
    {
        // torchvision counts its published GoogLeNet without the auxiliary classifiers, segmentation with them; one ViT was published for larger images only.
        nn.Module model = name switch
        {
            "googlenet" => models.googlenet(aux_logits: false, device: META),
            "quantized_googlenet" => models.quantization.googlenet(aux_logits: false, device: META),
            "vit_h_14" => models.vit_h_14(image_size: 518, device: META),
            "fcn_resnet50" => models.fcn_resnet50(aux_loss: true, device: META),
            "fcn_resnet101" => models.fcn_resnet101(aux_loss: true, device: META),
            "deeplabv3_resnet50" => models.deeplabv3_resnet50(aux_loss: true, device: META),
            "deeplabv3_resnet101" => models.deeplabv3_resnet101(aux_loss: true, device: META),
            "deeplabv3_mobilenet_v3_large" => models.deeplabv3_mobilenet_v3_large(aux_loss: true, device: META),
            _ => models.get_model(name, device: META),
        };
        var published = weights.GetProperty(name).EnumerateObject().First().Value.GetProperty("num_params").GetInt64();
        // The norms of most published detectors' backbones are frozen, and so no parameters.
        var norms = model is DetectionModel ? model.named_modules().Where(item => item.name.StartsWith("backbone.body.", StringComparison.Ordinal))
            .Select(item => item.module).OfType<BatchNorm2d>().Sum(Count) : 0;
        Assert.Contains(published, new[] { Count(model), Count(model) - norms });

        static long Count(nn.Module module) => module.parameters().Sum(parameter => parameter.numel());
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void Input_shape_is_the_crop_of_published_weights(string name)
    {
        var crops = weights.GetProperty(name).EnumerateObject().Where(item => item.Value.GetProperty("transforms").GetString() == "ImageClassification")
            .Select(item => item.Value.GetProperty("transform_args").GetProperty("crop_size")[0].GetInt64()).ToList();
        if (crops.Count > 0) Assert.Contains(models.get_model_info(name).input_shape[^1], crops);
    }

    [Theory]
    [MemberData(nameof(ModelsWithStateDict))]
    public void State_dict_has_torchvisions_keys_shapes_and_types_in_order(string name)
    {
        var model = models.get_model(name, device: META);
        AssertStateDict(name, model);
    }

    [Theory]
    [MemberData(nameof(OfBatches))]
    public void Number_of_classes_sets_the_last_layer(string name)
    {
        var last = models.get_model(name, num_classes: 7, device: META).named_parameters().Last();
        Assert.Equal(7, last.parameter.shape[0]);
    }

    [Fact]
    public void Names_are_listed_in_order_and_found_in_any_case()
    {
        Assert.Equal(models.list_models().Order(StringComparer.Ordinal), models.list_models());
        Assert.Equal("resnet18", models.get_model_info("ResNet18").name);
    }

    [Fact]
    public void Unknown_name_is_refused_with_the_nearest()
    {
        var error = Assert.Throws<ArgumentException>(() => models.get_model("resnet5"));
        Assert.StartsWith("There is no model named 'resnet5'. The nearest names are 'resnet50', 'resnet152', 'resnet18'; models.list_models() lists all.", error.Message, StringComparison.Ordinal);
    }

    internal static void AssertStateDict(string name, nn.Module model)
    {
        var actual = InPyTorchsOrder(model, "").Select(item => $"{item.key} [{string.Join(", ", item.value.shape)}] {TypeName(item.value.dtype)}").ToArray();
        Assert.Equal(Golden.StateDict(name), actual);
        Assert.Equal(actual.Length, model.state_dict().Count);
    }

    // TorchSharp lists all parameters before all buffers; PyTorch goes module by module.
    private static IEnumerable<(string key, Tensor value)> InPyTorchsOrder(nn.Module module, string prefix) =>
    [
        .. module.named_parameters(recurse: false).Select(item => (prefix + item.name, (Tensor)item.parameter)),
        .. module.named_buffers(recurse: false).Select(item => (prefix + item.name, item.buffer)),
        .. module.named_children().SelectMany(child => InPyTorchsOrder(child.module, $"{prefix}{child.name}.")),
    ];

    private static string TypeName(ScalarType type) => type switch
    {
        ScalarType.Float32 => "float32",
        ScalarType.Int64 => "int64",
        _ => type.ToString(),
    };
}

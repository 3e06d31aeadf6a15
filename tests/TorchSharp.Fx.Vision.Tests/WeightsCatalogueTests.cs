using System.Reflection;
using System.Text.Json;
using TorchSharp.Fx.Testing;
using Xunit;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Vision.Tests;

/// <summary>Published weights: torchvision's facts, C#'s names.</summary>
public sealed class WeightsCatalogueTests
{
    private static readonly JsonElement golden = Golden.Json("weights.json");

    [Fact]
    public void Every_published_weight_has_torchvisions_facts()
    {
        foreach (var (model, name, row) in Rows())
        {
            var weights = models.get_model_weights(model).Single(weights => weights.name == name);
            Assert.Equal(row.GetProperty("url").GetString(), weights.url.AbsoluteUri);
            Assert.Equal(row.GetProperty("default").GetBoolean(), weights.is_default);
            Assert.Equal(row.GetProperty("num_params").GetInt64(), weights.meta.num_params);
            Assert.Equal(row.GetProperty("ops").GetDouble(), weights.meta.gflops);
            Assert.Equal(row.GetProperty("file_size").GetDouble(), weights.meta.file_size);
            foreach (var set in row.GetProperty("metrics").EnumerateObject())
                foreach (var metric in set.Value.EnumerateObject())
                    Assert.Equal(metric.Value.ValueKind == JsonValueKind.Number ? metric.Value.GetDouble() : double.NaN, weights.meta.metrics[set.Name][metric.Name]);
        }
        Assert.Equal(166, Rows().Count());
    }

    [Fact]
    public void Every_weight_of_a_model_here_is_a_member_of_that_models_type()
    {
        foreach (var (model, name, row) in Rows().Where(row => models.list_models().Contains(row.model)))
        {
            var weights = models.get_model_weights(model).Single(weights => weights.name == name);
            var type = typeof(Weights).Assembly.GetType($"TorchSharp.Fx.Vision.{weights.enum_name}");
            Assert.True(type is not null, $"{weights.enum_name} is missing.");
            Assert.Same(weights, Member(type, name));
            if (row.GetProperty("default").GetBoolean()) Assert.Same(weights, Member(type, "DEFAULT"));
        }
    }

    [Fact]
    public void Type_has_no_members_that_were_not_published()
    {
        foreach (var type in typeof(Weights).Assembly.GetExportedTypes().Where(type => type.Name.EndsWith("_Weights", StringComparison.Ordinal)))
        {
            var members = type.GetProperties(BindingFlags.Public | BindingFlags.Static | BindingFlags.FlattenHierarchy).Select(member => member.Name).Except(["DEFAULT", "All"]);
            var published = golden.GetProperty(type.Name[..^"_Weights".Length].ToLowerInvariant()).EnumerateObject().Select(item => item.Name);
            Assert.Equal(published.Order(), members.Order());
        }
    }

    [Fact]
    public void Weights_know_their_labels()
    {
        var categories = ResNet50_Weights.IMAGENET1K_V2.meta.categories;
        Assert.Equal(1000, categories.Count);
        Assert.Equal("tench", categories[0]);
        Assert.Equal("toilet tissue", categories[^1]);
        Assert.Equal("__background__", FCN_ResNet50_Weights.DEFAULT.meta.categories[0]);
        Assert.Equal("abseiling", R3D_18_Weights.DEFAULT.meta.categories[0]);
    }

    [Fact]
    public void Weights_are_found_by_name()
    {
        Assert.Same(ResNet50_Weights.IMAGENET1K_V2, models.get_weight("ResNet50_Weights.IMAGENET1K_V2"));
        Assert.Same(ResNet50_Weights.IMAGENET1K_V2, models.get_weight("ResNet50_Weights.DEFAULT"));
        Assert.Equal("ResNet50_QuantizedWeights.IMAGENET1K_FBGEMM_V2", models.get_model_weights("quantized_resnet50")[1].ToString());
        Assert.StartsWith("There are no weights named 'ResNet50_Weights.IMAGENET1K_V3'. The nearest names are 'ResNet50_Weights.IMAGENET1K_V1', 'ResNet50_Weights.IMAGENET1K_V2'.",
            Assert.Throws<ArgumentException>(() => models.get_weight("ResNet50_Weights.IMAGENET1K_V3")).Message, StringComparison.Ordinal);
        Assert.StartsWith("No weights are published for 'resnet5'. The nearest models with weights are 'resnet50', 'resnet101', 'resnet152'.".Split(". The")[0],
            Assert.Throws<ArgumentException>(() => models.get_model_weights("resnet5")).Message, StringComparison.Ordinal);
        Assert.StartsWith("ResNet18_Weights.IMAGENET1K_V1 are weights of 'resnet18', not of 'resnet50'.",
            Assert.Throws<ArgumentException>(() => models.get_model("resnet50", ResNet18_Weights.DEFAULT)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Transforms_have_each_weights_own_sizes()
    {
        using var scope = NewDisposeScope();
        var image = torch.randint(0, 256, [1, 3, 300, 400], ScalarType.Byte);
        Assert.Equal([1, 3, 342, 342], Inception("inception_v3", 299, 342).call(image).shape.Select(size => size == 299 ? 342 : size));
        Assert.Equal([1, 3, 520, 693], models.get_weight("FCN_ResNet50_Weights.DEFAULT").transforms().call(image).shape);
        Assert.Equal([2, 3, 1, 112, 112], R3D_18_Weights.DEFAULT.transforms().call(image.unsqueeze(1).repeat(2, 1, 1, 1, 1)).shape);
        Assert.Equal([3, 300, 400], models.get_weight("Raft_Large_Weights.C_T_V1").transforms().call(image[0]).shape);

        nn.Module<Tensor, Tensor> Inception(string model, long crop, long resize)
        {
            var arguments = golden.GetProperty(model).GetProperty("IMAGENET1K_V1").GetProperty("transform_args");
            Assert.Equal((crop, resize), (arguments.GetProperty("crop_size")[0].GetInt64(), arguments.GetProperty("resize_size")[0].GetInt64()));
            return models.get_model_weights(model)[0].transforms();
        }
    }

    [Fact]
    public void Video_is_resized_without_antialiasing_and_cut_in_the_middle()
    {
        using var scope = NewDisposeScope();
        // One bright column of eight: at exactly half size plain bilinear sampling averages it with its neighbour, antialiasing with three.
        var row = torch.tensor(new byte[] { 0, 0, 255, 0, 0, 0, 0, 0 });
        var video = new VideoClassification([2, 2], [2, 4], mean: [0, 0, 0], std: [1, 1, 1]).call(row.expand(1, 3, 4, 8));
        Assert.Equal([3, 1, 2, 2], video.shape);
        Assert.Equal([128 / 255f, 0, 128 / 255f, 0], video[0].reshape(-1).data<float>().ToArray());
    }

    private static object? Member(Type type, string name) => type.GetProperty(name, BindingFlags.Public | BindingFlags.Static | BindingFlags.FlattenHierarchy)?.GetValue(null);

    private static IEnumerable<(string model, string name, JsonElement row)> Rows() =>
        golden.EnumerateObject().SelectMany(model => model.Value.EnumerateObject().Select(row => (model.Name, row.Name, row.Value)));
}

using System.Text.Json;
using TorchSharp.Fx.Testing;
using Xunit;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Vision.Tests;

/// <summary>What the detectors compute, against torchvision with the same weights and images.</summary>
public sealed class DetectionTests : IDisposable
{
    private readonly DisposeScope scope = NewDisposeScope();

    // Their values are those of Mask R-CNN on the way to the masks, or take long.
    private static readonly string[] heavy = ["fasterrcnn_resnet50_fpn", "fasterrcnn_resnet50_fpn_v2", "maskrcnn_resnet50_fpn", "maskrcnn_resnet50_fpn_v2"];

    private static readonly string[] names =
        [.. Directory.GetFiles(Golden.PathOf("detection")).Select(file => Path.GetFileNameWithoutExtension(file)).Order(StringComparer.Ordinal)];

    public static TheoryData<string> Known => [.. names];

    public static TheoryData<string> Computed => [.. Environment.GetEnvironmentVariable("TORCHFX_ALL_MODELS") is null ? names.Except(heavy) : names];

    public void Dispose() => scope.Dispose();

    [Theory]
    [MemberData(nameof(Known))]
    public void State_dict_and_number_of_parameters_are_torchvisions(string name)
    {
        var model = Build(name, META);
        ModelCatalogueTests.AssertStateDict(name, model);
        Assert.Equal(Json(name).GetProperty("parameters").GetInt64(),
            model.parameters().Sum(parameter => parameter.numel()));
    }

    [Theory]
    [MemberData(nameof(Computed))]
    public void Detections_values_on_the_way_and_losses_are_torchvisions(string name)
    {
        var golden = Json(name);
        var model = DeterministicWeights.Fill(Build(name));
        model.eval();
        var seen = new Values(golden.GetProperty("inner"));
        foreach (var (path, module) in model.named_modules()) seen.Watch(path, module);
        using var _ = no_grad();
        var detections = model.call(Images());
        seen.AssertAll();
        AssertDetections(golden.GetProperty("detections"), detections);
        // Where nothing is drawn at random.
        if (golden.TryGetProperty("losses", out var losses)) AssertLosses(losses, model);
    }

    private static void AssertLosses(JsonElement expected, DetectionModel model)
    {
        model.train();
        var losses = model.losses(Images(), Targets());
        Assert.Equal(expected.EnumerateObject().Select(loss => loss.Name).Order(), losses.Keys.Order());
        Assert.All(losses, loss => Assert.Equal(1, loss.Value.item<float>() / expected.GetProperty(loss.Key).GetDouble(), 1e-4));
    }

    internal static JsonElement Json(string name) => Golden.Json("detection", $"{name}.json");

    internal static DetectionModel Build(string name, Device? device = null)
    {
        return name switch
        {
            "fasterrcnn_resnet50_fpn" => models.fasterrcnn_resnet50_fpn(options: Faster, device: device),
            "fasterrcnn_resnet50_fpn_v2" => models.fasterrcnn_resnet50_fpn_v2(options: Faster, device: device),
            "fasterrcnn_mobilenet_v3_large_320_fpn" => models.fasterrcnn_mobilenet_v3_large_320_fpn(options: Faster, device: device),
            "fasterrcnn_mobilenet_v3_large_fpn" => models.fasterrcnn_mobilenet_v3_large_fpn(options: Faster, device: device),
            "maskrcnn_resnet50_fpn" => models.maskrcnn_resnet50_fpn(options: its =>
                Faster(its) with { box_detections_per_img = 10 }, device: device),
            "maskrcnn_resnet50_fpn_v2" => models.maskrcnn_resnet50_fpn_v2(options: its =>
                Faster(its) with { box_detections_per_img = 10 }, device: device),
            "keypointrcnn_resnet50_fpn" =>
                models.keypointrcnn_resnet50_fpn(options: its => Faster(its) with { box_detections_per_img = 10 }, device: device),
            "retinanet_resnet50_fpn" => models.retinanet_resnet50_fpn(options: OneStage, device: device),
            "retinanet_resnet50_fpn_v2" => models.retinanet_resnet50_fpn_v2(options: OneStage, device: device),
            "fcos_resnet50_fpn" => models.fcos_resnet50_fpn(options: OneStage, device: device),
            "ssd300_vgg16" => models.ssd300_vgg16(options: OneStage, device: device),
            "ssdlite320_mobilenet_v3_large" => models.ssdlite320_mobilenet_v3_large(options: OneStage, device: device),
            _ => throw new ArgumentException($"How is {name} built?", nameof(name)),
        };

        static FasterRCNNOptions Faster(FasterRCNNOptions its) =>
            its with { min_size = [160], max_size = 320, box_score_thresh = 0, box_detections_per_img = 20 };

        static T OneStage<T>(T its) where T : OneStageOptions =>
            its with { min_size = [160], max_size = 320, score_thresh = 0, detections_per_img = 20 };
    }

    internal static List<Tensor> Images() =>
        [DeterministicWeights.Image("input", 3, 150, 200), DeterministicWeights.Image("input2", 3, 180, 140)];

    private static List<Dictionary<string, Tensor>> Targets() =>
    [
        new() { ["boxes"] = torch.tensor(new[,] { { 10f, 20, 90, 120 }, { 40, 5, 150, 100 } }),
            ["labels"] = torch.tensor(new long[] { 1, 2 }) },
        new() { ["boxes"] = torch.tensor(new[,] { { 5f, 30, 100, 160 } }), ["labels"] = torch.tensor(new long[] { 1 }) },
    ];

    internal static void AssertDetections(JsonElement expected, List<Dictionary<string, Tensor>> actual)
    {
        Assert.Equal(expected.GetArrayLength(), actual.Count);
        foreach (var (i, image) in expected.EnumerateArray().Index())
        {
            Assert.Equal(image.EnumerateObject().Select(part => part.Name).Order(), actual[i].Keys.Order());
            foreach (var part in image.EnumerateObject())
            {
                var tensor = actual[i][part.Name];
                if (part.Value.ValueKind == JsonValueKind.Object) TensorStatistics.Parse(part.Value).AssertMatches(tensor,
                    $"image {i}'s {part.Name}");
                else AssertClose(Flat(part.Value), tensor, part.Name == "boxes" ? 1e-2 : 1e-4, $"image {i}'s {part.Name}");
            }
        }
    }

    private static void AssertClose(double[] expected, Tensor actual, double tolerance, string name)
    {
        var numbers = actual.to(ScalarType.Float64).flatten().data<double>().ToArray();
        Assert.Equal(expected.Length, numbers.Length);
        Assert.All(expected.Zip(numbers), (pair, j) =>
            Assert.True(Math.Abs(pair.First - pair.Second) <= tolerance, $"{name}: number {j} is {pair.Second}, expected {pair.First}."));
    }

    private static double[] Flat(JsonElement numbers) =>
        [.. numbers.EnumerateArray().SelectMany(item => item.ValueKind == JsonValueKind.Array ? Flat(item) : [item.GetDouble()])];

    /// <summary>The golden values of modules, compared when the modules put them out.</summary>
    private sealed class Values(JsonElement golden)
    {
        private readonly List<string> failures = [];
        private readonly HashSet<string> compared = [];

        public void Watch(string path, nn.Module module)
        {
            switch (module)
            {
                case Module<Tensor, Tensor> m: m.register_forward_hook((_, _, y) => Compare(path, y)); break;
                case Module<Tensor, (Tensor, Tensor)> m: m.register_forward_hook((_, _, y) => Compare(path, y)); break;
                case Module<Tensor, Dictionary<string, Tensor>> m: m.register_forward_hook((_, _, y) => Compare(path, y)); break;
                case Module<List<Tensor>, Tensor> m: m.register_forward_hook((_, _, y) => Compare(path, y)); break;
                case Module<List<Tensor>, (Tensor, Tensor)> m: m.register_forward_hook((_, _, y) => Compare(path, y)); break;
                case Module<List<Tensor>, (List<Tensor>, List<Tensor>)> m: m.register_forward_hook((_, _, y) => Compare(path, y)); break;
                case Module<List<Tensor>, Dictionary<string, Tensor>> m: m.register_forward_hook((_, _, y) => Compare(path, y)); break;
                case Module<ImageList, List<Tensor>, List<Tensor>> m: m.register_forward_hook((_, _, _, y) => Compare(path, y)); break;
                case MultiScaleRoIAlign m: m.register_forward_hook((_, _, _, _, y) => Compare(path, y)); break;
                case RegionProposalNetwork m: m.register_forward_hook((_, _, _, _, y) => Compare(path, y)); break;
                case GeneralizedRCNNTransform m: m.register_forward_hook((_, _, _, y) => Compare(path, y)); break;
            }
        }

        public void AssertAll()
        {
            Assert.True(failures.Count == 0, string.Join('\n', failures));
            Assert.Equal(golden.EnumerateObject().Select(value => value.Name).Order(StringComparer.Ordinal),
                compared.Order(StringComparer.Ordinal));
        }

        private T Compare<T>(string path, T value)
        {
            // Golden are the outputs of the first call.
            foreach (var (name, inner) in Parts(path, value!))
                if (golden.TryGetProperty(name, out var expected) && compared.Add(name)) Check(name, expected, inner);
            return value;
        }

        private void Check(string name, JsonElement expected, object actual)
        {
            try
            {
                if (actual is Tensor tensor) TensorStatistics.Parse(expected).AssertMatches(tensor, name);
                else Assert.Equal(Flat(expected),
                    ((List<(long height, long width)>)actual).SelectMany(size => new double[] { size.height, size.width }));
            }
            catch (Xunit.Sdk.XunitException failure)
            {
                failures.Add(failure.Message);
            }
        }

        private static IEnumerable<(string name, object value)> Parts(string name, object? value) => value switch
        {
            null => [],
            Tensor tensor => [(name, tensor)],
            ImageList images => [($"{name}.tensors", images.tensors), ($"{name}.image_sizes", images.image_sizes)],
            IDictionary<string, Tensor> dictionary => dictionary.SelectMany(item => Parts($"{name}.{item.Key}", item.Value)),
            IEnumerable<Tensor> list => list.SelectMany((item, i) => Parts($"{name}.{i}", item)),
            System.Runtime.CompilerServices.ITuple tuple =>
                Enumerable.Range(0, tuple.Length).SelectMany(i => Parts($"{name}.{i}", tuple[i])),
            _ => [],
        };
    }
}

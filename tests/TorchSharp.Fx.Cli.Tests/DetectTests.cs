using System.Text.Json;
using TorchSharp.Fx.Testing;
using TorchSharp.Fx.Vision;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Cli.Tests;

/// <summary>What detect writes is what the library finds.</summary>
public sealed class DetectTests : IDisposable
{
    private static readonly string Cat = Golden.PathOf("images", "chelsea.png");

    private readonly TemporaryFolder folder = new();
    private readonly DisposeScope scope = NewDisposeScope();

    public void Dispose()
    {
        scope.Dispose();
        folder.Dispose();
    }

    [Theory]
    [InlineData("ssdlite320_mobilenet_v3_large", null)]
    [InlineData("maskrcnn_resnet50_fpn", 64)]
    [InlineData("keypointrcnn_resnet50_fpn", 64)]
    public void Detections_are_written_in_COCOs_form_and_drawn(string name, int? side)
    {
        using var model = (DetectionModel)DeterministicWeights.Fill(Built(name, side));
        using var _ = no_grad();
        // Of 90 classes none is likely; this tells them apart.
        if (name == "maskrcnn_resnet50_fpn")
            model.get_parameter("roi_heads.box_predictor.cls_score.weight")!.mul_(20);
        Safetensors.save_file(model.state_dict(), folder["weights.safetensors"]);
        model.eval();
        var image = io.read_image(Cat);
        var found = model.call([transforms.convert_image_dtype(image)])[0];
        // Between two scores, so that some of the objects stay.
        var threshold = (found["scores"][4].item<float>() + found["scores"][5].item<float>()) / 2;

        File.WriteAllText(folder["broken.jpg"], "no image");
        string[] resize = side is { } given ? ["--min-size", $"{given}"] : [];
        var run = Torchfx.Run(["detect", name, Cat, folder["broken.jpg"], "--weights", folder["weights.safetensors"], "--out", folder["out"],
            "--threshold", threshold.ToString("R", System.Globalization.CultureInfo.InvariantCulture), .. resize]);
        Assert.Equal(3, run.ExitCode);
        Assert.Equal([folder["out/chelsea.png"], folder["out/detections.json"]], run.Lines);
        Assert.Contains("5 objects in 1 images, 1 broken", run.Error, StringComparison.Ordinal);

        using var json = JsonDocument.Parse(File.ReadAllText(folder["out/detections.json"]));
        var images = json.RootElement.GetProperty("images");
        Assert.Equal((Cat, 451, 300), (images[0].GetProperty("file_name").GetString(), images[0].GetProperty("width").GetInt32(), images[0].GetProperty("height").GetInt32()));
        Assert.Equal($"{folder["broken.jpg"]} is not an image of a known format (JPEG, PNG, WebP, BMP, GIF), or its header is damaged.", images[1].GetProperty("error").GetString());
        var annotations = json.RootElement.GetProperty("annotations").EnumerateArray().ToArray();
        Assert.Equal(5, annotations.Length);
        foreach (var (i, annotation) in annotations.Index())
            AssertObject(found, i, annotation);
        var categories = json.RootElement.GetProperty("categories").EnumerateArray().ToDictionary(row => row.GetProperty("id").GetInt64(), row => row.GetProperty("name").GetString());
        Assert.Equal(name.StartsWith("keypoint", StringComparison.Ordinal) ? 1 : 80, categories.Count);
        Assert.Equal("person", categories[1]);

        var picture = io.read_image(folder["out/chelsea.png"]);
        Assert.Equal(image.shape, picture.shape);
        AssertFrame(image, picture, found["boxes"][0].data<float>().ToArray());
    }

    private static nn.Module Built(string name, int? side) => name switch
    {
        "maskrcnn_resnet50_fpn" => models.maskrcnn_resnet50_fpn(options: its => its with { min_size = [side!.Value] }),
        "keypointrcnn_resnet50_fpn" => models.keypointrcnn_resnet50_fpn(options: its => its with { min_size = [side!.Value] }),
        _ => models.get_model(name),
    };

    [Fact]
    public void What_is_no_detector_is_refused()
    {
        Torchfx.Run("detect", "resnet18", Cat, "--out", folder["out"]).AssertFailed(
            $"'resnet18' is no detector. Detectors are {string.Join(", ", models.list_models(ModelInput.Images))}.");
        Torchfx.Run("nodes", "ssd300_vgg16").AssertFailed("'ssd300_vgg16' is a detector, which takes a list of images; 'torchfx detect' runs it.");
        var wrong = Torchfx.Run("detect", "ssd300_vgg16", Cat, "--out", folder["out"], "--threshold", "2");
        Assert.Equal(2, wrong.ExitCode);
        Assert.Contains("--threshold is from 0 to 1, not 2.", wrong.Error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(folder["out"]));
        var fixedSize = Torchfx.Run("detect", "ssdlite320_mobilenet_v3_large", Cat, "--out", folder["out"], "--weights", "random", "--min-size", "64");
        Assert.Equal(2, fixedSize.ExitCode);
        Assert.Contains("--min-size is not for 'ssdlite320_mobilenet_v3_large': the model brings all images to 320 × 320 pixels.", fixedSize.Error, StringComparison.Ordinal);
    }

    private static void AssertObject(Dictionary<string, Tensor> found, int i, JsonElement annotation)
    {
        Assert.Equal((i + 1, 1), (annotation.GetProperty("id").GetInt32(), annotation.GetProperty("image_id").GetInt32()));
        Assert.Equal(found["labels"][i].item<long>(), annotation.GetProperty("category_id").GetInt64());
        Assert.Equal(found["scores"][i].item<float>(), annotation.GetProperty("score").GetSingle(), 1e-5);
        using var box = ops.box_convert(found["boxes"][i].unsqueeze(0), "xyxy", "xywh");
        Assert.All(box.data<float>().Zip(annotation.GetProperty("bbox").EnumerateArray()), pair => Assert.Equal(pair.First, pair.Second.GetSingle(), 1e-2));
        if (found.TryGetValue("keypoints", out var points))
            Assert.All(points[i].flatten().data<float>().Zip(annotation.GetProperty("keypoints").EnumerateArray()), pair => Assert.Equal(pair.First, pair.Second.GetSingle(), 1e-2));
        if (found.TryGetValue("masks", out var masks))
            AssertRuns(masks[i, 0].ge(0.5), annotation);
    }

    /// <summary>Column by column, outside and inside in turn.</summary>
    private static void AssertRuns(Tensor mask, JsonElement annotation)
    {
        var counts = annotation.GetProperty("segmentation").GetProperty("counts").EnumerateArray().Select(count => count.GetInt32()).ToArray();
        Assert.Equal(mask.t().flatten().data<bool>().ToArray(), counts.SelectMany((count, run) => Enumerable.Repeat(run % 2 == 1, count)));
        Assert.Equal(mask.sum().item<long>(), annotation.GetProperty("area").GetDouble());
    }

    /// <summary>The middles of a frame's left and lower sides are drawn, at the image's edge where the box ends there.</summary>
    private static void AssertFrame(Tensor image, Tensor picture, float[] box)
    {
        var changed = image.ne(picture).any(0);
        var (height, width) = ((int)image.shape[1], (int)image.shape[2]);
        Assert.True(changed[At((box[1] + box[3]) / 2, height), Around(box[0], width)].any().item<bool>());
        Assert.True(changed[Around(box[3], height), At((box[0] + box[2]) / 2, width)].any().item<bool>());

        static int At(float place, int size) => Math.Clamp((int)place, 0, size - 1);
        static Range Around(float place, int size) => Math.Max(At(place, size) - 1, 0)..Math.Min(At(place, size) + 2, size);
    }
}

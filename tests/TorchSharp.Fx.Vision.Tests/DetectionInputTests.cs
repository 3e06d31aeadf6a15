using static TorchSharp.torch;

namespace TorchSharp.Fx.Vision.Tests;

/// <summary>What detectors do with inputs at the edge, and how they refuse what is no input.</summary>
public sealed class DetectionInputTests : IDisposable
{
    private readonly DisposeScope scope = NewDisposeScope();

    public void Dispose() => scope.Dispose();

    [Theory]
    [InlineData("ssdlite320_mobilenet_v3_large")]
    [InlineData("retinanet")]
    [InlineData("fcos")]
    [InlineData("fasterrcnn")]
    [InlineData("maskrcnn")]
    [InlineData("keypointrcnn")]
    public void Images_without_targets_have_finite_losses_and_gradients(string name)
    {
        var model = Small(name);
        model.train();
        var losses = model.losses([rand(3, 64, 96), rand(3, 64, 96)], [Empty(), Empty()]);
        Assert.NotEmpty(losses);
        Assert.All(losses, loss => Assert.True(loss.Value.isfinite().item<bool>(), $"{loss.Key} is {loss.Value.item<float>()}."));
        losses.Values.Aggregate((a, b) => a + b).backward();
        Assert.All(model.named_parameters().Where(item => item.parameter.grad is not null),
            item => Assert.True(item.parameter.grad!.isfinite().all().item<bool>(), $"The gradient of {item.name} is not finite."));
    }

    /// <summary>As torchvision does: the image is enlarged, and what is found is brought back to its pixel.</summary>
    [Theory]
    [InlineData("ssdlite320_mobilenet_v3_large")]
    [InlineData("retinanet")]
    [InlineData("fcos")]
    [InlineData("fasterrcnn")]
    [InlineData("maskrcnn")]
    [InlineData("keypointrcnn")]
    public void An_image_may_be_one_pixel(string name)
    {
        var model = Small(name);
        model.eval();
        using var _ = no_grad();
        var found = model.call([rand(3, 1, 1)])[0];
        var boxes = found["boxes"];
        if (name == "ssdlite320_mobilenet_v3_large")
            Assert.NotEqual(0, boxes.shape[0]);
        Assert.True((boxes.ge(0) & boxes.le(1 + 1e-5)).all().item<bool>());
        if (found.TryGetValue("masks", out var masks))
            Assert.Equal([boxes.shape[0], 1, 1, 1], masks.shape);
        if (found.TryGetValue("keypoints", out var keypoints))
            Assert.Equal([boxes.shape[0], 17, 3], keypoints.shape);
    }

    [Fact]
    public void What_is_no_input_is_refused_in_a_sentence()
    {
        var model = models.ssdlite320_mobilenet_v3_large(device: META);
        model.eval();
        Refuses("There are no images.", () => model.call([]));
        Refuses("Images are a list of tensors [C, H, W], and one is [1, 3, 8, 8].", () => model.call([zeros(1, 3, 8, 8)]));
        Refuses("Images are floating point, between 0 and 1, and one is Byte; convert_image_dtype converts.", () => model.call([zeros(3, 8, 8, dtype: ScalarType.Byte)]));
        model.train();
        Assert.StartsWith("SSD is in training mode, where losses(images, targets) is called; for detections call eval() first.",
            Assert.Throws<InvalidOperationException>(() => model.call([rand(3, 8, 8)])).Message, StringComparison.Ordinal);
        Refuses("There are 1 images and 2 targets; each image has one.", () => Losses(Target(), Target()));
        Refuses("All bounding boxes should have positive height and width. Box 1 of image 0 has not.", () => Losses(Target([1, 1, 5, 5], [3, 2, 3, 6])));
        Refuses("The target of image 0 has no labels.", () => Losses(new Dictionary<string, Tensor> { ["boxes"] = zeros(0, 4) }));
        Refuses("A target has an int64 label for each box; image 0 has 0 boxes, and labels Int64 [1].",
            () => Losses(new Dictionary<string, Tensor> { ["boxes"] = zeros(0, 4), ["labels"] = zeros(1, dtype: ScalarType.Int64) }));

        void Losses(params Dictionary<string, Tensor>[] targets) => model.losses([rand(3, 8, 8)], [.. targets]);

        static void Refuses(string sentence, Action action) =>
            Assert.StartsWith(sentence, Assert.Throws<ArgumentException>(action).Message, StringComparison.Ordinal);
    }

    private static DetectionModel Small(string name) => name switch
    {
        "retinanet" => models.retinanet_resnet50_fpn(3, options: Tiny),
        "fcos" => models.fcos_resnet50_fpn(3, options: Tiny),
        "maskrcnn" => models.maskrcnn_resnet50_fpn(3, options: its => its with { min_size = [64], max_size = 96 }),
        "keypointrcnn" => models.keypointrcnn_resnet50_fpn(2, options: its => its with { min_size = [64], max_size = 96 }),
        "fasterrcnn" => models.fasterrcnn_mobilenet_v3_large_320_fpn(3, options: its => its with { min_size = [64], max_size = 96 }),
        _ => models.ssdlite320_mobilenet_v3_large(3),
    };

    /// <summary>A target of an image of 64 × 96 pixels without objects, for all kinds of detectors.</summary>
    private static Dictionary<string, Tensor> Empty() => new(Target()) { ["masks"] = zeros(0, 64, 96, dtype: ScalarType.Byte), ["keypoints"] = zeros(0, 17, 3) };

    private static T Tiny<T>(T its) where T : OneStageOptions => its with { min_size = [64], max_size = 96 };

    private static Dictionary<string, Tensor> Target(params float[][] boxes) => new()
    {
        ["boxes"] = boxes.Length == 0 ? zeros(0, 4) : torch.stack([.. boxes.Select(box => torch.tensor(box))]),
        ["labels"] = ones(boxes.Length, dtype: ScalarType.Int64),
    };
}

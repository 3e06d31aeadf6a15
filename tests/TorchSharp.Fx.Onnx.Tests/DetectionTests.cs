using TorchSharp.Fx.Testing;
using TorchSharp.Fx.Vision;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx.Tests;

/// <summary>Detectors and their operations give in ONNX Runtime what they give here, for other images and other numbers of boxes than the example's.</summary>
[Collection(nameof(Alone))]
public sealed class DetectionTests : IDisposable
{
    /// <summary>The converters that are compared here.</summary>
    internal static string[] Covered => ["nms", "batched_nms", "roi_align", "heatmaps_to_keypoints"];

    private readonly DisposeScope scope = NewDisposeScope();
    private readonly IDisposable mode = no_grad();

    public void Dispose()
    {
        mode.Dispose();
        scope.Dispose();
    }

    [Fact]
    public void Boxes_that_overlap_better_ones_are_dropped()
    {
        Same((boxes, scores) => ops.nms(boxes, scores, 0.4), 60, 25, 1);
        Same((boxes, scores) => ops.batched_nms(boxes, scores, (scores * 1000).to(ScalarType.Int64).remainder(3), 0.3), 60, 25, 1);
        // What is chosen of a result is any number, too.
        Same((boxes, scores) => boxes.index_select(0, ops.nms(boxes, scores, 0.4))[.., ..2] * scores.gt(0.5).nonzero().shape[0], 60, 25);
    }

    [Theory, InlineData(true, 2), InlineData(false, 2), InlineData(true, -1), InlineData(false, 0)]
    public void Regions_are_cut_out_of_images(bool aligned, int sampling_ratio)
    {
        using var traced = fx.symbolic_trace((torch.Tensor images, torch.Tensor boxes) => ops.roi_align(images, boxes, (5, 3), 0.5, sampling_ratio, aligned));
        using var exported = new OnnxModel();
        onnx.export(traced, exported.Path, [rand(2, 3, 17, 23), Rois(4)], dynamic_axes: Free("boxes"));
        foreach (var count in new[] { 7, 1 })
        {
            var (images, boxes) = (rand(2, 3, 17, 23), Rois(count));
            OnnxModel.AssertClose(ops.roi_align(images, boxes, (5, 3), 0.5, sampling_ratio, aligned), exported.Run(images, boxes)["output"]);
        }
    }

    [Theory, InlineData("ssdlite320_mobilenet_v3_large"), InlineData("fasterrcnn_mobilenet_v3_large_320_fpn"), InlineData("keypointrcnn_resnet50_fpn"), InlineData("maskrcnn_resnet50_fpn")]
    public void A_detector_finds_the_same(string name)
    {
        using var model = DeterministicWeights.Fill(Built(name));
        model.eval();
        using var traced = fx.symbolic_trace(model, example_inputs: [Images(0)], suppress_trace_warning: true);
        using var exported = new OnnxModel();
        onnx.export(traced, exported.Path, [Images(0)]);
        foreach (var images in new[] { Images(0), Images(1) })
        {
            var found = exported.Run([.. images]);
            foreach (var (i, expected) in model.call(images).Index())
                foreach (var (key, value) in expected)
                    AssertNear(value, found[$"{i}.{key}"], key is "boxes" or "keypoints" ? 1e-2 : 1e-4, $"{name} {i}.{key}");
        }
    }

    [Fact]
    public void Key_points_are_where_heat_maps_are_hottest()
    {
        using var traced = fx.symbolic_trace((torch.Tensor maps, torch.Tensor boxes) => KeypointsOf(maps, boxes));
        using var exported = new OnnxModel();
        onnx.export(traced, exported.Path, [rand(4, 3, 8, 8), Boxes(4)], dynamic_axes: Free("maps", "boxes"));
        // One box is narrower than a pixel; there may be none, too.
        foreach (var count in new[] { 4, 6, 1, 0 })
        {
            var (maps, boxes) = (randn(count, 3, 8, 8), Boxes(count));
            if (count > 1)
                boxes[1, 2] = boxes[1, 0] + 0.3;
            var (expected, found) = (KeypointsOf(maps, boxes), exported.Run(maps, boxes).Values.ToArray());
            AssertNear(expected.Item1, found[0], 1e-3, $"{count} key points", mayBeEmpty: true);
            AssertNear(expected.Item2, found[1], 1e-4, $"{count} scores", mayBeEmpty: true);
        }
    }

    private static (torch.Tensor, torch.Tensor) KeypointsOf(torch.Tensor maps, torch.Tensor boxes) => RoIKeypoints.heatmaps_to_keypoints(maps, boxes);

    /// <summary>The example has no object, or one; the exported detector finds all that there are in other images.</summary>
    [Theory, InlineData(0), InlineData(1)]
    public void A_detector_whose_example_has_hardly_an_object_finds_more(int objects)
    {
        using var found = fx.symbolic_trace((torch.Tensor boxes, torch.Tensor scores) => Chosen(boxes, scores), example_inputs: [Boxes(40), rand(40)]);
        using var exported = new OnnxModel();
        onnx.export(found, exported.Path, [Boxes(40), zeros(40).index_fill(0, arange(objects), 0.9)]);
        foreach (var count in new[] { 5, 0, 1, 30 })
        {
            var (boxes, scores) = (Boxes(40), zeros(40).index_fill(0, arange(count), 0.9));
            AssertNear(Chosen(boxes, scores), exported.Run(boxes, scores)["output"], 1e-5, $"{count} objects", mayBeEmpty: true);
        }
    }

    private static torch.Tensor Chosen(torch.Tensor boxes, torch.Tensor scores)
    {
        var chosen = boxes.index_select(0, scores.gt(0.5).nonzero().squeeze(1));
        // What is made of the number of boxes.
        return cat([chosen, ones(1, 4) * chosen.shape[0]]) * arange(chosen.shape[0] + 1).unsqueeze(1);
    }

    [Fact]
    public void What_runs_for_the_examples_number_of_boxes_only_is_refused()
    {
        using var traced = fx.symbolic_trace((torch.Tensor x) => x.gt(0.5).nonzero().reshape(2, 2), example_inputs: [torch.tensor(new[] { 0f, 1, 1, 1, 1 })]);
        using var exported = new OnnxModel();
        var refused = Assert.Throws<OnnxExportException>(() => onnx.export(traced, exported.Path, [torch.tensor(new[] { 0f, 1, 1, 1, 1 })]));
        Assert.Contains("data decides how many rows it has, and the model does not run with other numbers of them, "
            + "so the exported one would be right for the example's alone: ", refused.Message, StringComparison.Ordinal);
        using var always = fx.symbolic_trace((torch.Tensor x) => x.gt(0.5).nonzero() + 1, example_inputs: [torch.tensor(new[] { 1f })]);
        Assert.Contains("data decides how many rows it has, and it has 1 in each try, so it can't be told what depends on that; give an example in which the model finds more.",
            Assert.Throws<OnnxExportException>(() => onnx.export(always, exported.Path, [torch.tensor(new[] { 1f })])).Message, StringComparison.Ordinal);
    }

    private static DetectionModel Built(string name) => name switch
    {
        "keypointrcnn_resnet50_fpn" => models.keypointrcnn_resnet50_fpn(options: its => its with { min_size = [64], max_size = 96, box_score_thresh = 0, box_detections_per_img = 3 }),
        "maskrcnn_resnet50_fpn" => models.maskrcnn_resnet50_fpn(options: its => its with { min_size = [64], max_size = 96, box_score_thresh = 0, box_detections_per_img = 3 }),
        "ssdlite320_mobilenet_v3_large" => models.ssdlite320_mobilenet_v3_large(options: its => its with { score_thresh = 0.012, detections_per_img = 20 }),
        _ => models.fasterrcnn_mobilenet_v3_large_320_fpn(options: its => its with { min_size = [96], max_size = 160, box_score_thresh = 0.012, box_detections_per_img = 20 }),
    };

    private static List<torch.Tensor> Images(int number) =>
        [DeterministicWeights.Image($"input{number}", 3, 60, 80), DeterministicWeights.Image($"second{number}", 3, 70, 50)];

    private static void Same(Func<torch.Tensor, torch.Tensor, torch.Tensor> function, params int[] counts)
    {
        using var traced = fx.symbolic_trace(function, example_inputs: [Boxes(40), rand(40)]);
        using var exported = new OnnxModel();
        onnx.export(traced, exported.Path, [Boxes(40), rand(40)], dynamic_axes: Free([.. function.Method.GetParameters().Select(parameter => parameter.Name!)]));
        foreach (var count in counts)
        {
            var (boxes, scores) = (Boxes(count), rand(count));
            OnnxModel.AssertClose(function(boxes, scores), exported.Run(boxes, scores)["output"]);
        }
    }

    private static Dictionary<string, IReadOnlyDictionary<int, string>> Free(params string[] inputs)
        => inputs.ToDictionary(input => input, _ => (IReadOnlyDictionary<int, string>)new Dictionary<int, string> { [0] = "K" });

    private static torch.Tensor Rois(int count) => cat([arange(count).remainder(2).unsqueeze(1).to(float32), Boxes(count) * 0.8], 1);

    /// <summary>x1, y1, x2, y2, of which many overlap.</summary>
    private static torch.Tensor Boxes(int count)
    {
        var corners = rand(count, 2) * 30;
        return cat([corners, corners + 3 + rand(count, 2) * 20], 1);
    }

    private static void AssertNear(torch.Tensor expected, torch.Tensor actual, double tolerance, string what, bool mayBeEmpty = false)
    {
        Assert.Equal((what, string.Join('x', expected.shape)), (what, string.Join('x', actual.shape)));
        Assert.True(mayBeEmpty || expected.numel() > 0, $"{what} is empty.");
        if (expected.numel() == 0)
            return;
        var difference = (expected.to(float64) - actual.to(float64)).abs().max().item<double>();
        Assert.True(difference <= tolerance, $"{what} differs by {difference}.");
    }
}

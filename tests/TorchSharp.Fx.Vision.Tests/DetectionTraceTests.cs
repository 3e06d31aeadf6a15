using TorchSharp.Fx.Testing;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Vision.Tests;

/// <summary>Detectors become graphs whose images have any size, and whose boxes are any number.</summary>
[Collection(nameof(Features.OneAtATime))]
public sealed class DetectionTraceTests : IDisposable
{
    private readonly DisposeScope scope = NewDisposeScope();
    private readonly IDisposable mode = no_grad();

    public void Dispose()
    {
        mode.Dispose();
        scope.Dispose();
    }

    private static readonly bool all = Environment.GetEnvironmentVariable("TORCHFX_ALL_MODELS") is not null;

    /// <summary>The smallest; all that torchvision's numbers are there for where the variable TORCHFX_ALL_MODELS is set.</summary>
    public static TheoryData<string> Traced => all ? DetectionTests.Known : ["ssdlite320_mobilenet_v3_large"];

    [Theory]
    [MemberData(nameof(Traced))]
    public void A_graph_finds_what_torchvision_finds_in_images_other_than_the_examples(string name)
    {
        var golden = DetectionTests.Json(name).GetProperty("detections");
        var model = DeterministicWeights.Fill(DetectionTests.Build(name));
        model.eval();
        using var traced = fx.symbolic_trace(model, example_inputs: [Examples()], suppress_trace_warning: true);
        DetectionTests.AssertDetections(golden, traced.call(DetectionTests.Images()));
        // Of one pixel, too.
        foreach (var images in new List<Tensor>[] { [rand(3, 90, 140), rand(3, 100, 100)], [rand(3, 1, 1), rand(3, 20, 70)] })
            AssertSame(model.call(images), traced.call(images));
        var refused = Assert.Throws<GraphAssertionException>(() => traced.call([rand(3, 50, 50)]));
        Assert.StartsWith("traced with len(images) == 2", refused.Message, StringComparison.Ordinal);
        using var fast = traced.optimize_for_inference();
        DetectionTests.AssertDetections(golden, fast.call(DetectionTests.Images()));
    }

    [Fact]
    public void Features_of_backbone_pyramid_proposals_and_heads_come_in_one_pass()
    {
        const string name = "fasterrcnn_mobilenet_v3_large_fpn";
        var golden = DetectionTests.Json(name).GetProperty("inner");
        var model = DeterministicWeights.Fill(DetectionTests.Build(name));
        model.eval();
        using var extractor = feature_extraction.create_feature_extractor(model, new ReturnNodes
        {
            ["backbone.body.12"] = "body", ["backbone.fpn"] = "pyramid", ["rpn.head.cls_logits"] = "logits", ["roi_heads.box_roi_pool"] = "regions",
            ["roi_heads.box_predictor.cls_score"] = "scores", ["roi_heads.batched_nms_1"] = "kept",
        }, tracer_kwargs: new() { example_inputs = [Examples()], modes = TraceModes.eval });
        extractor.eval();
        using var features = extractor.call(DetectionTests.Images());
        var pyramid = features.value<Dictionary<string, Tensor>>("pyramid");
        foreach (var level in pyramid) Assert(golden.GetProperty($"backbone.{level.Key}"), level.Value, level.Key);
        Assert(golden.GetProperty("rpn.head.0.0"), features["logits"], "logits");
        Assert(golden.GetProperty("roi_heads.box_roi_pool"), features["regions"], "regions");
        Assert(golden.GetProperty("roi_heads.box_predictor.0"), features["scores"], "scores");
        Xunit.Assert.Equal(ScalarType.Int64, features["kept"].dtype);
        Xunit.Assert.Equal(112, features["body"].shape[1]);

        static void Assert(System.Text.Json.JsonElement expected, Tensor actual, string what) => TensorStatistics.Parse(expected).AssertMatches(actual, what);
    }

    /// <summary>One image has one object, the others have none; the graph of either takes both.</summary>
    [Theory]
    [InlineData("ssdlite320_mobilenet_v3_large", true)]
    [InlineData("ssdlite320_mobilenet_v3_large", false)]
    [InlineData("maskrcnn", true)]
    [InlineData("maskrcnn", false)]
    [InlineData("keypointrcnn", true)]
    public void A_graph_holds_for_one_object_and_for_none(string name, bool exampleHasNone)
    {
        var all = Sensitive(name, 0);
        List<Tensor>[] images = [.. new[] { (60, 80), (64, 64), (90, 50) }.Select((size, i) => new List<Tensor> { DeterministicWeights.Image($"image{i}", 3, size.Item1, size.Item2) })];
        var scores = images.Select(image => all.call(image)[0]["scores"].data<float>().ToArray()).ToArray();
        var highest = scores.SelectMany(image => image).OrderDescending().ToArray();
        var model = Sensitive(name, (highest[0] + (double)highest[1]) / 2);
        var best = Array.FindIndex(scores, image => image.Contains(highest[0]));
        using var traced = fx.symbolic_trace(model, example_inputs: [images[exampleHasNone ? (best + 1) % 3 : best]], suppress_trace_warning: true);
        foreach (var (i, image) in images.Index())
        {
            var found = traced.call(image);
            Assert.Equal(i == best ? 1 : 0, found[0]["boxes"].shape[0]);
            AssertSame(model.call(image), found);
        }
    }

    /// <summary>A small detector that gives all its boxes from a score on.</summary>
    private static DetectionModel Sensitive(string name, double threshold)
    {
        DetectionModel model = name switch
        {
            "maskrcnn" => models.maskrcnn_resnet50_fpn(3, options: Small),
            "keypointrcnn" => models.keypointrcnn_resnet50_fpn(2, options: Small),
            _ => models.ssdlite320_mobilenet_v3_large(options: its => its with { score_thresh = threshold, detections_per_img = 5 }),
        };
        DeterministicWeights.Fill(model).eval();
        return model;

        FasterRCNNOptions Small(FasterRCNNOptions its) => its with { min_size = [64], max_size = 96, box_score_thresh = threshold, box_detections_per_img = 5 };
    }

    private static List<Tensor> Examples() => [DeterministicWeights.Image("a", 3, 120, 170), DeterministicWeights.Image("b", 3, 150, 130)];

    private static void AssertSame(List<Dictionary<string, Tensor>> expected, List<Dictionary<string, Tensor>> actual)
    {
        Assert.Equal(expected.Count, actual.Count);
        foreach (var (one, other) in expected.Zip(actual))
        {
            Assert.Equal(one.Keys, other.Keys);
            Assert.All(one, part => Assert.True(part.Value.Equals(other[part.Key]), part.Key));
        }
    }
}

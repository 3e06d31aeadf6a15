using System.Text.Json;
using TorchSharp.Fx.Testing;
using Xunit;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Vision.Tests;

/// <summary>Boxes, their overlaps and losses are torchvision's: its numbers are in data/ops.json.</summary>
public sealed class BoxTests : IDisposable
{
    private static readonly JsonElement golden = Golden.Json("ops.json");
    private readonly DisposeScope scope = NewDisposeScope();

    public void Dispose() => scope.Dispose();

    public static TheoryData<string, string> Conversions => [.. from i in (string[])["xyxy", "xywh", "cxcywh"] from o in (string[])["xyxy", "xywh", "cxcywh"] select (i, o)];

    [Theory]
    [MemberData(nameof(Conversions))]
    public void Boxes_are_converted(string in_fmt, string out_fmt) => AssertGolden($"box_convert {in_fmt} {out_fmt}", ops.box_convert(Boxes("boxes1"), in_fmt, out_fmt));

    [Fact]
    public void Every_pair_has_its_overlap()
    {
        var (a, b) = (Boxes("boxes1"), Boxes("boxes2"));
        AssertGolden("box_area", ops.box_area(a));
        AssertGolden("box_iou", ops.box_iou(a, b));
        AssertGolden("generalized_box_iou", ops.generalized_box_iou(a, b));
        AssertGolden("distance_box_iou", ops.distance_box_iou(a, b));
        AssertGolden("complete_box_iou", ops.complete_box_iou(a, b));
        Assert.Equal([7, 5], ops.box_iou(a, b).shape);
    }

    [Fact]
    public void Products_of_small_types_do_not_overflow()
    {
        Assert.Equal(40_000, ops.box_area(torch.tensor(new short[] { 0, 0, 200, 200 }).reshape(1, 4)).item<int>());
        Assert.Equal(90_000, ops.box_area(torch.tensor(new float[] { 0, 0, 300, 300 }).reshape(1, 4).to(ScalarType.Float16)).item<float>());
    }

    [Theory]
    [InlineData("generalized_box_iou_loss")]
    [InlineData("distance_box_iou_loss")]
    [InlineData("complete_box_iou_loss")]
    public void Losses_of_boxes_side_by_side_and_their_gradients(string name)
    {
        var boxes = Boxes("boxes1")[..5].clone().requires_grad_();
        AssertGolden(name, Loss("none"));
        AssertGolden($"{name} mean", Loss("mean"));
        AssertGolden($"{name} sum", Loss("sum"));
        Loss("sum").backward();
        AssertGolden($"{name} gradient", boxes.grad!);

        Tensor Loss(string reduction) => name switch
        {
            "generalized_box_iou_loss" => ops.generalized_box_iou_loss(boxes, Boxes("boxes2"), reduction),
            "distance_box_iou_loss" => ops.distance_box_iou_loss(boxes, Boxes("boxes2"), reduction),
            _ => ops.complete_box_iou_loss(boxes, Boxes("boxes2"), reduction),
        };
    }

    [Fact]
    public void The_mean_of_no_losses_is_zero() => Assert.Equal(0, ops.distance_box_iou_loss(torch.zeros(0, 4), torch.zeros(0, 4), "mean").item<float>());

    [Fact]
    public void Focal_loss_counts_easy_examples_less()
    {
        var (logits, targets) = (Numbers("logits").reshape(4, 3), Numbers("targets").reshape(4, 3));
        AssertGolden("sigmoid_focal_loss", ops.sigmoid_focal_loss(logits, targets));
        AssertGolden("sigmoid_focal_loss -1 3 mean", ops.sigmoid_focal_loss(logits, targets, alpha: -1, gamma: 3, reduction: "mean"));
    }

    [Theory]
    [InlineData("0.1")]
    [InlineData("0.3")]
    [InlineData("0.5")]
    [InlineData("0.8")]
    public void Suppression_keeps_the_best_of_those_that_overlap(string threshold)
    {
        var (boxes, scores, idxs) = (Numbers("nms boxes").reshape(-1, 4), Numbers("nms scores"), Numbers("nms idxs").to(ScalarType.Int64));
        var iou = double.Parse(threshold, System.Globalization.CultureInfo.InvariantCulture);
        foreach (var type in new[] { ScalarType.Float32, ScalarType.Float64 })
        {
            AssertGolden($"nms {threshold}", ops.nms(boxes.to(type), scores, iou));
            AssertGolden($"batched_nms {threshold}", ops.batched_nms(boxes.to(type), scores, idxs, iou));
        }
    }

    [Fact]
    public void Of_equal_boxes_the_first_stays() =>
        Assert.Equal([1, 0, 3], ops.nms(torch.tensor(new float[] { 0, 0, 1, 1, 5, 5, 6, 6, 5, 5, 6, 6, 9, 9, 9, 9 }).reshape(4, 4), torch.tensor(new[] { 0.5f, 0.7f, 0.7f, 0.1f }), 0.5).data<long>().ToArray());

    [Fact]
    public void Nothing_is_left_of_nothing()
    {
        Assert.Equal([0], ops.nms(torch.zeros(0, 4), torch.zeros(0), 0.5).shape);
        Assert.Equal([0], ops.remove_small_boxes(torch.zeros(0, 4), 1).shape);
        Assert.Equal([0, 4], ops.masks_to_boxes(torch.zeros(0, 5, 5)).shape);
    }

    [Fact]
    public void Boxes_end_at_the_images_edge_and_small_ones_are_left_out()
    {
        var boxes = torch.tensor(new float[] { -3, 2, 50, 70, 1, 1, 3, 2, 1, 1, 4, 4 }).reshape(3, 4);
        Assert.Equal([0, 2, 30, 40, 1, 1, 3, 2, 1, 1, 4, 4], ops.clip_boxes_to_image(boxes, (height: 40, width: 30)).data<float>().ToArray());
        Assert.Equal([0, 2], ops.remove_small_boxes(boxes, 2).data<long>().ToArray());
    }

    [Fact]
    public void Masks_have_their_smallest_box()
    {
        AssertGolden("masks_to_boxes", ops.masks_to_boxes(Numbers("masks").reshape(3, 6, 7)));
        var error = Assert.Throws<ArgumentException>(() => ops.masks_to_boxes(torch.zeros(1, 2, 2)));
        Assert.StartsWith("A mask has no element that isn't zero, so there is no box around it; leave such masks out.", error.Message);
    }

    [Fact]
    public void Wrong_arguments_are_refused()
    {
        var boxes = torch.zeros(2, 4);
        Assert.StartsWith("Boxes come as \"xyxy\", \"xywh\" or \"cxcywh\"; there is no format \"yxyx\".", Assert.Throws<ArgumentException>(() => ops.box_convert(boxes, "yxyx", "xyxy")).Message);
        Assert.StartsWith("Losses are reduced by \"none\", \"mean\" or \"sum\"; there is no reduction \"max\".",
            Assert.Throws<ArgumentException>(() => ops.complete_box_iou_loss(boxes, boxes, "max")).Message);
        Assert.Equal("Suppression takes boxes [N, 4] and as many scores, not [2, 4], [3].", Assert.Throws<ArgumentException>(() => ops.nms(boxes, torch.zeros(3), 0.5)).Message);
    }

    [Fact]
    public void Each_is_one_node_in_feature_extraction_and_can_be_traced_through_by_example()
    {
        var model = new Suppression();
        Assert.Equal(["boxes", "scores", "clip_boxes_to_image", "nms", "getitem"], feature_extraction.get_graph_node_names(model).eval_nodes);
        var (a, b) = (Boxes("boxes1"), Boxes("boxes2"));
        using var plain = fx.symbolic_trace(new Distances(), example_inputs: [a, b]);
        Assert.Contains("atan", plain.graph.nodes.Select(node => node.name));
        Assert.Equal(0, (plain.call(a, b) - ops.complete_box_iou(a, b)).abs().max().item<float>());
    }

    private sealed class Suppression() : nn.Module<Tensor, Tensor, Tensor>(nameof(Suppression))
    {
        public override Tensor forward(Tensor boxes, Tensor scores)
        {
            boxes = ops.clip_boxes_to_image(boxes, (100, 100));
            return boxes[ops.nms(boxes, scores, 0.5)];
        }
    }

    private sealed class Distances() : nn.Module<Tensor, Tensor, Tensor>(nameof(Distances))
    {
        public override Tensor forward(Tensor a, Tensor b) => ops.complete_box_iou(a, b);
    }

    private static Tensor Boxes(string name) => Numbers(name).reshape(-1, 4);

    private static Tensor Numbers(string name) => torch.tensor(golden.GetProperty(name).EnumerateArray().Select(item => item.GetSingle()).ToArray());

    private static void AssertGolden(string name, Tensor actual)
    {
        var expected = Numbers(name);
        Assert.Equal(expected.numel(), actual.numel());
        Assert.True(actual.detach().to(ScalarType.Float32).flatten().allclose(expected, rtol: 1e-5, atol: 1e-5), name);
    }
}

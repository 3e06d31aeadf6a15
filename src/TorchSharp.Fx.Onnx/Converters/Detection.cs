using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx.Converters;

/// <summary>Detectors' operations on boxes: torchvision's own operations.</summary>
internal static class Detection
{
    internal static void AddTo(Dictionary<string, Func<Step, object>> table)
    {
        table["nms"] = Nms;
        table["batched_nms"] = BatchedNms;
        table["roi_align"] = RoiAlign;
        table["heatmaps_to_keypoints"] = Keypoints;
    }

    private static string Nms(Step step)
    {
        var scores = step.Add("Unsqueeze", [step.Value(1), step.Graph.Integers(0, 1)]);
        return Kept(step,
            [step.Add("Unsqueeze", [step.Value(0), step.Graph.Integers(0)]), scores, step.Graph.Integers(int.MaxValue), Threshold(step)]);
    }

    /// <summary>Each category is a class there, in which the boxes of others have the lowest score and don't take part.</summary>
    private static string BatchedNms(Step step)
    {
        var (scores, categories) = (step.Value(1), step.Value(2, ScalarType.Int64));
        var last = step.Add("ReduceMax", [step.Add("Concat", [categories, step.Graph.Integers(0)], OnnxGraph.Attribute("axis", 0))],
            OnnxGraph.Attribute("keepdims", 1));
        var classes = step.Add("Add", [last, step.Graph.Integers(1)]);
        var outside = step.Graph.Constant("lowest score and 0", tensor([float.MinValue, 0f]));
        var rated = step.Add("Add",
            [step.Add("OneHot", [categories, classes, outside]), step.Add("Unsqueeze", [scores, step.Graph.Integers(1)])]);
        var byClass = step.Add("Unsqueeze", [step.Add("Transpose", [rated], OnnxGraph.Attribute("perm", [1, 0])), step.Graph.Integers(0)]);
        var kept = Kept(step,
            [step.Add("Unsqueeze", [step.Value(0), step.Graph.Integers(0)]), byClass, step.Graph.Integers(int.MaxValue), Threshold(step),
            step.Graph.Scalar(float.MinValue / 2, ScalarType.Float32)]);
        // Best first, of equal ones the first; they come class by class.
        var ordered = Sorted(step, kept, largest: false)[0];
        return step.Add("Gather", [ordered, Sorted(step, step.Add("Gather", [scores, ordered]), largest: true)[1]]);
    }

    /// <summary>The places of the boxes among rows of batch, class and box.</summary>
    private static string Kept(Step step, string[] inputs)
        => step.Add("Gather", [step.Add("NonMaxSuppression", inputs), step.Graph.Integer(2)], OnnxGraph.Attribute("axis", 1));

    private static string Threshold(Step step) => step.Graph.Scalar(step.Double("iou_threshold", 0), ScalarType.Float32);

    private static string[] Sorted(Step step, string values, bool largest)
        => step.Graph.Add("TopK", step.Name, [values, step.Add("Shape", [values])], 2,
            [OnnxGraph.Attribute("axis", 0), OnnxGraph.Attribute("largest", largest ? 1 : 0)]);

    private static string RoiAlign(Step step)
    {
        var (boxes, at, scale) = (step.Value(1, step.Input.Type), step.At("spatial_scale"), 1.0);
        var corners = Columns(step, boxes, 1, 5);
        // A scale that depends on a size is no setting there; the boxes are multiplied with it.
        if (at >= 0 && !step.Scope.Numbers.IsFixed(step.Argument(at)))
            corners = step.Add("Mul", [corners, step.Value(at, step.Input.Type)]);
        else
            scale = step.Double("spatial_scale", 1);
        var images =
            step.Graph.Cast(step.Add("Squeeze", [Columns(step, boxes, 0, 1), step.Graph.Integers(1)]), step.Input.Type, ScalarType.Int64);
        var size = step.Longs(2, "output_size")!;
        return step.Add("RoiAlign", [step.Value(0), corners, images],
            OnnxGraph.Attribute("output_height", size[0]), OnnxGraph.Attribute("output_width", size[1]),
            OnnxGraph.Attribute("spatial_scale", scale),
            OnnxGraph.Attribute("sampling_ratio", Math.Max(0, step.Long("sampling_ratio", -1))),
            OnnxGraph.Attribute("coordinate_transformation_mode", step.Flag("aligned") ? "half_pixel" : "output_half_pixel"));
    }

    /// <summary>A map is scaled to its box's pixels, which are others for each box: a loop over the boxes.</summary>
    private static string[] Keypoints(Step step)
    {
        var (graph, type) = (step.Graph, step.Input.Type);
        var (maps, boxes, points) = (step.Value(0), step.Value(1, type), step.Input.Shape[1]);
        var ones = graph.Constant("ones", torch.ones(points, 1, dtype: type));
        var turns = step.Add("Squeeze", [graph.Dimension(boxes, 0), graph.Integers(0)]);
        return graph.Loop(step.Name, turns, Turn, [points, 3], [points]);

        string[] Turn(string turn)
        {
            var box = step.Add("Gather", [boxes, turn], OnnxGraph.Attribute("axis", 0));
            var corner = step.Add("Slice", [box, graph.Integers(0), graph.Integers(2)]);
            var size = step.Add("Max",
                [step.Add("Sub", [step.Add("Slice", [box, graph.Integers(2), graph.Integers(4)]), corner]), graph.Scalar(1, type)]);
            // Width and height, and the other way around.
            var pixels = graph.Cast(step.Add("Ceil", [size]), type, ScalarType.Int64);
            var target =
                step.Add("Concat", [graph.Integers(1, points), step.Add("Gather", [pixels, graph.Integers(1, 0)])],
                    OnnxGraph.Attribute("axis", 0));
            var map = step.Add("Unsqueeze", [step.Add("Gather", [maps, turn], OnnxGraph.Attribute("axis", 0)), graph.Integers(0)]);
            var scaled =
                step.Add("Resize", [map, "", "", target], OnnxGraph.Attribute("mode", "cubic"), OnnxGraph.Attribute("cubic_coeff_a", -0.75),
                OnnxGraph.Attribute("coordinate_transformation_mode", "half_pixel"));
            var heat = step.Add("Reshape", [scaled, graph.Integers(points, -1)]);
            var at = step.Add("ArgMax", [heat], OnnxGraph.Attribute("axis", 1), OnnxGraph.Attribute("keepdims", 1));
            var width = step.Add("Gather", [pixels, graph.Integers(0)]);
            var place = graph.Cast(
                step.Add("Concat", [step.Add("Mod", [at, width]), step.Add("Div", [at, width])], OnnxGraph.Attribute("axis", 1)),
                ScalarType.Int64, type);
            var scale = step.Add("Div", [size, graph.Cast(pixels, ScalarType.Int64, type)]);
            var found = step.Add("Add", [step.Add("Mul", [step.Add("Add", [place, graph.Scalar(0.5, type)]), scale]), corner]);
            return
            [
                step.Add("Concat", [found, ones], OnnxGraph.Attribute("axis", 1)),
                step.Add("ReduceMax", [heat], OnnxGraph.Attribute("axes", [1]), OnnxGraph.Attribute("keepdims", 0)),
            ];
        }
    }

    private static string Columns(Step step, string boxes, long from, long to)
        => Index.Slice(step, boxes, [new(1, new(from), new(to), 1, Drops: false)]);
}

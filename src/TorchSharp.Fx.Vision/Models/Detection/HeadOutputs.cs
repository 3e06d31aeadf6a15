using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Vision;

/// <summary>The handling of heads' outputs that all detectors share.</summary>
internal static class HeadOutputs
{
    /// <summary>
    /// The order of the anchors: [N, A · K, H, W] to [N, H · W · A, K]. <c>torchvision.models.detection.rpn.permute_and_flatten</c>
    /// </summary>
    public static Tensor Flattened(Tensor layer, long columns)
    {
        var (count, channels, height, width) = layer.shape;
        return layer.reshape(count, channels / columns, columns, height, width).permute(0, 3, 4, 1, 2)
            .reshape(count, height * width * (channels / columns), columns);
    }

    /// <summary>The first elements, or all.</summary>
    public static Tensor First(Tensor indices, int count) => indices.narrow(0, 0, Math.Min(count, indices.shape[0]));

    /// <summary>Detections of which those stay that no better one of their class overlaps too much, up to a number.</summary>
    public static Dictionary<string, Tensor> Best(Tensor boxes, Tensor scores, Tensor labels, double nms_thresh, int detections_per_img)
    {
        var keep = First(ops.batched_nms(boxes, scores, labels, nms_thresh), detections_per_img);
        return new() { ["boxes"] = boxes.index_select(0, keep), ["scores"] = scores.index_select(0, keep),
            ["labels"] = labels.index_select(0, keep) };
    }
}

/// <summary>How detectors draw their weights.</summary>
internal static class DetectionWeights
{
    /// <summary>Convolutions' weights are normally distributed; biases are zero.</summary>
    public static void Normal(nn.Module module, double std) => Each(module, weight => init.normal_(weight, 0, std));

    /// <summary>Glorot's uniform distribution for convolutions' weights; biases are zero.</summary>
    public static void Xavier(nn.Module module) => Each(module, weight => init.xavier_uniform_(weight));

    /// <summary>He's normal distribution by the outputs, for convolutions' weights; biases are zero.</summary>
    public static void Kaiming(nn.Module module) =>
        Each(module, weight => init.kaiming_normal_(weight, mode: init.FanInOut.FanOut, nonlinearity: init.NonlinearityType.ReLU));

    /// <summary>
    /// A bias by which everything is first rated as rare as objects are: section 4.1 of "Focal Loss for Dense Object Detection" (2017).
    /// </summary>
    public static void Prior(Conv2d logits, double prior_probability) =>
        init.constant_(logits.bias, -Math.Log((1 - prior_probability) / prior_probability));

    /// <summary>Group norms of 32 groups that begin as the identity; TorchSharp leaves their weights as the memory was.</summary>
    public static NormLayer GroupNorms(Device? device) => features =>
    {
        var norm = GroupNorm(32, features, device: device);
        init.ones_(norm.weight);
        init.zeros_(norm.bias);
        return norm;
    };

    private static void Each(nn.Module module, Action<Tensor> draw)
    {
        foreach (var conv in module.modules().OfType<Conv2d>())
        {
            draw(conv.weight);
            if (conv.bias is not null) init.constant_(conv.bias, 0);
        }
    }
}

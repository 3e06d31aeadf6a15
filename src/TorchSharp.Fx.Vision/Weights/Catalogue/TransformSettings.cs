using static TorchSharp.torch;

namespace TorchSharp.Fx.Vision;

/// <summary>The preset that weights name, and its numbers.</summary>
internal sealed record TransformSettings(string preset, long[] crop_size, long[] resize_size, double[] mean, double[] std,
    InterpolationMode interpolation)
{
    public nn.Module<Tensor, Tensor> Build(string weights) => preset switch
    {
        "ImageClassification" => new ImageClassification(crop_size[0], resize_size[0], mean, std, interpolation),
        "SemanticSegmentation" => new SemanticSegmentation(resize_size[0], mean, std, interpolation),
        "ObjectDetection" => new ObjectDetection(),
        "VideoClassification" => new VideoClassification(crop_size, resize_size, mean, std, interpolation),
        "OpticalFlow" => new OpticalFlow(),
        _ => throw new NotSupportedException(
            $"{weights} are preprocessed with {preset}, which is not in this library; neither is the model."),
    };
}

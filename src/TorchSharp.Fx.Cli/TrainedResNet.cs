using TorchSharp.Fx.Vision;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Cli;

/// <summary>
/// A ResNet that was trained on ImageNet, for the first steps: two ONNX files of the package Microsoft.ML.DnnImageFeaturizer.ResNet18,
/// which the build of a clone puts beside the tool. The packed tool has none.
/// </summary>
internal static class TrainedResNet
{
    internal const string Name = "resnet18-trained";

    internal const string ComesWith = "a clone of the repository";

    /// <summary>How many numbers it has learned.</summary>
    internal const long Parameters = 15_897_152;

    private const long CropSize = 224, ResizeSize = 256;

    internal static string Network => Path.Combine(AppContext.BaseDirectory, "trained", "resnet18.onnx");

    private static string MeanImage => Path.Combine(AppContext.BaseDirectory, "trained", "resnet18-preprocessing.onnx");

    /// <summary>The sizes of an image.</summary>
    internal static long[] InputShape { get; } = [3, CropSize, CropSize];

    /// <summary>Whether the files are there.</summary>
    internal static bool IsHere => File.Exists(Network) && File.Exists(MeanImage);

    internal static ModelSource Source => IsHere
        ? new(Name, _ => fx.load(Network), CropSize)
        {
            IsSaved = true,
            Sample = Fx.InputShape.Parse($"1x{string.Join('x', InputShape)}"),
            Preprocessing = () => new MinusMeanImage(fx.load<GraphModule<Tensor, Tensor>>(MeanImage)),
        }
        : throw new ToolException(
            $"'{Name}' comes with {ComesWith}, and its files are not in '{Path.GetDirectoryName(Network)}', where the build "
                + "puts them.");

    /// <summary>From a decoded image to what the network takes: resize, crop, then the package's own graph, which makes RGB of 0 to 255 BGR
    /// and subtracts the mean image.</summary>
    private sealed class MinusMeanImage : nn.Module<Tensor, Tensor>
    {
        private readonly GraphModule<Tensor, Tensor> mean_image;

        internal MinusMeanImage(GraphModule<Tensor, Tensor> mean_image) : base(nameof(MinusMeanImage))
        {
            this.mean_image = mean_image;
            RegisterComponents();
        }

        /// <param name="img">uint8 [3, H, W].</param>
        /// <returns>float32 [3, 224, 224].</returns>
        public override Tensor forward(Tensor img)
        {
            using var scope = NewDisposeScope();
            var pixels = transforms.center_crop(transforms.resize(img, ResizeSize), CropSize);
            return mean_image.call(pixels.to(ScalarType.Float32).unsqueeze(0)).squeeze(0).MoveToOuterDisposeScope();
        }
    }
}

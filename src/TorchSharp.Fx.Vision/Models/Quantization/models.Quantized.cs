using System.Runtime.CompilerServices;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Vision;

public static partial class models
{
    // torchvision's signature in C#: eight bits or not is another type, and so another method.
    public static partial class quantization
    {
        /// <summary>
        /// GoogLeNet, quantised with one of GoogLeNet_QuantizedWeights, or in floating point with one of GoogLeNet_Weights.
        /// <c>torchvision.models.quantization.googlenet(weights=…, quantize=…)</c>
        /// </summary>
        /// <inheritdoc cref="Of"/>
        public static Module<Tensor, GoogLeNetOutputs> googlenet(
            bool quantize, Weights? weights = null, long? num_classes = null, DownloadOptions? options = null) =>
            Of<GoogLeNetOutputs>(quantize, weights, num_classes, options);

        /// <summary>
        /// Inception v3, quantised with one of Inception_V3_QuantizedWeights, or in floating point with one of Inception_V3_Weights.
        /// <c>torchvision.models.quantization.inception_v3(weights=…, quantize=…)</c>
        /// </summary>
        /// <inheritdoc cref="Of"/>
        public static Module<Tensor, InceptionOutputs> inception_v3(
            bool quantize, Weights? weights = null, long? num_classes = null, DownloadOptions? options = null) =>
            Of<InceptionOutputs>(quantize, weights, num_classes, options);

        /// <summary>
        /// MobileNet v2, quantised with one of MobileNet_V2_QuantizedWeights, or in floating point with one of MobileNet_V2_Weights.
        /// <c>torchvision.models.quantization.mobilenet_v2(weights=…, quantize=…)</c>
        /// </summary>
        /// <inheritdoc cref="Of"/>
        public static Module<Tensor, Tensor> mobilenet_v2(
            bool quantize, Weights? weights = null, long? num_classes = null, DownloadOptions? options = null) =>
            Of<Tensor>(quantize, weights, num_classes, options);

        /// <summary>
        /// MobileNet v3, large, quantised with one of MobileNet_V3_Large_QuantizedWeights, or in floating point with one of
        /// MobileNet_V3_Large_Weights. <c>torchvision.models.quantization.mobilenet_v3_large(weights=…, quantize=…)</c>
        /// </summary>
        /// <inheritdoc cref="Of"/>
        public static Module<Tensor, Tensor> mobilenet_v3_large(
            bool quantize, Weights? weights = null, long? num_classes = null, DownloadOptions? options = null) =>
            Of<Tensor>(quantize, weights, num_classes, options);

        /// <summary>
        /// ResNet-18, quantised with one of ResNet18_QuantizedWeights, or in floating point with one of ResNet18_Weights.
        /// <c>torchvision.models.quantization.resnet18(weights=…, quantize=…)</c>
        /// </summary>
        /// <inheritdoc cref="Of"/>
        public static Module<Tensor, Tensor> resnet18(
            bool quantize, Weights? weights = null, long? num_classes = null, DownloadOptions? options = null) =>
            Of<Tensor>(quantize, weights, num_classes, options);

        /// <summary>
        /// ResNet-50, quantised with one of ResNet50_QuantizedWeights, or in floating point with one of ResNet50_Weights.
        /// <c>torchvision.models.quantization.resnet50(weights=…, quantize=…)</c>
        /// </summary>
        /// <inheritdoc cref="Of"/>
        public static Module<Tensor, Tensor> resnet50(
            bool quantize, Weights? weights = null, long? num_classes = null, DownloadOptions? options = null) =>
            Of<Tensor>(quantize, weights, num_classes, options);

        /// <summary>
        /// ResNeXt-101, 32 groups of width 8, quantised with one of ResNeXt101_32X8D_QuantizedWeights, or in floating point with one of
        /// ResNeXt101_32X8D_Weights. <c>torchvision.models.quantization.resnext101_32x8d(weights=…, quantize=…)</c>
        /// </summary>
        /// <inheritdoc cref="Of"/>
        public static Module<Tensor, Tensor> resnext101_32x8d(
            bool quantize, Weights? weights = null, long? num_classes = null, DownloadOptions? options = null) =>
            Of<Tensor>(quantize, weights, num_classes, options);

        /// <summary>
        /// ResNeXt-101, 64 groups of width 4, quantised with one of ResNeXt101_64X4D_QuantizedWeights, or in floating point with one of
        /// ResNeXt101_64X4D_Weights. <c>torchvision.models.quantization.resnext101_64x4d(weights=…, quantize=…)</c>
        /// </summary>
        /// <inheritdoc cref="Of"/>
        public static Module<Tensor, Tensor> resnext101_64x4d(
            bool quantize, Weights? weights = null, long? num_classes = null, DownloadOptions? options = null) =>
            Of<Tensor>(quantize, weights, num_classes, options);

        /// <summary>
        /// ShuffleNet v2 of half the width, quantised with one of ShuffleNet_V2_X0_5_QuantizedWeights, or in floating point with one of
        /// ShuffleNet_V2_X0_5_Weights. <c>torchvision.models.quantization.shufflenet_v2_x0_5(weights=…, quantize=…)</c>
        /// </summary>
        /// <inheritdoc cref="Of"/>
        public static Module<Tensor, Tensor> shufflenet_v2_x0_5(
            bool quantize, Weights? weights = null, long? num_classes = null, DownloadOptions? options = null) =>
            Of<Tensor>(quantize, weights, num_classes, options);

        /// <summary>
        /// ShuffleNet v2, quantised with one of ShuffleNet_V2_X1_0_QuantizedWeights, or in floating point with one of
        /// ShuffleNet_V2_X1_0_Weights. <c>torchvision.models.quantization.shufflenet_v2_x1_0(weights=…, quantize=…)</c>
        /// </summary>
        /// <inheritdoc cref="Of"/>
        public static Module<Tensor, Tensor> shufflenet_v2_x1_0(
            bool quantize, Weights? weights = null, long? num_classes = null, DownloadOptions? options = null) =>
            Of<Tensor>(quantize, weights, num_classes, options);

        /// <summary>
        /// ShuffleNet v2 of 1.5 times the width, quantised with one of ShuffleNet_V2_X1_5_QuantizedWeights, or in floating point with one
        /// of ShuffleNet_V2_X1_5_Weights. <c>torchvision.models.quantization.shufflenet_v2_x1_5(weights=…, quantize=…)</c>
        /// </summary>
        /// <inheritdoc cref="Of"/>
        public static Module<Tensor, Tensor> shufflenet_v2_x1_5(
            bool quantize, Weights? weights = null, long? num_classes = null, DownloadOptions? options = null) =>
            Of<Tensor>(quantize, weights, num_classes, options);

        /// <summary>
        /// ShuffleNet v2 of twice the width, quantised with one of ShuffleNet_V2_X2_0_QuantizedWeights, or in floating point with one of
        /// ShuffleNet_V2_X2_0_Weights. <c>torchvision.models.quantization.shufflenet_v2_x2_0(weights=…, quantize=…)</c>
        /// </summary>
        /// <inheritdoc cref="Of"/>
        public static Module<Tensor, Tensor> shufflenet_v2_x2_0(
            bool quantize, Weights? weights = null, long? num_classes = null, DownloadOptions? options = null) =>
            Of<Tensor>(quantize, weights, num_classes, options);

        /// <param name="quantize">
        /// Whether it computes in eight bits: a graph in evaluation mode on the processor, which TorchSharp.Fx makes.
        /// </param>
        /// <param name="weights">Published weights; null for random ones.</param>
        /// <param name="num_classes">How many outputs the classifier has; null is what the published weights have.</param>
        /// <param name="options">Mirror, time limits and progress of the download; null is the defaults.</param>
        /// <param name="name">The model.</param>
        /// <exception cref="ArgumentException">The weights are another model's, or have another number of classes.</exception>
        /// <exception cref="DownloadException">They could not be downloaded; the message says which file to put where.</exception>
        /// <exception cref="NotSupportedException">Eight bits are wanted, and the program is without TorchSharp.Fx.</exception>
        /// <exception cref="InvalidDataException">The file is damaged, or needs code to load; the message says what.</exception>
        private static Module<Tensor, TResult> Of<TResult>(
            bool quantize, Weights? weights, long? num_classes, DownloadOptions? options, [CallerMemberName] string name = "")
        {
            var info = get_model_info($"quantized_{name}");
            if (weights is not null)
                CheckModel(weights, quantize ? info.name : name);
            if (weights is not null && num_classes is not null && num_classes != info.num_classes)
                throw new ArgumentException($"{weights} tell {info.num_classes} classes apart, not {num_classes}.", nameof(num_classes));
            var path = weights?.download(options);
            var model = (Module<Tensor, TResult>)(weights is null
                ? info.builder(num_classes ?? info.num_classes, null) : BuildFor(info, weights, device: null));
            if (quantize)
                using (model)
                    return (Module<Tensor, TResult>)Quantized(model, info, path);
            if (path is not null)
                model.LoadPublished(path, info.unused);
            return model;
        }

        /// <summary>The graph in eight bits of a model in floating point, with the numbers of a file or of random weights.</summary>
        internal static nn.Module Quantized(nn.Module model, ModelInfo info, string? path)
        {
            // IMAGENET1K_FBGEMM_V1
            var backend = get_model_weights(info.name)[0].name.Split('_')[1].ToLowerInvariant();
            if (path is null)
                return EightBits.Of(model, backend, null);
            using var scope = NewDisposeScope();
            using var file = new WeightsFile(path);
            var state = file.Load(null).Where(item => !info.unused.Any(part => item.Key.StartsWith(part, StringComparison.Ordinal)));
            return EightBits.Of(model, backend, state.ToDictionary());
        }
    }
}

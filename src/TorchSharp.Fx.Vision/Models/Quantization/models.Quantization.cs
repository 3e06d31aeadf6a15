using static TorchSharp.torch;

namespace TorchSharp.Fx.Vision;

public static partial class models
{
    private static ModelInfo[] quantizables =>
    [
        Quantized("googlenet", (classes, device) => quantization.googlenet(classes, device: device)) with
        {
            // The published auxiliary classifiers aren't there.
            pretrained = (_, device) =>
                quantization.googlenet(aux_logits: false, transform_input: true, init_weights: false, device: device),
            unused = ["aux1.", "aux2."],
        },
        Quantized("inception_v3", (classes, device) => quantization.inception_v3(classes, device: device)) with
        {
            pretrained = (_, device) => quantization.inception_v3(transform_input: true, init_weights: false, device: device),
        },
        Quantized("mobilenet_v2", quantization.mobilenet_v2),
        Quantized("mobilenet_v3_large", quantization.mobilenet_v3_large),
        Quantized("resnet18", quantization.resnet18),
        Quantized("resnet50", quantization.resnet50),
        Quantized("resnext101_32x8d", quantization.resnext101_32x8d),
        Quantized("resnext101_64x4d", quantization.resnext101_64x4d),
        Quantized("shufflenet_v2_x0_5", quantization.shufflenet_v2_x0_5),
        Quantized("shufflenet_v2_x1_0", quantization.shufflenet_v2_x1_0),
        Quantized("shufflenet_v2_x1_5", quantization.shufflenet_v2_x1_5),
        Quantized("shufflenet_v2_x2_0", quantization.shufflenet_v2_x2_0),
    ];

    private static ModelInfo Quantized(string name, Func<long, Device?, nn.Module> build)
    {
        var plain = new ModelInfo[][] { googlenets, inceptions, mobilenet_v2s, mobilenet_v3s, resnets, shufflenets }
            .SelectMany(rows => rows).Single(row => row.name == name);
        return new($"quantized_{name}", plain.num_params, plain.input_shape,
            (classes, device) => build(classes, device)) { is_quantizable = true };
    }

    /// <summary>
    /// Quantisable models: every operation that <c>torch.ao.quantization</c> must see is a module (<see cref="FloatFunctional"/>, one ReLU
    /// for each use), and stubs mark where the quantised part begins and ends. <c>torchvision.models.quantization</c>
    /// </summary>
    /// <remarks>
    /// In floating point they compute the same as the models of the same name. With <c>quantize: true</c> they are quantised graphs, which
    /// needs the package TorchSharp.Fx.
    /// </remarks>
    public static partial class quantization
    {
        /// <summary>Their names in the catalogue, sorted. <c>torchvision.models.list_models(models.quantization)</c></summary>
        public static IReadOnlyList<string> list_models() => [.. models.list_models().Where(name => get_model_info(name).is_quantizable)];

        /// <summary>GoogLeNet. <c>torchvision.models.quantization.googlenet</c></summary>
        public static GoogLeNet googlenet(
            long num_classes = 1000, bool aux_logits = true, bool transform_input = false, bool init_weights = true, Device? device = null)
                =>
            new(num_classes, aux_logits, transform_input, init_weights, device: device, quantizable: true);

        /// <summary>Inception v3. <c>torchvision.models.quantization.inception_v3</c></summary>
        public static Inception3 inception_v3(
            long num_classes = 1000, bool aux_logits = true, bool transform_input = false, bool init_weights = true, Device? device = null)
                =>
            new(num_classes, aux_logits, transform_input, init_weights, device: device, quantizable: true);

        /// <summary>MobileNet v2, with ReLU in the place of ReLU6. <c>torchvision.models.quantization.mobilenet_v2</c></summary>
        public static MobileNetV2 mobilenet_v2(long num_classes = 1000, Device? device = null) =>
            new(num_classes, device: device, quantizable: true);

        /// <summary>MobileNet v3, large. <c>torchvision.models.quantization.mobilenet_v3_large</c></summary>
        public static MobileNetV3 mobilenet_v3_large(long num_classes = 1000, Device? device = null) =>
            new(mobilenet_v3_table1(1, 1), 1280, num_classes, device: device, quantizable: true);

        /// <summary>ResNet-18. <c>torchvision.models.quantization.resnet18</c></summary>
        public static ResNet resnet18(long num_classes = 1000, Device? device = null) =>
            new(ResidualBlock.quantizable_basic, [2, 2, 2, 2], num_classes, device: device, quantizable: true);

        /// <summary>ResNet-50. <c>torchvision.models.quantization.resnet50</c></summary>
        public static ResNet resnet50(long num_classes = 1000, Device? device = null) =>
            new(ResidualBlock.quantizable_bottleneck, [3, 4, 6, 3], num_classes, device: device, quantizable: true);

        /// <summary>ResNeXt-101, 32 groups of width 8. <c>torchvision.models.quantization.resnext101_32x8d</c></summary>
        public static ResNet resnext101_32x8d(long num_classes = 1000, Device? device = null) =>
            new(ResidualBlock.quantizable_bottleneck, [3, 4, 23, 3], num_classes, groups: 32, width_per_group: 8, device: device,
                quantizable: true);

        /// <summary>ResNeXt-101, 64 groups of width 4. <c>torchvision.models.quantization.resnext101_64x4d</c></summary>
        public static ResNet resnext101_64x4d(long num_classes = 1000, Device? device = null) =>
            new(ResidualBlock.quantizable_bottleneck, [3, 4, 23, 3], num_classes, groups: 64, width_per_group: 4, device: device,
                quantizable: true);

        /// <summary>ShuffleNet v2 of half the width. <c>torchvision.models.quantization.shufflenet_v2_x0_5</c></summary>
        public static ShuffleNetV2 shufflenet_v2_x0_5(long num_classes = 1000, Device? device = null) =>
            new([4, 8, 4], [24, 48, 96, 192, 1024], num_classes, device, quantizable: true);

        /// <summary>ShuffleNet v2. <c>torchvision.models.quantization.shufflenet_v2_x1_0</c></summary>
        public static ShuffleNetV2 shufflenet_v2_x1_0(long num_classes = 1000, Device? device = null) =>
            new([4, 8, 4], [24, 116, 232, 464, 1024], num_classes, device, quantizable: true);

        /// <summary>ShuffleNet v2 of 1.5 times the width. <c>torchvision.models.quantization.shufflenet_v2_x1_5</c></summary>
        public static ShuffleNetV2 shufflenet_v2_x1_5(long num_classes = 1000, Device? device = null) =>
            new([4, 8, 4], [24, 176, 352, 704, 1024], num_classes, device, quantizable: true);

        /// <summary>ShuffleNet v2 of twice the width. <c>torchvision.models.quantization.shufflenet_v2_x2_0</c></summary>
        public static ShuffleNetV2 shufflenet_v2_x2_0(long num_classes = 1000, Device? device = null) =>
            new([4, 8, 4], [24, 244, 488, 976, 2048], num_classes, device, quantizable: true);
    }
}

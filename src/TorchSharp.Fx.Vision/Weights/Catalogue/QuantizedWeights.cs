namespace TorchSharp.Fx.Vision;

// Published weights in eight bits. The facts are in weights.json, whose rows have these names.

/// <summary>Weights of <c>quantized_googlenet</c>.</summary>
public abstract class GoogLeNet_QuantizedWeights : Fbgemm<GoogLeNet_QuantizedWeights>;
/// <summary>Weights of <c>quantized_inception_v3</c>.</summary>
public abstract class Inception_V3_QuantizedWeights : Fbgemm<Inception_V3_QuantizedWeights>;
/// <summary>Weights of <c>quantized_mobilenet_v2</c>.</summary>
public abstract class MobileNet_V2_QuantizedWeights : Qnnpack<MobileNet_V2_QuantizedWeights>;
/// <summary>Weights of <c>quantized_mobilenet_v3_large</c>.</summary>
public abstract class MobileNet_V3_Large_QuantizedWeights : Qnnpack<MobileNet_V3_Large_QuantizedWeights>;
/// <summary>Weights of <c>quantized_resnet18</c>.</summary>
public abstract class ResNet18_QuantizedWeights : Fbgemm<ResNet18_QuantizedWeights>;
/// <summary>Weights of <c>quantized_resnet50</c>.</summary>
public abstract class ResNet50_QuantizedWeights : FbgemmTwice<ResNet50_QuantizedWeights>;
/// <summary>Weights of <c>quantized_resnext101_32x8d</c>.</summary>
public abstract class ResNeXt101_32X8D_QuantizedWeights : FbgemmTwice<ResNeXt101_32X8D_QuantizedWeights>;
/// <summary>Weights of <c>quantized_resnext101_64x4d</c>.</summary>
public abstract class ResNeXt101_64X4D_QuantizedWeights : Fbgemm<ResNeXt101_64X4D_QuantizedWeights>;
/// <summary>Weights of <c>quantized_shufflenet_v2_x0_5</c>.</summary>
public abstract class ShuffleNet_V2_X0_5_QuantizedWeights : Fbgemm<ShuffleNet_V2_X0_5_QuantizedWeights>;
/// <summary>Weights of <c>quantized_shufflenet_v2_x1_0</c>.</summary>
public abstract class ShuffleNet_V2_X1_0_QuantizedWeights : Fbgemm<ShuffleNet_V2_X1_0_QuantizedWeights>;
/// <summary>Weights of <c>quantized_shufflenet_v2_x1_5</c>.</summary>
public abstract class ShuffleNet_V2_X1_5_QuantizedWeights : Fbgemm<ShuffleNet_V2_X1_5_QuantizedWeights>;
/// <summary>Weights of <c>quantized_shufflenet_v2_x2_0</c>.</summary>
public abstract class ShuffleNet_V2_X2_0_QuantizedWeights : Fbgemm<ShuffleNet_V2_X2_0_QuantizedWeights>;

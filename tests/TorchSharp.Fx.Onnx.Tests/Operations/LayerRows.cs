using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using F = TorchSharp.torch.nn.functional;
using Tensor = TorchSharp.torch.Tensor;

namespace TorchSharp.Fx.Onnx.Tests.Operations;

/// <summary>Activations, convolutions, norms, pooling, resizing: modules and functions.</summary>
internal static class LayerRows
{
    internal static readonly Row[] All =
    [
        .. Modules("Nx4x6x6", ReLU(), ReLU6(), Sigmoid(), Tanh(), GELU(), SiLU(), Mish(), ELU(0.5), CELU(0.5), SELU(), Hardswish(), Hardsigmoid(), LeakyReLU(0.2), PReLU(4), PReLU(1), Softplus(2), Softsign(), Softshrink(0.3), Hardshrink(0.3), Tanhshrink(), LogSigmoid(), Threshold(0.1, 3),
            GLU(1), Softmax(1), LogSoftmax(1), Softmin(1), Softmax2d(), Identity(), Dropout(), Dropout2d(), Dropout3d(), AlphaDropout(), FeatureAlphaDropout(), Flatten(), Unflatten(1, [2, 2])),
        .. Modules("Nx4x6x6", Conv2d(4, 8, 3, padding: 1L), Conv2d(4, 8, 3, stride: 2, dilation: 2, groups: 2, bias: false), Conv2d(4, 8, 4L, padding: Padding.Same), Conv2d(4, 8, 3, padding: 1L, padding_mode: PaddingModes.Reflect), Conv2d(4, 8, 3, padding: 2L, padding_mode: PaddingModes.Circular),
            ConvTranspose2d(4, 2, 3, stride: 2, padding: 1, output_padding: 1), BatchNorm2d(4), InstanceNorm2d(4), InstanceNorm2d(4, affine: true), GroupNorm(2, 4), LayerNorm([6, 6]), LayerNorm(6, bias: false), LocalResponseNorm(3),
            MaxPool2d(3, 2, 1), MaxPool2d(3, 2, ceil_mode: true), AvgPool2d(2), AvgPool2d(3, 2, 1, count_include_pad: false), AvgPool2d(3, 2, 1, ceil_mode: true), AvgPool2d(3, 2, 1, ceil_mode: true, count_include_pad: false), AvgPool2d(2, divisor_override: 3), AdaptiveAvgPool2d(1), AdaptiveAvgPool2d(3),
            AdaptiveAvgPool2d([4, 5]), AdaptiveMaxPool2d([4, 3]), AdaptiveMaxPool2d([2, 2]), PixelShuffle(2), PixelUnshuffle(2), ChannelShuffle(2), Upsample(scale_factor: [2.0, 2.0]), Upsample(size: [9, 7], mode: UpsampleMode.Bilinear), Unfold(3, padding: 1, stride: 2),
            ZeroPad2d(1), ConstantPad2d(2, 3), ReflectionPad2d(2), ReplicationPad2d(1)),
        .. Modules("Nx4x9", Dropout1d(), Conv1d(4, 8, 3, padding: 1L), ConvTranspose1d(4, 2, 3, stride: 2), BatchNorm1d(4), InstanceNorm1d(4), MaxPool1d(2), AvgPool1d(2), AdaptiveAvgPool1d(4), AdaptiveMaxPool1d(3), ConstantPad1d(1, 2), ReflectionPad1d(2), ReplicationPad1d(2), Linear(9, 5), GroupNorm(4, 4)),
        .. Modules("Nx2x4x6x6", Conv3d(2, 3, 3), ConvTranspose3d(2, 3, 2, stride: 2), BatchNorm3d(2), InstanceNorm3d(2), MaxPool3d(2), AvgPool3d(2), AdaptiveAvgPool3d(2), ConstantPad3d(1, 2), ReflectionPad3d(1), ReplicationPad3d(1)),
        .. Modules("Nx6", Linear(6, 3), Linear(6, 3, hasBias: false), BatchNorm1d(6), PReLU(6)),
        .. Functions("Nx4x6x6", x => F.relu(x), x => x.relu6(), x => F.gelu(x), x => x.gelu(TorchSharp.Modules.GELU.Approximate.tanh), x => F.silu(x), x => x.softmax(-1), x => F.log_softmax(x, 1), x => F.leaky_relu(x, 0.3), x => x.log_sigmoid(), x => F.softplus(x), x => F.threshold(x, 0.1, 3),
            x => F.dropout(x, training: false), x => F.alpha_dropout(x, training: false), x => F.feature_alpha_dropout(x, training: false), x => x.contiguous(), x => F.softmax2d(x), x => x.prelu(tensor(0.3f))),
        .. Functions("Nx4x6x6", x => F.max_pool2d(x, 2), x => F.avg_pool2d(x, 2), x => F.adaptive_avg_pool2d(x, 2), x => F.adaptive_max_pool2d(x, [3, 2]), x => F.interpolate(x, [9, 11], mode: InterpolationMode.Bicubic), x => F.interpolate(x, [3, 8], mode: InterpolationMode.Bilinear, align_corners: true),
            x => F.interpolate(x, scale_factor: [1.5, 2.5], mode: InterpolationMode.Bilinear), x => F.interpolate(x, scale_factor: [2.5, 1.5]), x => F.interpolate(x, [4, 9], mode: InterpolationMode.NearestExact), x => F.pad(x, [1, 2, 0, 1], PaddingModes.Reflect), x => F.pad(x, [1, 2], value: 4),
            x => F.pad(x, [1, 2, 3, 0], PaddingModes.Circular), x => F.pixel_shuffle(x, 2), x => F.pixel_unshuffle(x, 2), x => x.channel_shuffle(2), x => F.unfold(x, 2), x => F.local_response_norm(x, 3), x => F.layer_norm(x, [6]), x => F.group_norm(x, 2, ones(4), zeros(4)), x => F.instance_norm(x), x => F.upsample(x, scale_factor: [2.0, 2.0], mode: UpsampleMode.Bilinear)),
        .. Functions("Nx4x9", x => F.max_pool1d(x, 2), x => F.avg_pool1d(x, 2), x => F.adaptive_avg_pool1d(x, 3), x => F.adaptive_max_pool1d(x, 3), x => F.dropout1d(x, training: false)),
        .. Functions("Nx2x4x6x6", x => F.max_pool3d(x, [2, 2, 2]), x => F.avg_pool3d(x, [2, 2, 2]), x => F.adaptive_avg_pool3d(x, [2, 3, 4]), x => F.dropout3d(x, training: false), x => F.dropout2d(x[0], training: false)),
        new("conv1d_padding", (Tensor x, Tensor w) => F.conv1d_padding(x, w, padding: Padding.Same), "Nx4x6", "8x4x4"),
        new("conv2d_padding", (Tensor x, Tensor w, Tensor b) => F.conv2d_padding(x, w, b, padding: Padding.Same, dilation: [2, 1]), "Nx4x6x6", "8x4x3x4", "8"),
        new("conv2d_padding of nothing", (Tensor x, Tensor w) => F.conv2d_padding(x, w, padding: Padding.Valid), "Nx4x6x6", "8x4x3x4"),
        new("conv3d_padding", (Tensor x, Tensor w) => F.conv3d_padding(x, w, padding: Padding.Same), "Nx2x4x4x4", "3x2x3x3x3"),
        new("conv2d", (Tensor x, Tensor w, Tensor b) => F.conv2d(x, w, b, strides: [2, 2], padding: [1, 1]), "Nx4x6x6", "8x4x3x3", "8"),
        new("conv1d", (Tensor x, Tensor w) => F.conv1d(x, w), "Nx4x6", "8x4x3"),
        new("conv3d", (Tensor x, Tensor w) => F.conv3d(x, w), "Nx2x4x4x4", "3x2x2x2x2"),
        new("conv_transpose1d", (Tensor x, Tensor w) => F.conv_transpose1d(x, w), "Nx4x6", "4x2x3"),
        new("conv_transpose2d", (Tensor x, Tensor w) => F.conv_transpose2d(x, w), "Nx4x6x6", "4x2x3x3"),
        new("conv_transpose3d", (Tensor x, Tensor w) => F.conv_transpose3d(x, w), "Nx2x3x3x3", "2x2x2x2x2"),
        new("batch_norm", (Tensor x, Tensor m, Tensor w) => F.batch_norm(x, m, m * m + 1, w, m), "Nx4x6", "4", "4"),
        new("free height and width", Called(Conv2d(3, 4, 3, stride: 2, padding: 1L)), "1x3xH=8xW=12"),
        new("resized to another's size", (Tensor x, Tensor y) => F.interpolate(x, y.shape[2..], mode: InterpolationMode.Bilinear), "Nx2x3x3", "Nx1xH=4xW=6"),
        new("padded to a multiple", (Tensor x) => F.pad(x, [0, (4 - x.shape[2] % 4) % 4]), "Nx2xL=6"),
        new("attention", (Tensor q, Tensor k, Tensor v) => F.scaled_dot_product_attention(q, k, v), "Nx2x5x4", "Nx2x6x4", "Nx2x6x4"),
        new("attention with a mask", (Tensor q, Tensor k, Tensor v, Tensor m) => F.scaled_dot_product_attention(q, k, v, m), "Nx2x5x4", "Nx2x6x4", "Nx2x6x4", "5x6"),
        new("causal attention", (Tensor q, Tensor k, Tensor v) => F.scaled_dot_product_attention(q, k, v, is_casual: true), "1x2xL=5x4", "1x2xL=5x4", "1x2xL=5x4"),
        new("embedding", Called(Embedding(3, 5)), "Nx4:int64"),
        new("cosinesimilarity", Called(CosineSimilarity()), "Nx4", "Nx4"),
        new("lstm", With(LSTM(3, 4, 2, bidirectional: true, batchFirst: true), lstm => (Tensor x) => lstm.call(x)), "NxL=5x3"),
        new("lstm with first states", With(LSTM(3, 4), lstm => (Tensor x, Tensor h, Tensor c) => lstm.call(x, (h, c))), "5xNx3", "1xNx4", "1xNx4"),
        new("gru", With(GRU(3, 4, 2), gru => (Tensor x, Tensor h) => gru.call(x, h)), "L=5xNx3", "2xNx4"),
        new("gru of two directions", With(GRU(3, 4, bidirectional: true, bias: false), gru => (Tensor x) => gru.call(x).Item1), "5xNx3"),
    ];

    private static Delegate With<T>(T module, Func<T, Delegate> function) where T : Module
    {
        module.eval();
        // The rows outlive the test that asks for them first.
        foreach (var parameter in module.parameters())
            parameter.DetachFromDisposeScope();
        return function(module);
    }

    private static int rows;

    private static IEnumerable<Row> Modules(string input, params Module<Tensor, Tensor>[] modules) => modules.Select(module => new Row($"{module.GetName()} {rows++}", Called(module), input));

    private static IEnumerable<Row> Functions(string input, params Func<Tensor, Tensor>[] functions) => functions.Select(function => new Row($"{input} {rows++}", function, input));

    private static Func<Tensor, Tensor> Called(Module<Tensor, Tensor> module)
    {
        module.eval();
        return x => module.call(x);
    }

    private static Func<Tensor, Tensor, Tensor> Called(Module<Tensor, Tensor, Tensor> module) => (x, y) => module.call(x, y);
}

using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Vision;

public static partial class models
{
    private static ModelInfo[] rafts =>
    [
        new("raft_large", 5_257_536, raft_size, (_, device) => raft_large(device)) { input = ModelInput.Pair, num_classes = 0 },
        new("raft_small", 990_162, raft_size, (_, device) => raft_small(device)) { input = ModelInput.Pair, num_classes = 0 },
    ];

    // The size of the videos in torchvision's example.
    private static long[] raft_size => [3, 520, 960];

    /// <summary>RAFT. <c>torchvision.models.optical_flow.raft_large</c></summary>
    /// <param name="device">The device of the weights; null for the default device.</param>
    public static RAFT raft_large(Device? device = null)
    {
        var corr_block = new CorrBlock(num_levels: 4, radius: 4);
        var motion_encoder = new MotionEncoder(corr_block.out_channels, [256, 192], [128, 64], out_channels: 128, device);
        return new(
            new RAFTFeatureEncoder(residual, [64, 64, 96, 128, 256], raft_strides, Instance(device), device),
            new RAFTFeatureEncoder(residual, [64, 64, 96, 128, 256], raft_strides, BatchNorm(device), device),
            corr_block,
            new UpdateBlock(
                motion_encoder,
                new RecurrentBlock(motion_encoder.out_channels + 128, 128, [(1, 5), (5, 1)], [(0, 2), (2, 0)], device),
                new FlowHead(128, 256, device)),
            new MaskPredictor(128, 256, device: device));

        static Module<Tensor, Tensor> residual(long from, long to, NormLayer? norm_layer, long stride, Device? device) =>
            new RAFTResidualBlock(from, to, norm_layer, stride, device: device);
    }

    /// <summary>RAFT with a fifth of the parameters. <c>torchvision.models.optical_flow.raft_small</c></summary>
    /// <param name="device">The device of the weights; null for the default device.</param>
    public static RAFT raft_small(Device? device = null)
    {
        var corr_block = new CorrBlock(num_levels: 4, radius: 3);
        var motion_encoder = new MotionEncoder(corr_block.out_channels, [96], [64, 32], out_channels: 82, device);
        return new(
            new RAFTFeatureEncoder(bottleneck, [32, 32, 64, 96, 128], raft_strides, Instance(device), device),
            new RAFTFeatureEncoder(bottleneck, [32, 32, 64, 96, 160], raft_strides, norm_layer: null, device),
            corr_block,
            new UpdateBlock(
                motion_encoder,
                new RecurrentBlock(motion_encoder.out_channels + 64, 96, [(3, 3)], [(1, 1)], device),
                new FlowHead(96, 128, device)));

        static Module<Tensor, Tensor> bottleneck(long from, long to, NormLayer? norm_layer, long stride, Device? device) =>
            new RAFTBottleneckBlock(from, to, norm_layer, stride, device);
    }

    private static NormLayer Instance(Device? device) => features => InstanceNorm2d(features, device: device);

    private static long[] raft_strides => [2, 1, 2, 2];
}

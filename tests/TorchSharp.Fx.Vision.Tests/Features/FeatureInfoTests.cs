using static TorchSharp.torch;

namespace TorchSharp.Fx.Vision.Tests.Features;

/// <summary>Stages of the catalogue's models, against what their papers and configurations say: channels and reduction of each, then the classifier's input.</summary>
[Collection(nameof(OneAtATime))]
public sealed class FeatureInfoTests
{
    public static TheoryData<string> All => Models.All;

    // efficientnet, mobilenet and mnasnet end their last stage with the 1 × 1 convolution before the pooling.
    [Theory]
    [InlineData("resnet18", "64/2 64/4 128/8 256/16 512/32", 512)]
    [InlineData("resnet50", "64/2 256/4 512/8 1024/16 2048/32", 2048)]
    [InlineData("vgg16_bn", "64/1 128/2 256/4 512/8 512/16 512/32", 4096)]
    [InlineData("densenet121", "64/2 256/4 512/8 1024/16 1024/32", 1024)]
    [InlineData("inception_v3", "64/2 192/4 288/8 768/16 2048/32", 2048)]
    [InlineData("efficientnet_b0", "16/2 24/4 40/8 112/16 1280/32", 1280)]
    [InlineData("efficientnet_b3", "24/2 32/4 48/8 136/16 1536/32", 1536)]
    [InlineData("mobilenet_v2", "16/2 24/4 32/8 96/16 1280/32", 1280)]
    [InlineData("regnet_y_400mf", "32/2 48/4 104/8 208/16 440/32", 440)]
    [InlineData("convnext_tiny", "96/4 192/8 384/16 768/32", 768)]
    [InlineData("swin_t", "96/4 192/8 384/16 768/32", 768)]
    [InlineData("maxvit_t", "64/2 64/4 128/8 256/16 512/32", 512)]
    [InlineData("vit_b_16", "768/16", 768)]
    [InlineData("r3d_18", "64/2 128/4 256/8 512/16", 512)]
    [InlineData("swin3d_t", "96/4 192/8 384/16 768/32", 768)]
    [InlineData("mvit_v2_s", "96/4 192/8 384/16 768/32", 768)]
    [InlineData("squeezenet1_1", "64/2 128/4 256/8 512/16", null)]
    [InlineData("deeplabv3_resnet50", "64/2 256/4 256/8", null)]
    public void Channels_and_reductions_are_the_architectures(string name, string stages, int? embedding)
    {
        var info = Info(name);
        Assert.Equal(stages, string.Join(' ', info.stages.Select(stage => $"{stage.channels}/{stage.reduction}")));
        Assert.Equal(embedding, (int?)info.embedding?.channels);
    }

    [Theory]
    [MemberData(nameof(All))]
    public void Every_stage_goes_down_and_can_be_extracted_in_both_modes(string name)
    {
        var info = Info(name);
        Assert.NotEmpty(info.stages);
        var reductions = info.stages.Select(stage => stage.reduction!.Value).ToArray();
        Assert.Equal(reductions.Order().Distinct(), reductions);
        using var model = Models.Meta(name);
        using var extractor = Models.Extractor(model, [.. info.stages, .. info.embedding is { } embedding ? new[] { embedding } : []]);
        Assert.Equal(info.stages.Count + (info.embedding is null ? 0 : 1), extractor.eval_graph.output_node().all_input_nodes.Count);
    }

    private static FeatureInfo Info(string name)
    {
        using var model = Models.Meta(name);
        using var input = zeros([1, .. models.get_model_info(name).input_shape], device: META);
        return feature_extraction.feature_info(model, [input]);
    }
}

using TorchSharp.Fx.Testing;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Vision.Tests.Features;

/// <summary>What extractors return, against torchvision with the same weights and input.</summary>
[Collection(nameof(OneAtATime))]
public sealed class OracleFeatureTests : IDisposable
{
    private readonly DisposeScope scope = NewDisposeScope();

    public void Dispose() => scope.Dispose();

    public static TheoryData<string> Known => Models.With("features");

    /// <summary>Torchvision takes the end of a vision transformer's <c>ln_2</c> for a number and names it <c>ln_1</c>; here that is a module's own name.</summary>
    private static Dictionary<string, string> Asked(string name, IEnumerable<(string node, TensorStatistics)> nodes)
        => nodes.ToDictionary(node => name.StartsWith("vit_", StringComparison.Ordinal) && node.node.EndsWith(".ln_1", StringComparison.Ordinal) ? node.node[..^1] + "2" : node.node, node => node.node);

    [Theory]
    [MemberData(nameof(Known))]
    public void Features_are_torchvisions_and_the_interpreters_bit_for_bit(string name)
    {
        var (shape, nodes) = Golden.Features(name);
        using var model = DeterministicWeights.Fill(models.get_model(name));
        model.eval();
        using var extractor = Models.Extractor(model, Asked(name, nodes));
        using var _ = no_grad();
        var input = DeterministicWeights.Input(shape);

        using var features = extractor.call(input);
        Assert.Equal(nodes.Select(node => node.node), features.Keys);
        foreach (var (node, expected) in nodes)
            expected.AssertMatches(features[node], $"{name}'s {node}");

        var interpreted = (Dictionary<string, object>)new GraphInterpreter(model, extractor.eval_graph).run(input)!;
        Assert.Equal(features.Keys, interpreted.Keys);
        foreach (var (node, feature) in features)
            Assert.True(feature.contiguous().bytes.SequenceEqual(((Tensor)interpreted[node]).contiguous().bytes), $"{name}'s {node} differs between the compiled form and the interpreter.");
    }

    /// <summary>Of each family one model; all of them by TORCHFX_ALL_MODELS=1.</summary>
    public static TheoryData<string> OneOfEach => Environment.GetEnvironmentVariable("TORCHFX_ALL_MODELS") is "1" ? Known : new(
        "alexnet", "convnext_tiny", "deeplabv3_mobilenet_v3_large", "densenet121", "efficientnet_b0", "efficientnet_v2_s", "inception_v3", "lraspp_mobilenet_v3_large", "maxvit_t",
        "mnasnet0_5", "mobilenet_v2", "mobilenet_v3_large", "mvit_v2_s", "r2plus1d_18", "regnet_x_400mf", "regnet_y_400mf", "resnet18", "resnext50_32x4d", "s3d", "shufflenet_v2_x0_5",
        "squeezenet1_1", "swin_t", "swin_v2_t", "swin3d_t", "vgg11_bn", "vit_b_32");

    [Theory]
    [MemberData(nameof(OneOfEach))]
    public void Features_of_the_optimised_copy_are_torchvisions(string name)
    {
        var (shape, nodes) = Golden.Features(name);
        using var model = DeterministicWeights.Fill(models.get_model(name));
        using var extractor = Models.Extractor(model, Asked(name, nodes));
        using var optimised = extractor.optimize_for_inference();
        using var _ = no_grad();

        using var features = optimised.call(DeterministicWeights.Input(shape));
        Assert.Equal(nodes.Select(node => node.node), features.Keys);
        foreach (var (node, expected) in nodes)
            expected.AssertMatches(features[node], $"the optimised {name}'s {node}");
    }
}

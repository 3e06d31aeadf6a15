using TorchSharp.Fx.Testing;
using TorchSharp.Fx.Vision.Tests.Features;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Vision.Tests.Passes;

/// <summary>Every pass on every model: the outputs stay.</summary>
[Collection(nameof(OneAtATime))]
public sealed class EveryPassTests : IDisposable
{
    private static readonly Pass[] Passes = [Pass.common_subexpressions, Pass.constant_folding, Pass.dead_code];

    /// <summary>One of each family computes; all do where the variable TORCHFX_ALL_MODELS is set.</summary>
    private static readonly string[] Computed =
    [
        "alexnet", "convnext_tiny", "deeplabv3_mobilenet_v3_large", "densenet121", "efficientnet_b0", "efficientnet_v2_s", "fcn_resnet50", "googlenet", "inception_v3", "lraspp_mobilenet_v3_large",
        "maxvit_t", "mc3_18", "mnasnet0_5", "mobilenet_v2", "mobilenet_v3_small", "mvit_v1_b", "regnet_y_400mf", "resnet18", "s3d", "shufflenet_v2_x0_5", "squeezenet1_1", "swin_t", "swin_v2_t",
        "swin3d_t", "vit_b_32",
    ];

    private readonly DisposeScope scope = NewDisposeScope();
    private readonly IDisposable noGradients = no_grad();

    public void Dispose()
    {
        noGradients.Dispose();
        scope.Dispose();
    }

    public static TheoryData<string> Small => [.. Environment.GetEnvironmentVariable("TORCHFX_ALL_MODELS") is null ? Computed : Models.Plain];

    // The giants differ from their siblings in numbers only.
    public static TheoryData<string> Others => [.. Models.Plain.Except(Computed).Where(name => models.get_model_info(name).num_params < 120_000_000)];

    [Theory]
    [MemberData(nameof(Small))]
    public void Outputs_are_equal_before_and_after(string name)
    {
        using var model = DeterministicWeights.Fill(models.get_model(name, num_classes: 10));
        model.eval();
        var input = rand(SmallShape(name));
        using var module = fx.symbolic_trace(model, example_inputs: [input]);
        var expected = Outputs(module, input);
        foreach (var pass in Passes)
        {
            new PassManager(pass).call(module);
            Assert.All(Outputs(module, input).Zip(expected), pair => Assert.True(pair.First.bytes.SequenceEqual(pair.Second.bytes), $"{pass.name} changes the output."));
        }

        if (module.graph.Count < 150)
            AssertSplits(module, input, expected);
        using var fused = optimization.fuse(module, input);
        Assert.All(Outputs(fused, input).Zip(expected), pair =>
        {
            using var difference = (pair.First - pair.Second).abs().max();
            Assert.InRange(difference.item<float>(), 0, 1e-5 * pair.Second.std().item<float>() + 1e-5 * pair.Second.abs().max().item<float>());
        });
        AssertFused(model, fused);
    }

    private static void AssertSplits(GraphModule module, Tensor input, Tensor[] expected)
    {
        var position = module.graph.nodes.Index().ToDictionary(entry => entry.Item, entry => entry.Index);
        using var split = module.split_module(node => 3 * position[node] / position.Count);
        Assert.All(Outputs(split, input).Zip(expected), pair => Assert.True(pair.First.bytes.SequenceEqual(pair.Second.bytes), "split_module changes the output."));
    }

    [Theory]
    [MemberData(nameof(Others))]
    public void Shapes_are_equal_before_and_after(string name)
    {
        using var model = models.get_model(name, device: META);
        model.eval();
        using var input = zeros(SmallShape(name), device: META);
        using var module = fx.symbolic_trace(model, example_inputs: [input]);
        var expected = Shapes(module, input);
        foreach (var pass in Passes)
        {
            new PassManager(pass).call(module);
            Assert.Equal(expected, Shapes(module, input));
        }
        using var fused = optimization.fuse(module, input);
        Assert.Equal(expected, Shapes(fused, input));
        AssertFused(model, fused);
    }

    /// <summary>Every norm goes but DenseNet's, which come before their convolutions, and MaxViT's and the like that come first.</summary>
    private static void AssertFused(nn.Module model, nn.Module fused)
    {
        var (before, after) = (model.modules().OfType<BatchNorm>().Count(), fused.modules().OfType<BatchNorm>().Count());
        if (before == 0)
            Assert.Equal(0, after);
        else
            Assert.InRange(after, 0, before - 1);
        if (model is ResNet or RegNet or MobileNetV2 or ShuffleNetV2 or EfficientNet)
            Assert.Equal(0, after);
    }

    private static string Shapes(GraphModule module, Tensor input)
    {
        new ShapeProp(module, module.graph).propagate(input);
        var output = module.graph.output_node();
        return $"{output.get_meta(meta.tensor_meta)} {(output.get_meta(meta.tensor_metas) is { IsDefault: false } inside ? string.Join(' ', inside) : "")}";
    }

    /// <summary>By the interpreter, which is what a graph means: to compile each of these graphs takes seconds.</summary>
    private static Tensor[] Outputs(GraphModule module, Tensor input) => new GraphInterpreter(module, module.graph).run(input) switch
    {
        Tensor tensor => [tensor.contiguous()],
        IDictionary<string, Tensor> named => [.. named.Values.Select(tensor => tensor.contiguous())],
        GoogLeNetOutputs google => [google.logits.contiguous()],
        InceptionOutputs inception => [inception.logits.contiguous()],
        var other => throw new InvalidOperationException($"A {other?.GetType().Name} is no output of a model."),
    };

    private static long[] SmallShape(string name) => name switch
    {
        "inception_v3" => [1, 3, 75, 75],
        "maxvit_t" => [1, 3, 224, 224],
        "s3d" or "mvit_v1_b" or "mvit_v2_s" => [1, 3, 16, 224, 224],
        _ when name.StartsWith("vit_", StringComparison.Ordinal) => [1, .. models.get_model_info(name).input_shape],
        _ when models.get_model_info(name).input_shape.Count == 4 => [1, 3, 4, 32, 32],
        _ when name.StartsWith("swin", StringComparison.Ordinal) => [1, 3, 64, 64],
        _ => [1, 3, 64, 64],
    };
}

using TorchSharp.Fx.Testing;
using TorchSharp.Fx.Vision;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx.Tests;

/// <summary>Quantised models as QDQ files: ONNX Runtime computes what the graph does, and the files come back as such graphs.</summary>
public sealed class QuantizationTests : IDisposable
{
    /// <summary>The converters that the models here need.</summary>
    internal static string[] Covered => ["quantize_per_tensor", "quantize_per_channel", "dequantize_per_tensor", "dequantize_per_channel"];

    private readonly DisposeScope scope = NewDisposeScope();

    public void Dispose() => scope.Dispose();

    [Theory, InlineData("resnet18"), InlineData("squeezenet1_1"), InlineData("mobilenet_v3_small")]
    public void ONNX_Runtime_computes_what_the_graph_of_steps_does(string name)
    {
        using var mode = no_grad();
        using var model = (nn.Module<torch.Tensor, torch.Tensor>)DeterministicWeights.Fill(models.get_model(name));
        model.eval();
        var images = Enumerable.Range(0, 3).Select(i => linspace(-2 + i, 2, 3 * 64 * 64).mul(40 + i).sin().reshape(1, 3, 64, 64)).ToArray();
        using var prepared = quantization.prepare_fx(model, QConfigMapping.default_mapping(QConfig.minmax_qconfig));
        foreach (var image in images)
            prepared.call(image);
        using var int8 = quantization.convert_to_reference_fx(prepared);
        using var exported = new OnnxModel();
        onnx.export(int8, exported.Path, [InputShape.Parse("Nx3x64x64")]);

        var last = int8.graph.nodes.Last(node => node.target.name == "quantize_per_tensor");
        var step = (double)((Literal)last.args[1]).Value!;
        var expected = int8.call(images[0]);
        AssertSteps(expected, exported.RunAsWritten(images[0]), step, name);
        // Its own int8 kernels round elsewhere, and random weights make much of that.
        var own = exported.Run(images[0]).Values.Single();
        Assert.InRange((expected - own).norm().item<float>(), 0, 0.2f * expected.norm().item<float>());

        using var loaded = (GraphModule<torch.Tensor, torch.Tensor>)onnx.load(exported.Path);
        Assert.Equal(int8.graph.nodes.Count(node => node.target.name.StartsWith("quantize_per", StringComparison.Ordinal)),
            loaded.graph.nodes.Count(node => node.target.name.StartsWith("quantize_per", StringComparison.Ordinal)));
        Assert.Contains(loaded.state_dict(), entry => entry.Value.dtype == ScalarType.Int8);
        AssertSteps(expected, loaded.call(images[0]), step, name + " loaded");
    }

    /// <summary>Between two steps either is right; what follows such a value may differ once more.</summary>
    private static void AssertSteps(torch.Tensor expected, torch.Tensor actual, double step, string what)
    {
        var steps = (expected - actual).abs().div(step).round();
        var within = steps.le(1).to(float32).mean().item<float>();
        Assert.True(within >= 0.95, $"{what}: {steps.max().item<float>()} steps, {within} within one");
    }

    [Fact]
    public void Weights_take_a_quarter_of_the_size()
    {
        using var model = (nn.Module<torch.Tensor, torch.Tensor>)ModelTests.Built(() => models.get_model("resnet18"));
        using var traced = fx.symbolic_trace(model);
        using var int8 = traced.quantize([rand(1, 3, 64, 64)]);
        using var exported = new OnnxModel();
        onnx.export(int8, exported.Path, [InputShape.Parse("1x3x64x64")]);
        Assert.InRange(new FileInfo(exported.Path).Length, 11_000_000, 13_000_000);
    }
}

using TorchSharp.Fx.Testing;
using TorchSharp.Fx.Vision.Tests.Features;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Vision.Tests.Passes;

/// <summary>What models cost, against the figures that torchvision publishes with its weights.</summary>
[Collection(nameof(OneAtATime))]
public sealed class FlopCounterTests
{
    public static TheoryData<string> Classifiers => [.. Models.Plain.Where(name => Published(name) is not null)];

    [Theory]
    [MemberData(nameof(Classifiers))]
    public void A_classifier_multiplies_as_often_as_torchvision_says(string name)
    {
        var (size, giga, parameters) = Published(name)!.Value;
        using var model = Models.Meta(name);
        model.eval();
        var tracer = new NodePathTracer();
        using var input = zeros([1, 3, size, size], device: META);
        var graph = tracer.trace(model);
        var total = new FlopCounter(model, graph, tracer.tensor_constants).count(input);

        // The figures are rounded to a thousandth.
        Assert.InRange(total.macs / 1e9, giga - 0.0006, giga + 0.0006);
        Assert.Equal(2 * total.macs, graph.nodes.Sum(node => node.get_meta(NodeCost.cost)!.flops));
        // Inception's auxiliary classifier is in its file but not run.
        if (name != "inception_v3")
            Assert.Equal(parameters, total.parameters);
    }

    /// <summary>The first published weights of the size that the model is made for.</summary>
    private static (long Size, double Giga, long Parameters)? Published(string name)
    {
        if (!Golden.Json("weights.json").TryGetProperty(name, out var all))
            return null;
        foreach (var row in all.EnumerateObject().Select(row => row.Value).Where(row => row.GetProperty("transforms").GetString() == "ImageClassification"))
        {
            var size = row.GetProperty("transform_args").GetProperty("crop_size")[0].GetInt64();
            if (size == models.get_model_info(name).input_shape[^1] || !name.StartsWith("vit", StringComparison.Ordinal))
                return (size, row.GetProperty("ops").GetDouble(), row.GetProperty("num_params").GetInt64());
        }
        return null;
    }
}

using System.Globalization;
using TorchSharp.Fx.Vision;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Cli;

/// <summary>The catalogue as the page <c>docs/models.md</c>: what is known of each model, and what its graph tells.</summary>
internal static class ModelsDocument
{
    private const string Head =
        """
        # Models

        `torchfx models --format markdown` writes this page, and a test holds it to that.

        Parameters, costs, stages and embedding are those of the model at the given input. GFLOPs are billions of multiplications with an addition,
        counted in the graph (`FlopCounter`). A stage is written as `name` channels/reduction, an embedding as `name` channels, as
        `feature_extraction.feature_info` finds them ([the rule](decisions/features.md)); `torchfx extract MODEL … --nodes stages,embedding`
        extracts just these. Of a detector, which takes a list of images, the GFLOPs are those that torchvision published. Weights are
        torchvision's, the default first, with the first of their published metrics; `torchfx weights info` tells more of each.

        | model | input | parameters | GFLOPs | weights | stages | embedding |
        |---|---|--:|--:|---|---|---|

        """;

    internal static void Write(TextWriter writer)
    {
        writer.Write(Head.ReplaceLineEndings("\n"));
        foreach (var name in models.list_models())
            writer.Write(Row(models.get_model_info(name)));
    }

    private static string Row(ModelInfo info)
    {
        var weights = PublishedWeights.Of(info.name).OrderByDescending(weights => weights.is_default).ToArray();
        string[] cells =
        [
            info.name, string.Join("×", info.input_shape), info.num_params.ToString("N0", CultureInfo.InvariantCulture),
            .. info.input != ModelInput.Images
                ? Traced(info, string.Join(", ", weights.Select(Weights)))
                    : [Text(weights[0].meta.gflops), string.Join(", ", weights.Select(Weights)), "", ""],
        ];
        return $"| {string.Join(" | ", cells)} |\n";
    }

    // What the graph tells, around the weights.
    private static string[] Traced(ModelInfo info, string weights)
    {
        using var model = info.builder(info.num_classes, META);
        using var input = zeros([1, .. info.input_shape], device: META);
        object[] inputs = [.. Enumerable.Repeat(input, info.input == ModelInput.Pair ? 2 : 1)];
        var features = feature_extraction.feature_info(model, inputs);
        return
        [
            Billions(model, inputs), weights,
            string.Join(", ", features.stages.Select(stage => $"`{stage.name}` {stage.channels}/{stage.reduction}")),
            features.embedding is { } embedding ? $"`{embedding.name}` {embedding.channels}" : "",
        ];
    }

    private static string Text(double giga) => giga.ToString("F2", CultureInfo.InvariantCulture);

    private static string Billions(nn.Module model, object[] inputs)
    {
        model.eval();
        var tracer = new NodePathTracer();
        var graph = tracer.trace(model);
        return Text(new FlopCounter(model, graph, tracer.tensor_constants).count(inputs).macs / 1e9);
    }

    private static string Weights(Vision.Weights weights)
    {
        var metric = weights.meta.metrics.Values.SelectMany(measures => measures).FirstOrDefault();
        return metric.Key is null ? weights.name : $"{weights.name} ({metric.Key} {PublishedWeights.Number(metric.Value)})";
    }
}

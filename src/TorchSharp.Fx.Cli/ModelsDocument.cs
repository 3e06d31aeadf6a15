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

        Parameters, costs, stages and embedding are those of the model at the given input. GFLOPs are billions of multiplications with an addition, counted in the graph (`FlopCounter`). A stage is written
        as `name` channels/reduction, an embedding as `name` channels, as `feature_extraction.feature_info` finds them ([the rule](decisions/features.md)); `torchfx extract MODEL … --nodes stages,embedding`
        extracts just these. Weights are torchvision's, the default first, with the first of their published metrics; `torchfx weights info` tells more of each.

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
        using var model = info.builder(info.num_classes, META);
        using var input = zeros([1, .. info.input_shape], device: META);
        var features = feature_extraction.feature_info(model, [input]);
        string[] cells =
        [
            info.name, string.Join("×", info.input_shape), info.num_params.ToString("N0", CultureInfo.InvariantCulture), Billions(model, input), string.Join(", ", PublishedWeights.Of(info.name).OrderByDescending(weights => weights.is_default).Select(Weights)),
            string.Join(", ", features.stages.Select(stage => $"`{stage.name}` {stage.channels}/{stage.reduction}")), features.embedding is { } embedding ? $"`{embedding.name}` {embedding.channels}" : "",
        ];
        return $"| {string.Join(" | ", cells)} |\n";
    }

    private static string Billions(nn.Module model, Tensor input)
    {
        model.eval();
        var tracer = new NodePathTracer();
        var graph = tracer.trace(model);
        var macs = new FlopCounter(model, graph, tracer.tensor_constants).count(input).macs;
        return (macs / 1e9).ToString("F2", CultureInfo.InvariantCulture);
    }

    private static string Weights(Vision.Weights weights)
    {
        var metric = weights.meta.metrics.Values.SelectMany(measures => measures).FirstOrDefault();
        return metric.Key is null ? weights.name : $"{weights.name} ({metric.Key} {PublishedWeights.Number(metric.Value)})";
    }
}

using System.Globalization;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Cli;

/// <summary>The model that a benchmark runs: every process makes the same weights and the same input of it.</summary>
/// <param name="Source">The model.</param>
/// <param name="Kwargs">How it is traced.</param>
/// <param name="Nodes">The nodes that are computed, as on the command line; the model's last one when null.</param>
internal sealed record BenchSubject(ModelSource Source, TracerKwargs Kwargs, string? Nodes)
{
    /// <summary>The sizes of one sample; the batch comes before them.</summary>
    internal long[] SampleSizes => Source.Inputs(Kwargs) is [InputShape { dtype: ScalarType.Float32, free_dimensions.Count: 0 } shape]
        ? [.. shape.ToString().Split(':')[0].Split('x').Skip(1).Select(size => long.Parse(size, CultureInfo.InvariantCulture))]
        : throw new ToolException(
            $"'{Source.Name}' can't be measured: a benchmark gives the model one input of float32 in sizes that are numbers, as in "
                + "--input 1x3x224x224.");

    internal nn.Module Build()
    {
        manual_seed(0);
        var module = Source.Build(null);
        module.eval();
        // A classifier that starts at zero, as ViT's does, gives zeros whatever comes before it: they would always agree.
        using var mode = no_grad();
        foreach (var weight in module.parameters().Where(weight => weight.dim() > 1 && IsZero(weight)))
            nn.init.normal_(weight, std: 0.02);
        return module;
    }

    internal Tensor Input(int batch)
    {
        manual_seed(0);
        return rand([batch, .. SampleSizes]);
    }

    private static bool IsZero(Tensor weight)
    {
        using var any = weight.any();
        return !any.item<bool>();
    }

    /// <summary>The model cut at the nodes.</summary>
    internal DualGraphModule Extractor(nn.Module module) => NodeRequests.Extractor(module, Requested(module), training: false, Kwargs);

    /// <summary>
    /// The whole model, which returns the nodes, and its last one under the key <paramref name="rest"/> unless that was asked for.
    /// </summary>
    internal DualGraphModule Whole(nn.Module module, string rest)
    {
        var (requested, last) = (Requested(module), Last(module));
        return NodeRequests.Extractor(module, requested.Any(node => node.Name == last) ? requested : [.. requested, new(last, rest)],
            training: false, Kwargs);
    }

    /// <summary>The key under which the nodes have the model's own result; null where others were asked for.</summary>
    internal string? ResultKey(nn.Module module) => Nodes is null ? Last(module) : null;

    private ReturnNodes Requested(nn.Module module)
        => NodeRequests.WithPresets(NodeRequests.Parse(Nodes ?? Last(module)), module, Source, Kwargs);

    private string Last(nn.Module module)
        => feature_extraction.get_graph_node_names(module, Kwargs.Only(training: false), suppress_diff_warning: true).eval_nodes[^1];
}

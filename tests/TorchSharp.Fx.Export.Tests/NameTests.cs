using System.Text.Json;
using Xunit;

namespace TorchSharp.Fx.Export.Tests;

/// <summary>Nodes have the names that torchvision gives to those of the live models, but for what an export does not keep.</summary>
public class NameTests
{
    /// <summary>Arithmetic on sizes, checks of sizes, parts of results that nobody reads, dropped paths that do nothing in evaluation, and
    /// a function that is written into its caller.</summary>
    private static readonly string[] NotKept = ["size", "dim", "getattr", "getitem", "floordiv", "mul", "eq", "_assert", "stochastic_depth",
        "_get_relative_position_bias"];

    /// <summary>How many of torchvision's names a program has; docs/export.md tells them.</summary>
    public static TheoryData<string, int, int> Models => new()
    {
        { "tv_convnext", 78, 83 }, { "tv_densenet", 70, 70 }, { "tv_efficientnet", 41, 44 }, { "tv_lraspp", 41, 45 },
            { "tv_mobilenet_v2", 85, 85 },
        { "tv_shufflenet", 80, 104 }, { "tv_swin", 56, 68 }, { "tv_swin_v2", 80, 92 }, { "tv_vit", 27, 57 },
            { "torch-2.6/tv_mobilenet_v2", 85, 85 },
    };

    [Theory]
    [MemberData(nameof(Models))]
    public void NamesAreTorchvisions(string name, int kept, int all)
    {
        using var module = export.load(ExportedPrograms.Program(name));
        var (_, names) = feature_extraction.get_graph_node_names(module, suppress_diff_warning: true);
        var golden = Golden()[name.Split('/')[^1]];
        var missing = golden.Except(names).ToArray();
        Assert.Equal((kept, all), (golden.Length - missing.Length, golden.Length));
        Assert.All(missing, lost => Assert.Contains(Last(lost), NotKept));
        Assert.Equal(names.Count, names.Distinct().Count());
    }

    [Fact]
    public void FeaturesAreFoundByTheirNames()
    {
        using var module = export.load<GraphModule<torch.Tensor, torch.Tensor>>(ExportedPrograms.Program("tv_mobilenet_v2"));
        using var extractor = feature_extraction.create_feature_extractor(module,
            new() { ["features.3.add"] = "early", ["features.18"] = "late", ["classifier"] = "scores" });
        using var scope = torch.NewDisposeScope();
        var values = ExportedPrograms.Values("tv_mobilenet_v2");
        using var features = extractor.call(values["0.in.0"]);
        Assert.Equal([2, 8, 8, 8], features["early"].shape);
        Assert.Equal([2, 1280, 1, 1], features["late"].shape);
        Assert.True(features["scores"].allclose(values["0.out.output"], rtol: 1e-4, atol: 1e-6));
    }

    private static string Last(string name) => Namespace.SplitSuffix(name.Split('.')[^1]).Stem;

    private static Dictionary<string, string[]> Golden()
        => JsonSerializer.Deserialize<Dictionary<string,
            string[]>>(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "data", "node_names.json")))!;
}

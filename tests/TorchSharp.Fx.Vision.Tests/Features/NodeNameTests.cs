using TorchSharp.Fx.Testing;

namespace TorchSharp.Fx.Vision.Tests.Features;

public sealed class NodeNameTests
{
    public static TheoryData<string> Known => Models.With("node_names");

    [Theory]
    [MemberData(nameof(Known))]
    public void Both_lists_are_torchvisions_entry_by_entry(string name)
    {
        using var model = Models.Meta(name);
        var (train, eval) = feature_extraction.get_graph_node_names(model, suppress_diff_warning: true);
        Assert.Equal(Golden.NodeNames(name, train: true), train);
        Assert.Equal(Golden.NodeNames(name, train: false), eval);
    }

    [Fact]
    public void Every_model_that_torchvisions_lists_are_known_of_is_among_them_but_for_the_quantised()
    {
        var goldens = Directory.GetFiles(Golden.PathOf("node_names")).Select(file => Path.GetFileNameWithoutExtension(file)).ToList();
        Assert.Contains("resnet50", goldens);
        var missing = goldens.Except(Known.Select(row => row.Data)).Where(name => !name.StartsWith("quantized_", StringComparison.Ordinal));
        Assert.Empty(missing);
    }
}

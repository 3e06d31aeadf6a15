using TorchSharp.Fx.Testing;
using Xunit;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Vision.Tests;

/// <summary>What feature extraction calls the nodes of each model, against torchvision.</summary>
public sealed class NodeNameTests
{
    public static TheoryData<string> Models => [.. models.list_models().Where(name => Golden.Has("node_names", name))];

    [Theory]
    [MemberData(nameof(Models))]
    public void Node_names_are_torchvisions_in_both_modes(string name)
    {
        var (train, eval) = feature_extraction.get_graph_node_names(models.get_model(name, device: META), suppress_diff_warning: true);
        Assert.Equal(Golden.NodeNames(name, train: false), eval);
        Assert.Equal(Golden.NodeNames(name, train: true), train);
    }
}

using TorchSharp.Fx.Testing;
using Xunit;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Vision.Tests;

/// <summary>The nodes that tracing a compiled model finds, against those torchvision prints.</summary>
public sealed class ModelNodeNameTests
{
    public static TheoryData<string> ModelsWithNodeNames => [.. models.list_models().Where(name => Golden.Has("node_names", name))];

    [Theory]
    [MemberData(nameof(ModelsWithNodeNames))]
    public void Node_names_are_torchvisions_in_both_modes(string name)
    {
        var (train, eval) = feature_extraction.get_graph_node_names(models.get_model(name, device: META), suppress_diff_warning: true);
        Assert.Equal(Golden.NodeNames(name, train: true), train);
        Assert.Equal(Golden.NodeNames(name, train: false), eval);
    }
}

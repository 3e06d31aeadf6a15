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
    public void Every_family_that_torchvisions_list_has_is_among_them()
        => Assert.Equal(["alexnet", "inception_v3", "resnet101", "resnet18", "resnet34", "resnet50", "resnext101_32x8d", "resnext50_32x4d", "vgg11", "vgg11_bn", "vgg13", "vgg16", "vgg16_bn",
            "vgg19", "vgg19_bn", "wide_resnet50_2"], Known.Select(row => row.Data));
}

using TorchSharp.Fx.Testing;
using TorchSharp.Fx.Vision.Tests.Features;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Vision.Tests.Passes;

/// <summary>Shapes without memory or computing, against those that torchvision's models had when they ran.</summary>
[Collection(nameof(OneAtATime))]
public sealed class ShapePropTests
{
    public static TheoryData<string> Known => Models.With("features");

    [Theory]
    [MemberData(nameof(Known))]
    public void Shapes_on_the_meta_device_are_torchvisions(string name)
    {
        var (shape, nodes) = Golden.Features(name);
        using var model = Models.Meta(name);
        model.eval();
        var tracer = new NodePathTracer();
        var graph = tracer.trace(model);
        using var input = zeros(shape, device: META);
        new ShapeProp(model, graph, tracer.tensor_constants).propagate(input);

        var named = tracer.node_to_qualname.ToDictionary(entry => entry.Value, entry => entry.Key);
        Assert.All(nodes, expected => Assert.Equal(expected.expected.Shape, named[expected.node].get_meta(meta.tensor_meta)!.shape));
    }
}

using TorchSharp.Fx.Vision;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx.Tests;

/// <summary>RAFT, two images in, gives in ONNX Runtime what it gives here, for batches of any size.</summary>
public sealed class OpticalFlowTests
{
    [Fact]
    public void Flows_of_every_update_are_the_same()
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var model = (RAFT)ModelTests.Built(() => models.raft_small());
        model.num_flow_updates = 2;
        using var traced = fx.symbolic_trace(model);
        using var exported = new OnnxModel();
        onnx.export(traced, exported.Path, [InputShape.Parse("Nx3x128x136"), InputShape.Parse("Nx3x128x136")]);
        var (first, second) = (rand(2, 3, 128, 136) * 2 - 1, rand(2, 3, 128, 136) * 2 - 1);
        var expected = model.call(first, second);
        var actual = exported.Run(first, second).Values.ToArray();
        Assert.Equal(expected.Count, actual.Length);
        foreach (var (i, flow) in expected.Index())
            OnnxModel.AssertClose(flow, actual[i], $"flow {i}");
    }
}

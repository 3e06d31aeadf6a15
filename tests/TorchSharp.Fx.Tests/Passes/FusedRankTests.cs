using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Passes;

/// <summary>
/// A batch norm goes over the second dimension, whatever there is before and behind; the layer that it is fused into over the one that is its own. Inputs of another number of dimensions are refused.
/// </summary>
public sealed class FusedRankTests
{
    public static TheoryData<string> Names => [.. Models.Keys];

    // As many samples as channels, so that without a batch, too, the norm has as many channels as it wants: eager runs, and gives something else than a fused layer would.
    private static readonly Dictionary<string, (Func<TorchSharp.Modules.Sequential> Make, long[] Shape, long[] Other)> Models = new()
    {
        ["conv1d"] = (() => Sequential(Conv1d(4, 4, 1), BatchNorm1d(4)), [2, 4, 4], [4, 4]),
        ["linear"] = (() => Sequential(Linear(4, 4), BatchNorm1d(4)), [2, 4], [2, 4, 4]),
        ["conv2d"] = (() => Sequential(Conv2d(3, 4, 1), BatchNorm2d(4)), [2, 3, 4, 4], [3, 4, 4]),
        ["conv3d"] = (() => Sequential(Conv3d(3, 4, 1), BatchNorm3d(4)), [2, 3, 4, 4, 4], [3, 4, 4, 4]),
    };

    private static TorchSharp.Modules.Sequential Made(string name)
    {
        var model = Models[name].Make();
        using var gradients = no_grad();
        foreach (var buffer in model.buffers().Where(buffer => buffer.is_floating_point()))
            buffer.copy_(rand(buffer.shape) + 0.5);
        model.eval();
        return model;
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_fused_norm_asserts_the_number_of_dimensions(string name)
    {
        using var scope = NewDisposeScope();
        using var gradients = no_grad();
        var (_, shape, other) = Models[name];
        using var model = Made(name);
        using var traced = fx.symbolic_trace(model);
        using var fused = optimization.fuse(traced, rand(shape));
        Assert.DoesNotContain("1", fused.graph.find_nodes(Opcode.call_module).Select(node => node.target.name));
        var x = rand(shape);
        Assert.True(allclose(fused.call(x), model.call(x), rtol: 1e-4, atol: 1e-6));
        var refusal = Assert.Throws<GraphAssertionException>(() => fused.call(rand(other)));
        Assert.Contains($"the batch norm '1' was fused into '0' for inputs of {shape.Length} dimensions", refusal.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("conv1d")]
    [InlineData("conv2d")]
    [InlineData("conv3d")]
    public void A_convolution_of_an_optimised_copy_does_so_too(string name)
    {
        using var scope = NewDisposeScope();
        using var gradients = no_grad();
        var (_, shape, other) = Models[name];
        using var model = Made(name);
        using var optimised = fx.symbolic_trace(model).optimize_for_inference();
        var x = rand(shape);
        Assert.True(allclose(optimised.call(x), model.call(x), rtol: 1e-4, atol: 1e-6));
        var refusal = Assert.ThrowsAny<Exception>(() => optimised.call(rand(other)));
        Assert.Contains($"a batch norm was folded into this convolution for inputs of {shape.Length} dimensions, but this one has {other.Length}", refusal.Message, StringComparison.Ordinal);
    }
}

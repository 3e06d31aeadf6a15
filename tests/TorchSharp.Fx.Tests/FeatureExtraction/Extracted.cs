using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.FeatureExtraction;

/// <summary>What several of these tests say.</summary>
internal static class Extracted
{
    /// <summary>Names with their keys in the order of the result.</summary>
    internal static string Keys(this Features features) => string.Join(' ', features.Keys);

    internal static float[] Numbers(this Tensor tensor)
    {
        using var scope = NewDisposeScope();
        return tensor.detach().contiguous().to(ScalarType.Float32).data<float>().ToArray();
    }

    /// <summary>Bit for bit.</summary>
    internal static void AssertSame(Tensor expected, Tensor actual)
    {
        Assert.Equal(expected.shape, actual.shape);
        Assert.Equal(expected.Numbers(), actual.Numbers());
    }

    /// <summary>What the graph does beside its inputs and output.</summary>
    internal static string Steps(this Graph graph)
        => string.Join(' ', graph.nodes.Where(node => node.op is not (Opcode.placeholder or Opcode.output)).Select(node => node.target.name));
}

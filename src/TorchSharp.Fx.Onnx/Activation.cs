using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx;

/// <summary>The settings that layers keep in native code, found by their results for a few numbers.</summary>
internal static class Activation
{
    /// <summary>Whether a cell cuts off what is negative; it takes the hyperbolic tangent otherwise.</summary>
    internal static bool IsRelu(TorchSharp.Modules.RNNCell cell)
    {
        var input = Numbers(cell.weight_ih!.shape[1]);
        return IsRelu(cell, "", input, cell.call(input, zeros(1, cell.weight_hh!.shape[1]))[0]);
    }

    /// <summary>The same of the first layer of several.</summary>
    internal static bool IsRelu(TorchSharp.Modules.RNN layers)
    {
        var input = Numbers(layers.get_parameter("weight_ih_l0")!.shape[1]);
        return IsRelu(layers, "_l0", input, layers.call(input.unsqueeze(1), null).Item2[0, 0]);
    }

    private static bool IsRelu(nn.Module module, string ending, Tensor input, Tensor given)
    {
        var sum = nn.functional.linear(input, Parameter("weight_ih")!)[0];
        foreach (var bias in new[] { Parameter("bias_ih"), Parameter("bias_hh") })
            sum = bias is null ? sum : sum + bias;
        return given.allclose(sum.relu(), 1e-3, 1e-4) ? true : given.allclose(sum.tanh(), 1e-3, 1e-4)
            ? false : throw new NotSupportedException("its activation is neither of those that PyTorch has");

        Tensor? Parameter(string name) => module.named_parameters().FirstOrDefault(parameter => parameter.name == name + ending).parameter;
    }

    private static Tensor Numbers(long width) => (arange(width).to(float32) * 0.7).sin().unsqueeze(0) * 2;
}

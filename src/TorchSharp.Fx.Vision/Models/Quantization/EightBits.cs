using System.Reflection;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Vision;

/// <summary>
/// Makes models that compute in eight bits. They are graphs, which TorchSharp.Fx makes: it is found by name, as neither library refers
/// to the other.
/// </summary>
internal static class EightBits
{
    /// <summary><c>quantization.quantize_model</c> of TorchSharp.Fx.</summary>
    /// <param name="model">The model in floating point; it stays as it is.</param>
    /// <param name="backend">What the scales are for.</param>
    /// <param name="state_dict">A checkpoint in eight bits; null for scales by a random image.</param>
    /// <exception cref="NotSupportedException">The program is without TorchSharp.Fx.</exception>
    internal static nn.Module Of(nn.Module model, string backend, IReadOnlyDictionary<string, Tensor>? state_dict)
    {
        var quantize = Type.GetType("TorchSharp.Fx.quantization, TorchSharp.Fx")?.GetMethod("quantize_model")
            ?? throw new NotSupportedException(
                "Models in eight bits are graphs, which TorchSharp.Fx makes: add that package, of this version, beside TorchSharp.Fx.Vision.");
        var result = model switch
        {
            GoogLeNet => typeof(GoogLeNetOutputs),
            Inception3 => typeof(InceptionOutputs),
            _ => typeof(Tensor),
        };
        return (nn.Module)quantize.MakeGenericMethod(result)
            .Invoke(null, BindingFlags.DoNotWrapExceptions, binder: null, [model, backend, state_dict], culture: null)!;
    }
}

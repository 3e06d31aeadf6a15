using static TorchSharp.torch;

namespace TorchSharp.Fx.Inference;

/// <summary>The scales of the whole numbers that a kernel takes and gives.</summary>
/// <param name="Added">Those that a sum is added to, in the memory of the result; null where there are none.</param>
/// <param name="Vectors">The scales and zero points, by the index of their argument, each with the mask of the dimensions that have one for
/// each place.</param>
internal sealed record Int8Scheme(Int8Steps? Added, params (int Argument, int Mask, Tensor Values)[] Vectors) : IDisposable
{
    /// <summary>The scheme of a layer.</summary>
    /// <param name="source">What the input stands for.</param>
    /// <param name="weight">The weight's scale, for each channel of the result; taken over.</param>
    /// <param name="mask">The weight's dimensions that have one for each place.</param>
    /// <param name="result">What the result stands for; null for one that holds numbers.</param>
    /// <param name="added">What the sum is added to.</param>
    internal static Int8Scheme Of(Int8Steps source, Tensor weight, int mask, Int8Steps? result, Int8Steps? added)
        => new(added,
            [.. Of(Dnnl.Source, source), (Dnnl.Scales | Dnnl.Weights, mask, weight), .. result is null ? [] : Of(Dnnl.Result, result)]);

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var (_, _, values) in Vectors)
            values.Dispose();
    }

    private static IEnumerable<(int Argument, int Mask, Tensor Values)> Of(int argument, Int8Steps steps)
    {
        yield return (Dnnl.Scales | argument, 0, tensor(new[] { (float)steps.Scale }).DetachFromDisposeScope());
        if (steps.ZeroPoint != 0)
            yield return (Dnnl.ZeroPoints | argument, 0, tensor(new[] { (int)steps.ZeroPoint }).DetachFromDisposeScope());
    }
}

using System.Numerics;
using System.Runtime.CompilerServices;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Inference;

/// <summary>
/// A linear layer of few rows, or a convolution of single pixels: each weight is read once, in PyTorch's order, and used at once, so that
/// the memory's speed is what bounds it.
/// </summary>
/// <param name="weight">The layer's weight; it outlives the kernel.</param>
/// <param name="bias">The layer's bias; it outlives the kernel.</param>
/// <param name="activation">What is done with the result.</param>
/// <param name="residual">What the sum is added to.</param>
internal sealed unsafe class RowKernel(LayerWeight weight, Tensor? bias, FusedActivation activation, Residual residual)
    : WritingKernel(residual)
{
    /// <summary>So many rows are computed from one reading of the weight as fast as it can be read.</summary>
    private const long MostRows = 4;

    // So many outputs are read side by side: one stream alone doesn't keep the memory busy.
    private const int Outputs = 4;

    private readonly Tensor dense = weight.Dense(keeps: true).DetachFromDisposeScope();

    /// <summary>Whether it is the faster one for so many rows of such numbers.</summary>
    internal static bool Takes(ScalarType type, long rows)
        => type == ScalarType.Float32 && rows <= MostRows && Vector.IsHardwareAccelerated;

    /// <inheritdoc/>
    private protected override void Write(Tensor input, Tensor? other, Tensor result)
    {
        var (outputs, inputs) = (weight.Sizes[0], weight.Sizes[1]);
        var rows = input.numel() / inputs;
        var (x, to, table) = (Shims.Data(input), Shims.Data(result), Shims.Data(dense));
        var (shift, added) = (bias is null ? 0 : Shims.Data(bias), other is null ? 0 : Shims.Data(other));
        Work.Share((outputs + Outputs - 1) / Outputs, Work.Bytes / (Outputs * sizeof(float) * inputs) + 1, (first, end) =>
        {
            for (var output = first * Outputs; output < Math.Min(outputs, end * Outputs); output += Outputs)
                for (var row = 0L; row < rows; row++)
                    Compute((float*)x + row * inputs, (float*)table + output * inputs, inputs, Math.Min(Outputs, outputs - output),
                        (float*)to + row * outputs + output, shift == 0 ? null : (float*)shift + output,
                        added == 0 ? null : (float*)added + row * outputs + output);
        });
        activation.Apply_(result);
    }

    /// <inheritdoc/>
    public override void Dispose() => dense.Dispose();

    private static void Compute(float* x, float* w, long inputs, long outputs, float* to, float* shift, float* added)
    {
        Span<float> sums = stackalloc float[Outputs];
        if (outputs == Outputs)
            (sums[0], sums[1], sums[2], sums[3]) = Four(x, w, inputs);
        else
            for (var output = 0; output < outputs; output++)
                sums[output] = One(x, w + output * inputs, inputs);
        for (var output = 0; output < outputs; output++)
            to[output] = sums[output] + (shift == null ? 0 : shift[output]) + (added == null ? 0 : added[output]);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static (float, float, float, float) Four(float* x, float* w, long inputs)
    {
        Vector<float> a = default, b = default, c = default, d = default, e = default, f = default, g = default, h = default;
        var (i, width) = (0L, Vector<float>.Count);
        for (; i + 2 * width <= inputs; i += 2 * width)
        {
            var (low, high) = (Vector.Load(x + i), Vector.Load(x + i + width));
            a = Vector.FusedMultiplyAdd(low, Vector.Load(w + i), a);
            e = Vector.FusedMultiplyAdd(high, Vector.Load(w + i + width), e);
            b = Vector.FusedMultiplyAdd(low, Vector.Load(w + inputs + i), b);
            f = Vector.FusedMultiplyAdd(high, Vector.Load(w + inputs + i + width), f);
            c = Vector.FusedMultiplyAdd(low, Vector.Load(w + 2 * inputs + i), c);
            g = Vector.FusedMultiplyAdd(high, Vector.Load(w + 2 * inputs + i + width), g);
            d = Vector.FusedMultiplyAdd(low, Vector.Load(w + 3 * inputs + i), d);
            h = Vector.FusedMultiplyAdd(high, Vector.Load(w + 3 * inputs + i + width), h);
        }
        var (s, t, u, v) = (Vector.Sum(a + e), Vector.Sum(b + f), Vector.Sum(c + g), Vector.Sum(d + h));
        for (; i < inputs; i++)
            (s, t, u, v) = (s + x[i] * w[i], t + x[i] * w[inputs + i], u + x[i] * w[2 * inputs + i], v + x[i] * w[3 * inputs + i]);
        return (s, t, u, v);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float One(float* x, float* w, long inputs)
    {
        var sum = Vector<float>.Zero;
        var (i, width) = (0L, Vector<float>.Count);
        for (; i + width <= inputs; i += width)
            sum = Vector.FusedMultiplyAdd(Vector.Load(x + i), Vector.Load(w + i), sum);
        var whole = Vector.Sum(sum);
        for (; i < inputs; i++)
            whole += x[i] * w[i];
        return whole;
    }
}

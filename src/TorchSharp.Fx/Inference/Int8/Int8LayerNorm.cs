using System.Runtime.Intrinsics;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Inference;

/// <summary>A layer norm over the last dimension, from steps to steps. Mean and variance of whole numbers are exact.</summary>
internal sealed unsafe class Int8LayerNorm : Int8Function
{
    private readonly Int8Steps source, result;
    private readonly Int8Vectors from, to;
    private readonly float[] weight, bias;
    private readonly double epsilon;

    private Int8LayerNorm(float[] weight, float[] bias, double epsilon, Int8Steps source, Int8Steps result) : base("Int8LayerNorm")
    {
        (this.weight, this.bias, this.epsilon, this.source, this.result) = (weight, bias, epsilon, source, result);
        (from, to) = (new(source), new(result));
    }

    /// <summary>The same norm; null for one over several dimensions.</summary>
    internal static Int8LayerNorm? Of(LayerNorm norm, Int8Steps source, Int8Steps result)
    {
        if (norm.normalized_shape is not [var size] || size > int.MaxValue / (256 * 256)
            || norm.weight?.dtype is not (null or ScalarType.Float32))
            return null;
        return new(Values(norm.weight, size, 1), Values(norm.bias, size, 0), norm.eps, source, result);
    }

    /// <summary>The steps of the norm over the last dimension.</summary>
    public Tensor forward(Tensor input)
    {
        ArgumentNullException.ThrowIfNull(input);
        var size = weight.Length;
        if (input.device_type != DeviceType.CPU || !input.is_contiguous() || input.size(-1) != size || size % Int8Vectors.Width != 0)
            return Plain(input);
        var output = Memory.Empty(result.Type, Shims.Sizes(input), Shims.Strides(input));
        var (start, end) = (Shims.Data(input), Shims.Data(output));
        Work.Share(input.numel() / size, Work.Bytes / 2 / size + 1, (first, last) =>
        {
            fixed (float* scales = weight, shifts = bias)
                for (var row = first; row < last; row++)
                    Row((byte*)start + row * size, (byte*)end + row * size, scales, shifts);
        });
        GC.KeepAlive(input);
        return output;
    }

    /// <inheritdoc/>
    private protected override Int8Function Copy() => new Int8LayerNorm(weight, bias, epsilon, source, result);

    private Tensor Plain(Tensor input)
    {
        using var scope = NewDisposeScope();
        var (scales, shifts) = (tensor(weight, device: input.device), tensor(bias, device: input.device));
        return result.Of(nn.functional.layer_norm(source.Numbers(input), [weight.Length], scales, shifts, epsilon))
            .MoveToOuterDisposeScope();
    }

    private void Row(byte* steps, byte* normalised, float* scales, float* shifts)
    {
        var size = weight.Length;
        var (sum, squares) = (Vector512<int>.Zero, Vector512<int>.Zero);
        for (var i = 0; i < size; i += Int8Vectors.Width)
        {
            var distances = from.Distances(steps + i);
            (sum, squares) = (sum + distances, squares + distances * distances);
        }
        var mean = Vector512.Sum(sum) / (double)size;
        var variance = (Sum(squares) / size - mean * mean) * source.Scale * source.Scale;
        var (factor, middle) = (Vector512.Create((float)(source.Scale / Math.Sqrt(variance + epsilon))), Vector512.Create((float)mean));
        for (var i = 0; i < size; i += Int8Vectors.Width)
        {
            var even = (Vector512.ConvertToSingle(from.Distances(steps + i)) - middle) * factor;
            to.Write(even * Vector512.Load(scales + i) + Vector512.Load(shifts + i), normalised + i);
        }
    }

    private static double Sum(Vector512<int> numbers)
    {
        var (low, high) = Vector512.Widen(numbers);
        return Vector512.Sum(low + high);
    }

    private static float[] Values(Tensor? vector, long size, float otherwise)
    {
        if (vector is null)
            return [.. Enumerable.Repeat(otherwise, (int)size)];
        using var scope = NewDisposeScope();
        return [.. vector.detach().cpu().contiguous().data<float>()];
    }
}

using System.Numerics;
using System.Runtime.CompilerServices;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Inference;

/// <summary>
/// A factor and a shift of each channel, applied to the parts of a concatenation and written side by side: the concatenation itself, which
/// nothing else needs, is neither written nor read.
/// </summary>
/// <param name="factors">One of each channel of all parts.</param>
/// <param name="shifts">One of each channel of all parts.</param>
/// <param name="isRelu">Whether a relu follows.</param>
internal sealed unsafe class NormOfParts(float[] factors, float[] shifts, bool isRelu)
{
    // So many pixels of a part are read one after the other while their factors are in registers, and their results still fit the cache.
    private const int Pixels = 8;

    private readonly float lowest = isRelu ? 0 : float.NegativeInfinity;

    /// <summary>
    /// The strides and sizes of the result of parts; false where they aren't single-precision images with channels last that have a factor
    /// for each channel.
    /// </summary>
    internal bool TryResult(Tensor[] parts, Span<long> sizes, Span<long> strides)
    {
        if (parts is [] || parts[0].dim() != 4)
            return false;
        Shims.Sizes(parts[0]).CopyTo(sizes);
        sizes[1] = 0;
        foreach (var part in parts)
        {
            if (part.dtype != ScalarType.Float32 || part.device_type != DeviceType.CPU || part.dim() != 4
                || (is_grad_enabled() && part.requires_grad))
                return false;
            var own = Shims.Sizes(part);
            if (own[0] != sizes[0] || own[2] != sizes[2] || own[3] != sizes[3])
                return false;
            sizes[1] += own[1];
        }
        MemoryFormat.ChannelsLast(sizes, strides);
        return sizes[1] == factors.Length && !sizes.Contains(0);
    }

    /// <summary>Normalises parts whose channels are last, one pixel after the other.</summary>
    /// <param name="parts">Where each part begins, and how many channels it has.</param>
    /// <param name="result">Where the result begins.</param>
    /// <param name="pixels">How many pixels there are.</param>
    internal void Run((IntPtr Start, long Channels)[] parts, IntPtr result, long pixels)
        => Work.Share(pixels, Work.Bytes / sizeof(float) / factors.Length + 1, (first, end) =>
        {
            fixed (float* scale = factors, shift = shifts)
                for (var pixel = first; pixel < end; pixel += Pixels)
                {
                    var count = Math.Min(Pixels, end - pixel);
                    var offset = 0L;
                    foreach (var (start, channels) in parts)
                    {
                        Normalise((float*)start + pixel * channels, channels, (float*)result + pixel * factors.Length + offset, count,
                            scale + offset, shift + offset);
                        offset += channels;
                    }
                }
        });

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Normalise(float* from, long channels, float* to, long pixels, float* scale, float* shift)
    {
        var channel = 0L;
        for (; channel + 4 * Vector<float>.Count <= channels; channel += 4 * Vector<float>.Count)
            Four(from + channel, channels, to + channel, pixels, scale + channel, shift + channel);
        for (; channel + Vector<float>.Count <= channels; channel += Vector<float>.Count)
            One(from + channel, channels, to + channel, pixels, scale + channel, shift + channel);
        for (; channel < channels; channel++)
            for (var pixel = 0L; pixel < pixels; pixel++)
            {
                var value = MathF.FusedMultiplyAdd(from[pixel * channels + channel], scale[channel], shift[channel]);
                to[pixel * factors.Length + channel] = value < lowest ? lowest : value;
            }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Four(float* from, long channels, float* to, long pixels, float* scale, float* shift)
    {
        var width = Vector<float>.Count;
        var low = new Vector<float>(lowest);
        var (a0, a1, a2, a3) =
            (Vector.Load(scale), Vector.Load(scale + width), Vector.Load(scale + 2 * width), Vector.Load(scale + 3 * width));
        var (b0, b1, b2, b3) =
            (Vector.Load(shift), Vector.Load(shift + width), Vector.Load(shift + 2 * width), Vector.Load(shift + 3 * width));
        for (; pixels > 0; pixels--, from += channels, to += factors.Length)
        {
            Vector.Store(Clamped(low, Vector.FusedMultiplyAdd(Vector.Load(from), a0, b0)), to);
            Vector.Store(Clamped(low, Vector.FusedMultiplyAdd(Vector.Load(from + width), a1, b1)), to + width);
            Vector.Store(Clamped(low, Vector.FusedMultiplyAdd(Vector.Load(from + 2 * width), a2, b2)), to + 2 * width);
            Vector.Store(Clamped(low, Vector.FusedMultiplyAdd(Vector.Load(from + 3 * width), a3, b3)), to + 3 * width);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void One(float* from, long channels, float* to, long pixels, float* scale, float* shift)
    {
        var (low, a, b) = (new Vector<float>(lowest), Vector.Load(scale), Vector.Load(shift));
        for (; pixels > 0; pixels--, from += channels, to += factors.Length)
            Vector.Store(Clamped(low, Vector.FusedMultiplyAdd(Vector.Load(from), a, b)), to);
    }

    /// <summary>The larger of both; what is no number stays as it is.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<float> Clamped(Vector<float> low, Vector<float> value)
        => Vector.ConditionalSelect(Vector.LessThan(value, low), low, value);
}

using System.Runtime.Intrinsics;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Inference;

/// <summary>Makes steps of numbers in one pass. Images come out channels last.</summary>
/// <param name="steps">What the steps stand for.</param>
internal sealed unsafe class Int8Rounding(Int8Steps steps) : Int8Function("Int8Rounding")
{
    private const int Block = 1024;

    /// <summary>The steps nearest to numbers in single precision.</summary>
    public Tensor forward(Tensor input)
    {
        ArgumentNullException.ThrowIfNull(input);
        if (input.device_type != DeviceType.CPU || input.dtype != ScalarType.Float32 || (is_grad_enabled() && input.requires_grad))
            return steps.Of(input);
        return input.dim() == 4 && input.is_contiguous() && input.size(1) is > 1 and <= 4 ? Image(input) : MemoryFormat.IsDense(input)
            ? Same(input) : steps.Of(input);
    }

    /// <inheritdoc/>
    private protected override Int8Function Copy() => new Int8Rounding(steps);

    private Tensor Same(Tensor input)
    {
        var output = Memory.Empty(steps.Type, Shims.Sizes(input), Shims.Strides(input));
        var (from, to) = (Shims.Data(input), Shims.Data(output));
        Work.Share(input.numel(), Work.Bytes, (start, end) => Round((float*)from + start, (byte*)to + start, end - start));
        GC.KeepAlive(input);
        return output;
    }

    /// <summary>The channels of a few side by side.</summary>
    private Tensor Image(Tensor input)
    {
        var sizes = input.shape;
        var strides = new long[4];
        MemoryFormat.ChannelsLast(sizes, strides);
        var output = Memory.Empty(steps.Type, sizes, strides);
        var (from, to, channels, pixels) = (Shims.Data(input), Shims.Data(output), sizes[1], sizes[2] * sizes[3]);
        Work.Share(sizes[0] * pixels, Work.Bytes, (start, end) =>
        {
            var planes = stackalloc byte[4 * Block];
            for (var first = start; first < end;)
            {
                var (image, pixel) = Math.DivRem(first, pixels);
                var count = Math.Min(Block, Math.Min(end - first, pixels - pixel));
                for (var channel = 0L; channel < channels; channel++)
                    Round((float*)from + (image * channels + channel) * pixels + pixel, planes + channel * Block, count);
                Interleave(planes, (byte*)to + first * channels, channels, count);
                first += count;
            }
        });
        GC.KeepAlive(input);
        return output;
    }

    /// <summary>Puts bytes of several planes in turn.</summary>
    private static void Interleave(byte* planes, byte* to, long channels, long count)
    {
        // Where each byte of a result's vectors comes from in the vector of a plane; 255 for another plane's.
        var masks = stackalloc Vector128<byte>[4 * 4];
        for (var i = 0; i < 16 * channels; i++)
            for (var channel = 0; channel < channels; channel++)
                ((byte*)(masks + i / 16 * channels + channel))[i % 16] = i % channels == channel ? (byte)(i / channels) : byte.MaxValue;
        var pixel = 0L;
        for (; pixel <= count - 16; pixel += 16)
            for (var part = 0L; part < channels; part++, to += 16)
            {
                var bytes = Vector128<byte>.Zero;
                for (var channel = 0L; channel < channels; channel++)
                    bytes |= Vector128.Shuffle(Vector128.Load(planes + channel * Block + pixel), masks[part * channels + channel]);
                bytes.Store(to);
            }
        for (; pixel < count; pixel++)
            for (var channel = 0L; channel < channels; channel++)
                *to++ = planes[channel * Block + pixel];
    }

    private void Round(float* from, byte* to, long count)
    {
        var (by, low, high) = ((float)(1 / steps.Scale), (float)(steps.Lowest - steps.ZeroPoint), (float)(steps.Highest - steps.ZeroPoint));
        var i = 0L;
        if (Vector512.IsHardwareAccelerated)
        {
            var zero = Vector512.Create((int)steps.ZeroPoint);
            var (scale, least, most) = (Vector512.Create(by), Vector512.Create(low), Vector512.Create(high));
            for (; i <= count - 64; i += 64)
            {
                var (a, b, c, d) = (Of(from + i), Of(from + i + 16), Of(from + i + 32), Of(from + i + 48));
                Vector512.Narrow(Vector512.Narrow(a, b), Vector512.Narrow(c, d)).AsByte().Store(to + i);
            }

            Vector512<int> Of(float* numbers)
                => Vector512.ConvertToInt32(Vector512.Round(Vector512.Min(Vector512.Max(Vector512.Load(numbers) * scale, least), most)))
                    + zero;
        }
        for (; i < count; i++)
            to[i] = (byte)((int)MathF.Round(Math.Clamp(from[i] * by, low, high), MidpointRounding.ToEven) + (int)steps.ZeroPoint);
    }
}

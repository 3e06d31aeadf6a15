using System.Runtime.Intrinsics;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Inference;

/// <summary>
/// The sum or product of two values in steps, of the same sizes; the second may have one value for each channel of an image.
/// </summary>
/// <param name="isProduct">Whether it is a product.</param>
/// <param name="hasRelu">Whether negative results become 0.</param>
/// <param name="one">What the first value's steps stand for.</param>
/// <param name="other">What the second value's steps stand for.</param>
/// <param name="result">What the result's steps stand for.</param>
internal sealed unsafe class Int8Arithmetic(bool isProduct, bool hasRelu, Int8Steps one, Int8Steps other, Int8Steps result)
    : Int8Function(isProduct ? "Int8Product" : "Int8Sum")
{
    private readonly Int8Vectors first = new(one), second = new(other), sum = new(result);

    /// <summary>The steps of the sum or product.</summary>
    public Tensor forward(Tensor first, Tensor second)
    {
        ArgumentNullException.ThrowIfNull(first);
        ArgumentNullException.ThrowIfNull(second);
        if (first.device_type != DeviceType.CPU || second.device_type != DeviceType.CPU || first.numel() == 0)
            return Plain(first, second);
        var sizes = Shims.Sizes(first);
        var strides = Shims.Strides(first);
        if (!MemoryFormat.IsDense(first) || !(IsAlike(second, sizes, strides) || IsByChannel(second, sizes, strides)))
            return Plain(first, second);
        var output = Memory.Empty(result.Type, sizes, strides);
        var (a, b, to) = (Shims.Data(first), Shims.Data(second), Shims.Data(output));
        if (second.numel() == first.numel())
            Work.Share(first.numel(), Work.Bytes,
                (start, end) => Compute((byte*)a + start, (byte*)b + start, (byte*)to + start, end - start));
        else
        {
            var (channels, pixels) = (sizes[1], sizes[2] * sizes[3]);
            Work.Share(sizes[0] * pixels, Work.Bytes / channels + 1, (start, end) =>
            {
                for (var pixel = start; pixel < end; pixel++)
                    Compute((byte*)a + pixel * channels, (byte*)b + pixel / pixels * channels, (byte*)to + pixel * channels, channels);
            });
        }
        GC.KeepAlive(first);
        GC.KeepAlive(second);
        return output;
    }

    /// <inheritdoc/>
    private protected override Int8Function Copy() => new Int8Arithmetic(isProduct, hasRelu, one, other, result);

    private Tensor Plain(Tensor first, Tensor second)
    {
        using var scope = NewDisposeScope();
        var (a, b) = (one.Numbers(first), other.Numbers(second));
        var computed = isProduct ? a * b : a + b;
        return result.Of(hasRelu ? computed.relu_() : computed).MoveToOuterDisposeScope();
    }

    private void Compute(byte* a, byte* b, byte* to, long count)
    {
        var whole = count - count % Int8Vectors.Width;
        for (var i = 0L; i < whole; i += Int8Vectors.Width)
            Step(a + i, b + i, to + i);
        if (whole == count)
            return;
        // The rest by way of vectors of its own.
        var rest = stackalloc byte[3 * Int8Vectors.Width];
        new Span<byte>(a + whole, (int)(count - whole)).CopyTo(new(rest, Int8Vectors.Width));
        new Span<byte>(b + whole, (int)(count - whole)).CopyTo(new(rest + Int8Vectors.Width, Int8Vectors.Width));
        Step(rest, rest + Int8Vectors.Width, rest + 2 * Int8Vectors.Width);
        new Span<byte>(rest + 2 * Int8Vectors.Width, (int)(count - whole)).CopyTo(new(to + whole, (int)(count - whole)));
    }

    private void Step(byte* a, byte* b, byte* to)
    {
        var (x, y) = (first.Numbers(a), second.Numbers(b));
        var computed = isProduct ? x * y : x + y;
        sum.Write(hasRelu ? Vector512.Max(computed, Vector512<float>.Zero) : computed, to);
    }

    private static bool IsAlike(Tensor second, ReadOnlySpan<long> sizes, ReadOnlySpan<long> strides)
        => Shims.Sizes(second).SequenceEqual(sizes) && Shims.Strides(second).SequenceEqual(strides);

    /// <summary>Whether the first is images, channels last, and the second has one pixel for each.</summary>
    private static bool IsByChannel(Tensor second, ReadOnlySpan<long> sizes, ReadOnlySpan<long> strides)
        => sizes.Length == 4 && strides[1] == 1 && strides[3] == sizes[1] && second.dim() == 4
            && Shims.Sizes(second) is [var batch, var channels, 1, 1] && batch == sizes[0] && channels == sizes[1]
        && (channels == 1 || Shims.Strides(second)[1] == 1) && (batch == 1 || Shims.Strides(second)[0] == channels);
}

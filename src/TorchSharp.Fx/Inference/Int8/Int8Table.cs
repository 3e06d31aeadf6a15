using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Inference;

/// <summary>A function of single values between steps and steps: what it makes of each of the 256.</summary>
internal sealed unsafe class Int8Table : Int8Function
{
    private readonly byte[] entries;
    private readonly Int8Steps source, result;

    private Int8Table(byte[] entries, Int8Steps source, Int8Steps result) : base("Int8Table")
        => (this.entries, this.source, this.result) = (entries, source, result);

    /// <summary>The table of a function.</summary>
    /// <param name="source">What the steps stand for that are given.</param>
    /// <param name="function">The function of the numbers.</param>
    /// <param name="result">What the result's steps stand for.</param>
    internal static Int8Table Of(Int8Steps source, FusedActivation function, Int8Steps result)
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        var steps = result.Of(function.Apply(source.Numbers(arange(256).to(ScalarType.Byte).to(source.Type))));
        return new([.. steps.to(ScalarType.Byte).data<byte>()], source, result);
    }

    /// <summary>The lowest and highest step where the function does nothing but clamp steps; null for any other.</summary>
    internal (long Low, long High)? Clamp()
    {
        if (source != result)
            return null;
        var (low, high) = (At(source.Lowest), At(source.Highest));
        for (var step = source.Lowest; step <= source.Highest; step++)
            if (low > high || At(step) != Math.Clamp(step, low, high))
                return null;
        return (low, high);
    }

    /// <summary>The result that the function makes of the steps.</summary>
    public Tensor forward(Tensor input)
    {
        ArgumentNullException.ThrowIfNull(input);
        if (input.device_type != DeviceType.CPU || !MemoryFormat.IsDense(input))
        {
            using var scope = NewDisposeScope();
            var table = tensor(entries, device: input.device).to(result.Type);
            return table.index_select(0, input.to(ScalarType.Byte).flatten().to(ScalarType.Int64)).view(input.shape)
                .MoveToOuterDisposeScope();
        }
        var output = Memory.Empty(result.Type, Shims.Sizes(input), Shims.Strides(input));
        var (from, to) = (Shims.Data(input), Shims.Data(output));
        Work.Share(input.numel(), Work.Bytes, (start, end) => Look((byte*)from + start, (byte*)to + start, end - start));
        GC.KeepAlive(input);
        return output;
    }

    /// <inheritdoc/>
    private protected override Int8Function Copy() => new Int8Table(entries, source, result);

    private long At(long step) => result.Type == ScalarType.Byte ? entries[(byte)step] : (sbyte)entries[(byte)step];

    private void Look(byte* from, byte* to, long count)
    {
        var i = 0L;
        fixed (byte* table = entries)
        {
            if (Avx512Vbmi.IsSupported)
            {
                var (a, b, c, d) =
                    (Vector512.Load(table), Vector512.Load(table + 64), Vector512.Load(table + 128), Vector512.Load(table + 192));
                for (; i <= count - 64; i += 64)
                {
                    var steps = Vector512.Load(from + i);
                    var (low, high) = (Avx512Vbmi.PermuteVar64x8x2(a, steps, b), Avx512Vbmi.PermuteVar64x8x2(c, steps, d));
                    Vector512.ConditionalSelect(Vector512.LessThan(steps.AsSByte(), Vector512<sbyte>.Zero).AsByte(), high, low)
                        .Store(to + i);
                }
            }
            for (; i < count; i++)
                to[i] = table[from[i]];
        }
    }
}

using System.Runtime.Intrinsics;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Inference;

/// <summary>Makes numbers of steps in one pass.</summary>
/// <param name="steps">What the steps stand for.</param>
internal sealed unsafe class Int8Numbers(Int8Steps steps) : Int8Function("Int8Numbers")
{
    private readonly Int8Vectors vectors = new(steps);

    /// <summary>What the steps stand for.</summary>
    internal Int8Steps Steps => steps;

    /// <summary>The numbers that steps stand for.</summary>
    public Tensor forward(Tensor input)
    {
        ArgumentNullException.ThrowIfNull(input);
        if (input.device_type != DeviceType.CPU || !MemoryFormat.IsDense(input))
            return steps.Numbers(input);
        var output = Memory.Empty(ScalarType.Float32, Shims.Sizes(input), Shims.Strides(input));
        var (from, to) = (Shims.Data(input), Shims.Data(output));
        Work.Share(input.numel(), Work.Bytes, (start, end) => Read((byte*)from + start, (float*)to + start, end - start));
        GC.KeepAlive(input);
        return output;
    }

    /// <inheritdoc/>
    private protected override Int8Function Copy() => new Int8Numbers(steps);

    private void Read(byte* from, float* to, long count)
    {
        var whole = count - count % Int8Vectors.Width;
        for (var i = 0L; i < whole; i += Int8Vectors.Width)
            vectors.Numbers(from + i).Store(to + i);
        for (var i = whole; i < count; i++)
            to[i] = ((steps.Type == ScalarType.Byte ? from[i] : (sbyte)from[i]) - steps.ZeroPoint) * (float)steps.Scale;
    }
}

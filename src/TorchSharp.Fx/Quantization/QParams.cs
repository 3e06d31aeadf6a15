using static TorchSharp.torch;

namespace TorchSharp.Fx.Quantization;

/// <summary>The rule by which numbers become steps: one scale and zero point, or one for each place along a dimension.</summary>
/// <param name="Scale">The distances between steps.</param>
/// <param name="ZeroPoint">The steps that stand for 0.</param>
internal sealed record QParams(float[] Scale, long[] ZeroPoint)
{
    /// <summary>The answer of an observer that saw nothing.</summary>
    internal static readonly QParams Default = new([1], [0]);

    /// <summary>The parameters that cover ranges, in single precision as PyTorch computes them.</summary>
    /// <param name="low">The lowest number of each place.</param>
    /// <param name="high">The highest number of each place.</param>
    /// <param name="range">The steps that there are.</param>
    /// <param name="isSymmetric">Whether the middle of the steps stands for 0.</param>
    /// <param name="eps">The least scale.</param>
    internal static QParams Covering(ReadOnlySpan<float> low, ReadOnlySpan<float> high, QRange range, bool isSymmetric, float eps)
    {
        for (var i = 0; i < low.Length; i++)
            if (low[i] > high[i])
                return low[i] == float.PositiveInfinity && high[i] == float.NegativeInfinity ? Default
                    : throw new InvalidOperationException($"An observer's lowest value, {low[i]}, is above its highest, {high[i]}.");
        var (scale, zero) = (new float[low.Length], new long[low.Length]);
        for (var i = 0; i < low.Length; i++)
        {
            var (least, most) = (MathF.Min(low[i], 0), MathF.Max(high[i], 0));
            if (isSymmetric)
            {
                scale[i] = MathF.Max(MathF.Max(-least, most) / ((range.Max - range.Min) / 2f), eps);
                zero[i] = range.Middle;
            }
            else
            {
                scale[i] = MathF.Max((most - least) / (range.Max - range.Min), eps);
                zero[i] = Math.Clamp(range.Min - (long)MathF.Round(least / scale[i], MidpointRounding.ToEven), range.Min, range.Max);
            }
        }
        return new(scale, zero);
    }

    /// <summary>As tensors: scales in single precision, zero points as <c>int64</c>.</summary>
    internal (Tensor Scale, Tensor ZeroPoint) Tensors() => (tensor(Scale), tensor(ZeroPoint));
}

/// <summary>The steps from a lowest to a highest.</summary>
/// <param name="Min">The lowest step.</param>
/// <param name="Max">The highest step.</param>
/// <param name="Type">The type that holds a step: <c>Byte</c> or <c>Int8</c>.</param>
internal readonly record struct QRange(long Min, long Max, ScalarType Type)
{
    /// <summary>The steps of a type, or some of them.</summary>
    /// <exception cref="ArgumentException">The type holds no steps, or not these.</exception>
    internal static QRange Of(ScalarType type, long? min, long? max)
    {
        var (least, most) = type switch
        {
            ScalarType.Byte => (0L, 255L),
            ScalarType.Int8 => (-128, 127),
            _ => throw new ArgumentException($"Numbers are quantised to Byte (quint8) or Int8 (qint8), not to {type}.", nameof(type)),
        };
        var range = new QRange(min ?? least, max ?? most, type);
        return range.Min >= least && range.Max <= most && range.Min <= 0 && range.Max >= 0 && range.Min < range.Max ? range
            : throw new ArgumentException($"The range {range.Min} to {range.Max} must lie within {type} and contain 0.", nameof(min));
    }

    /// <summary>The step that stands for 0 where numbers lie evenly around it.</summary>
    internal long Middle => Type == ScalarType.Byte ? (Min, Max) == (0, 255) ? 128 : (Min + Max) / 2 : 0;
}

using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace TorchSharp.Fx.Inference;

/// <summary>Sixteen steps at a time as numbers, and back.</summary>
internal readonly unsafe struct Int8Vectors
{
    /// <summary>How many numbers a vector has.</summary>
    internal const int Width = 16;

    private readonly bool isSigned;
    private readonly float scale, reciprocal, low, high;
    private readonly int zero;

    internal Int8Vectors(Int8Steps steps)
    {
        isSigned = steps.Type == torch.ScalarType.Int8;
        (scale, reciprocal, zero) = ((float)steps.Scale, (float)(1 / steps.Scale), (int)steps.ZeroPoint);
        (low, high) = (steps.Lowest - zero, steps.Highest - zero);
    }

    /// <summary>The steps' distance from the one that stands for 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal Vector512<int> Distances(byte* from)
    {
        var bytes = Vector128.Load(from);
        var wide = isSigned
            ? Vector512.Create(
                Vector256.Create(Vector128.WidenLower(Vector128.WidenLower(bytes.AsSByte())),
                    Vector128.WidenUpper(Vector128.WidenLower(bytes.AsSByte()))),
                Vector256.Create(Vector128.WidenLower(Vector128.WidenUpper(bytes.AsSByte())),
                    Vector128.WidenUpper(Vector128.WidenUpper(bytes.AsSByte()))))
            : System.Runtime.Intrinsics.X86.Avx512F.IsSupported ? System.Runtime.Intrinsics.X86.Avx512F.ConvertToVector512Int32(bytes)
            : Vector512.Create(
                Vector256.Create(Vector128.WidenLower(Vector128.WidenLower(bytes)), Vector128.WidenUpper(Vector128.WidenLower(bytes)))
                    .AsInt32(),
                Vector256.Create(Vector128.WidenLower(Vector128.WidenUpper(bytes)), Vector128.WidenUpper(Vector128.WidenUpper(bytes)))
                    .AsInt32());
        return wide - Vector512.Create(zero);
    }

    /// <summary>The numbers that steps stand for.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal Vector512<float> Numbers(byte* from) => Vector512.ConvertToSingle(Distances(from)) * scale;

    /// <summary>Writes the steps nearest to numbers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Write(Vector512<float> numbers, byte* to)
    {
        var steps = Vector512.ConvertToInt32(
            Vector512.Round(Vector512.Min(Vector512.Max(numbers * reciprocal, Vector512.Create(low)), Vector512.Create(high))))
                + Vector512.Create(zero);
        var halves = Vector256.Narrow(steps.GetLower(), steps.GetUpper());
        Vector128.Narrow(halves.GetLower(), halves.GetUpper()).AsByte().Store(to);
    }
}

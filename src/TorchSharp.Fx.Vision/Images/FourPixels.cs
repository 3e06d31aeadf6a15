using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace TorchSharp.Fx.Vision;

/// <summary>
/// Four neighbouring pixels in one register: red, green, blue and a fourth byte of the first, then of the second, and so on.
/// </summary>
internal static class FourPixels
{
    /// <summary>How many there are.</summary>
    public const int Count = 4;

    /// <summary>Takes them out of an image whose channels lie one after the other.</summary>
    /// <param name="image">Red, green and blue.</param>
    /// <param name="at">The place of the first in its channel.</param>
    public static Vector128<byte> Load(ReadOnlySpan<byte> image, int at)
    {
        var channel = image.Length / 3;
        return Transposed(Vector128.Create(Read(image, at), Read(image, at + channel), Read(image, at + 2 * channel), 0).AsByte());
    }

    /// <summary>Puts red, green and blue into an image whose channels lie one after the other.</summary>
    public static void Store(Vector128<byte> pixels, Span<byte> image, int at)
    {
        var channel = image.Length / 3;
        var transposed = Transposed(pixels).AsUInt32();
        for (var i = 0; i < 3; i++)
            MemoryMarshal.Write(image[(at + i * channel)..], transposed[i]);
    }

    private static Vector128<byte> Transposed(Vector128<byte> bytes)
        => Vector128.Shuffle(bytes, Vector128.Create((byte)0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));

    private static uint Read(ReadOnlySpan<byte> image, int at) => MemoryMarshal.Read<uint>(image[at..]);
}

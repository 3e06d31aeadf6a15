using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.RegularExpressions;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Cli.Tests;

/// <summary>Reads float32 .npy files by NumPy's own description of the format, so that the writer is not tested by itself.</summary>
internal static partial class NpyFile
{
    public static Tensor Read(string path)
    {
        var bytes = File.ReadAllBytes(path);
        Assert.Equal([0x93, .. "NUMPY"u8, 1, 0], bytes[..8]);
        var header = 10 + BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(8));
        var match = Header().Match(Encoding.ASCII.GetString(bytes[10..header]));
        Assert.True(match.Success);
        long[] shape = [.. match.Groups[1].Value.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(long.Parse)];
        return torch.tensor(MemoryMarshal.Cast<byte, float>(bytes.AsSpan(header)).ToArray()).reshape(shape);
    }

    [GeneratedRegex(@"^\{'descr': '<f4', 'fortran_order': False, 'shape': \(([\d, ]*)\), \}\s*\n$")]
    private static partial Regex Header();
}

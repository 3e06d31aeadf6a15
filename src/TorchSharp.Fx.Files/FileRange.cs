using Microsoft.Win32.SafeHandles;

namespace TorchSharp.Fx.Files;

/// <summary>
/// Reads a part of a file from its beginning; a length is checked against what is left before anything is allocated for it.
/// </summary>
internal sealed class FileRange(SafeFileHandle file, long position, long end)
{
    private readonly byte[] buffer = new byte[(int)Math.Clamp(end - position, 1, 1 << 14)];
    private int next;
    private int filled;

    /// <summary>Where the next byte stands in the file.</summary>
    public long Position => position - filled + next;

    private long Left => end - Position;

    public byte ReadByte()
    {
        if (next == filled) Fill();
        return buffer[next++];
    }

    /// <summary>The next <paramref name="length"/> bytes.</summary>
    public byte[] Read(ulong length)
    {
        if (length > (ulong)Left) throw new InvalidDataException($"gives a value {length} bytes where {Left} are left");
        var bytes = new byte[length];
        for (var done = 0; done < bytes.Length;)
        {
            if (next == filled) Fill();
            var part = Math.Min(filled - next, bytes.Length - done);
            buffer.AsSpan(next, part).CopyTo(bytes.AsSpan(done));
            next += part;
            done += part;
        }
        return bytes;
    }

    /// <summary>The bytes before the next line end, which is skipped.</summary>
    public byte[] ReadLine(int limit)
    {
        var line = new List<byte>();
        for (byte b; (b = ReadByte()) != '\n'; line.Add(b))
            if (line.Count == limit) throw new InvalidDataException($"has a line of more than {limit} bytes");
        return [.. line];
    }

    /// <summary>Goes on after <paramref name="length"/> bytes, which the caller has found to be there.</summary>
    public void Skip(long length)
    {
        position = Position + length;
        next = filled = 0;
    }

    private void Fill()
    {
        filled = RandomAccess.Read(file, buffer.AsSpan(0, (int)Math.Min(buffer.Length, end - position)), position);
        next = 0;
        if (filled == 0) throw new InvalidDataException("ends in the middle of a value: it is truncated");
        position += filled;
    }
}

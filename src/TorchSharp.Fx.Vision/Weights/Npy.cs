using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Vision;

/// <summary>NumPy's .npy files: written in version 1.0, read in any.</summary>
public static class Npy
{
    private const int MostHeader = 1 << 16;

    private static readonly Regex dictionaries =
        new(@"^\{ *'descr' *: *'([<>|=]?[a-z]\d+)' *, *'fortran_order' *: *(True|False) *, *'shape' *: *\(([\d, ]*)\) *,? *\} *\n?$",
            RegexOptions.CultureInvariant);

    /// <summary>Reads one tensor. <c>numpy.load</c>, without pickles.</summary>
    /// <returns>A tensor of the file's shape and type, in the order of C.</returns>
    /// <exception cref="InvalidDataException">The file is no .npy file, has a type that a tensor hasn't, or is shorter or longer than its
    /// header says.</exception>
    public static Tensor load(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        using var stream = File.OpenRead(path);
        var (description, isFortran, shape) = ReadHeader(path, stream);
        var type = descriptions.FirstOrDefault(entry => entry.Value == description || entry.Value == "|" + description).Key;
        if (!descriptions.TryGetValue(type, out var known) || known[1..] != description[^(known.Length - 1)..] || description[0] == '>')
            throw new InvalidDataException(
                $"{path} has numbers of the type '{description}', which no tensor has: save it as one of "
                    + $"{string.Join(", ", descriptions.Values)}.");
        long elements;
        try
        {
            elements = shape.Aggregate(1L, (product, size) => checked(product * size));
        }
        catch (OverflowException)
        {
            elements = long.MaxValue / 16;
        }
        using var scope = NewDisposeScope();
        // The file's length is known before anything is allocated.
        if (stream.Length - stream.Position != elements * (description[^1] - '0'))
            throw new InvalidDataException(
                $"{path} has {stream.Length - stream.Position} bytes of numbers, which are no [{string.Join(", ", shape)}] of "
                    + $"'{description}'.");
        var tensor = empty(isFortran ? [.. shape.Reverse()] : shape, dtype: type);
        if (elements > 0)
            tensor.ReadBytesFromStream(stream);
        return (isFortran
            ? tensor.permute([.. Enumerable.Range(0, shape.Length).Reverse().Select(dimension => (long)dimension)])
                .contiguous() : tensor).MoveToOuterDisposeScope();
    }

    private static (string Description, bool IsFortran, long[] Shape) ReadHeader(string path, FileStream stream)
    {
        var start = new byte[12];
        var count = stream.ReadAtLeast(start, 10, throwOnEndOfStream: false);
        if (count < 10 || start[0] != 0x93 || !start.AsSpan(1, 5).SequenceEqual("NUMPY"u8) || start[6] is 0 or > 3)
            throw new InvalidDataException($"{path} is no .npy file.");
        var isShort = start[6] == 1;
        var length = isShort ? BinaryPrimitives.ReadUInt16LittleEndian(start.AsSpan(8)) : count < 12
            ? 0 : BinaryPrimitives.ReadUInt32LittleEndian(start.AsSpan(8));
        if (length is 0 or > MostHeader || length > stream.Length)
            throw new InvalidDataException($"{path} has a damaged header.");
        stream.Position = isShort ? 10 : 12;
        var header = new byte[length];
        if (stream.ReadAtLeast(header, header.Length, throwOnEndOfStream: false) < header.Length
            || dictionaries.Match(Encoding.Latin1.GetString(header)) is not { Success: true } match)
            throw new InvalidDataException($"{path} has a header that says no type and shape of one array.");
        long[] shape = [.. match.Groups[3].Value.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .Select(size => long.TryParse(size, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
                ? number : throw new InvalidDataException($"{path} has the size {size}, which is none."))];
        return (match.Groups[1].Value, match.Groups[2].Value == "True", shape);
    }

    private static readonly Dictionary<ScalarType, string> descriptions = new()
    {
        [ScalarType.Float16] = "<f2",
        [ScalarType.Float32] = "<f4",
        [ScalarType.Float64] = "<f8",
        [ScalarType.Int8] = "|i1",
        [ScalarType.Byte] = "|u1",
        [ScalarType.Int16] = "<i2",
        [ScalarType.Int32] = "<i4",
        [ScalarType.Int64] = "<i8",
        [ScalarType.Bool] = "|b1",
    };

    /// <summary>Writes one tensor; an existing file is replaced only when the new one is complete. <c>numpy.save</c></summary>
    /// <remarks>NumPy has no bfloat16: such a tensor is written as float32, which holds its values exactly.</remarks>
    /// <exception cref="ArgumentException">The tensor is complex or quantised.</exception>
    public static void save(string path, Tensor tensor)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        using var scope = NewDisposeScope();
        if (tensor.dtype == ScalarType.BFloat16) tensor = tensor.to(ScalarType.Float32);
        if (!descriptions.TryGetValue(tensor.dtype, out var description))
            throw new ArgumentException($"A tensor of the type {tensor.dtype} can't be written as .npy; convert it first.", nameof(tensor));
        var header = Header(description, tensor.shape);
        AtomicFile.Write(path, stream =>
        {
            stream.Write(header);
            TensorBytes.Write(tensor, stream);
        });
    }

    private static byte[] Header(string description, long[] shape)
    {
        // Python's way to write a tuple of one has a comma.
        var tuple = shape.Length == 1 ? $"({shape[0]},)" : $"({string.Join(", ", shape)})";
        var dictionary = $"{{'descr': '{description}', 'fortran_order': False, 'shape': {tuple}, }}";
        // Magic, version and length take ten bytes; spaces and a line end align the data to 64.
        var padded = dictionary.PadRight((10 + dictionary.Length + 1 + 63) / 64 * 64 - 11) + '\n';
        var header = new byte[10 + padded.Length];
        header[0] = 0x93;
        "NUMPY\u0001\0"u8.CopyTo(header.AsSpan(1));
        BinaryPrimitives.WriteUInt16LittleEndian(header.AsSpan(8), (ushort)padded.Length);
        Encoding.ASCII.GetBytes(padded).CopyTo(header, 10);
        return header;
    }
}

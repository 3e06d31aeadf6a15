using Microsoft.Win32.SafeHandles;

namespace TorchSharp.Fx.Files;

/// <summary>The content of a pickle, and the places of its storages.</summary>
internal sealed record PthContent(PickleValue root, Func<PickleValue.Storage, (long position, long length)> place, bool swapped);

/// <summary>PyTorch's format since 1.6: a zip file with a pickle and an entry for each storage.</summary>
internal static class PthZip
{
    public static PthContent Read(SafeFileHandle file) => Read(file, 0, RandomAccess.GetLength(file));

    /// <summary>Reads one that lies within another file.</summary>
    public static PthContent Read(SafeFileHandle file, long start, long size)
    {
        var zip = new ZipDirectory(file, start, size);
        var pickle = zip.Names.FirstOrDefault(name => name == "data.pkl" || name.EndsWith("/data.pkl", StringComparison.Ordinal))
            ?? throw new InvalidDataException("is a zip file, but not PyTorch's: it has no entry 'data.pkl'");
        var folder = pickle[..^"data.pkl".Length];
        if (zip.Contains(folder + "constants.pkl"))
            throw new InvalidDataException(
                "is a TorchScript program and not weights; save them in Python with torch.save(model.state_dict(), path)");

        var (position, length) = zip.Find(pickle);
        var root = new Unpickler(new FileRange(file, position, position + length)).Load();
        return new PthContent(root, storage => zip.Find($"{folder}data/{storage.Key}"), Swapped(zip, folder + "byteorder", file));
    }

    // Files without the entry are older than it, and little-endian.
    private static bool Swapped(ZipDirectory zip, string name, SafeFileHandle file)
    {
        if (!zip.Contains(name)) return !BitConverter.IsLittleEndian;
        var (position, length) = zip.Find(name);
        var order = length == 0 ? [] : new FileRange(file, position, position + length).Read((ulong)Math.Min(length, 6));
        if (order.AsSpan().SequenceEqual("little"u8)) return !BitConverter.IsLittleEndian;
        return order.AsSpan().SequenceEqual("big"u8)
            ? BitConverter.IsLittleEndian : throw new InvalidDataException("has an entry 'byteorder' that is neither 'little' nor 'big'");
    }
}

using System.Buffers.Binary;
using System.Numerics;
using Microsoft.Win32.SafeHandles;

namespace TorchSharp.Fx.Files;

/// <summary>
/// PyTorch's format before 1.6: pickles of a magic number, a version, the system's byte order, the object and its storages' keys; then the
/// storages.
/// </summary>
internal static class PthLegacy
{
    private const int Version = 1001;

    private static readonly BigInteger magic = new([0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19]);

    public static PthContent Read(SafeFileHandle file)
    {
        var length = RandomAccess.GetLength(file);
        var input = new FileRange(file, 0, length);
        if (Next(input) is not PickleValue.Integer number || number.Value != magic)
            throw new InvalidDataException("is a pickle, but not PyTorch's: it doesn't begin with PyTorch's magic number");
        if (Next(input) is not PickleValue.Integer version || version.Value != Version)
            throw new InvalidDataException($"has a version of PyTorch's old format other than {Version}");
        var swapped = LittleEndian(Next(input)) != BitConverter.IsLittleEndian;
        var unpickler = new Unpickler(input);
        var root = unpickler.Load();
        var places = Places(Next(input), unpickler.Storages, input, length);
        return new PthContent(root, storage => places.TryGetValue(storage.Key, out var place)
            ? place : throw new InvalidDataException($"has no storage '{storage.Key}'"), swapped);
    }

    // One after the other, each behind its number of elements.
    private static Dictionary<string, (long position, long length)> Places(PickleValue keys,
        IReadOnlyDictionary<string, PickleValue.Storage> storages, FileRange input, long length)
    {
        var places = new Dictionary<string, (long position, long length)>();
        foreach (var key in (keys as PickleValue.List ?? throw new InvalidDataException("has no list of its storages")).Items)
        {
            if (key is not PickleValue.Text { Value: var name } || !storages.TryGetValue(name, out var storage))
                throw new InvalidDataException("lists a storage that no tensor has");
            var count = BinaryPrimitives.ReadInt64LittleEndian(input.Read(8));
            if (count != storage.Count)
                throw new InvalidDataException($"gives storage '{name}' {count} elements, and its tensors {storage.Count}");
            var size = storage.Type?.size ?? 1;
            if (count > (length - input.Position) / size) throw new InvalidDataException($"ends within storage '{name}': it is truncated");
            if (!places.TryAdd(name, (input.Position, count * size))) throw new InvalidDataException($"has storage '{name}' twice");
            input.Skip(count * size);
        }
        return places;
    }

    private static PickleValue Next(FileRange input) => new Unpickler(input).Load();

    private static bool LittleEndian(PickleValue system) => system is not PickleValue.Dictionary dictionary
        ? throw new InvalidDataException("does not say which byte order it has")
        : dictionary.Items.Any(item => item is (PickleValue.Text { Value: "little_endian" }, PickleValue.Bool { Value: true }));
}

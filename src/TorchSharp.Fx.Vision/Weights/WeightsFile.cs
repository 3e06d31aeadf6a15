using Microsoft.Win32.SafeHandles;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Vision;

/// <summary>A file of weights, open for reading: where each tensor stands, in any of the formats, told by its first bytes.</summary>
internal sealed class WeightsFile : IDisposable
{
    private readonly SafeFileHandle file;
    private readonly string path;

    /// <summary>Opens a file and reads all but the tensors' elements.</summary>
    /// <exception cref="InvalidDataException">The file is damaged, or holds what is no weights; the message says what.</exception>
    public WeightsFile(string path, string? key = null)
    {
        this.path = path;
        file = File.OpenHandle(path);
        try
        {
            Tensors = Named(() => Read(key));
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>The file's format.</summary>
    public string Format { get; private set; } = "safetensors";

    /// <summary>In the file's order.</summary>
    public IReadOnlyDictionary<string, StoredTensor> Tensors { get; }

    public void Dispose() => file.Dispose();

    public void ReadInto(StoredTensor tensor, Tensor target) => Named(() =>
    {
        tensor.ReadInto(target, file);
        return target;
    });

    /// <summary>All tensors. Those that were tied when saved still are.</summary>
    public Dictionary<string, Tensor> Load(Device? device) => Named(() =>
    {
        CheckSize();
        using var scope = NewDisposeScope();
        var blocks = new Dictionary<StoredBlock, Tensor>();
        var tensors = Tensors.ToDictionary(item => item.Key, item => item.Value.Load(file, blocks));
        if (device is not null && device.type != DeviceType.CPU)
            tensors = tensors.ToDictionary(item => item.Key, item => item.Value.to(device));
        foreach (var tensor in tensors.Values) tensor.MoveToOuterDisposeScope();
        return tensors;
    });

    // Entries of a zip file can lie over each other, and one storage can be read as two types: a small file could ask for much memory.
    private void CheckSize()
    {
        var bytes = Tensors.Values.Select(tensor => tensor.block).Distinct()
            .Aggregate((Int128)0, (sum, block) => sum + block.count * block.type.size);
        var length = RandomAccess.GetLength(file);
        if (bytes > 2 * length) throw new InvalidDataException($"has {length} bytes and storages of {bytes}, which lie over each other");
    }

    private Dictionary<string, StoredTensor> Read(string? key)
    {
        Span<byte> start = stackalloc byte[9];
        start = start[..RandomAccess.Read(file, start, 0)];
        // First, since a header's length can begin like the others: its upper half is zero in every file.
        if (start is [_, _, _, _, 0, 0, 0, 0, (byte)'{']) return FromSafetensors();
        if (start.StartsWith("PK"u8)) return FromPth("PyTorch (zip)", PthZip.Read(file), key);
        if (start is [0x80, ..]) return FromPth("PyTorch (before 1.6)", PthLegacy.Read(file), key);
        if (path.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase)) return FromSafetensors();
        throw new InvalidDataException("is neither a .pth of PyTorch nor a safetensors file");
    }

    private Dictionary<string, StoredTensor> FromPth(string format, PthContent content, string? key)
    {
        Format = format;
        return StateDict.Find(content, key);
    }

    private Dictionary<string, StoredTensor> FromSafetensors() => Safetensors.list(path).ToDictionary(entry => entry.name, entry =>
    {
        var (type, shape) = (ElementType.Of(entry.dtype), entry.shape.ToArray());
        return new StoredTensor(new(type, entry.offset, entry.length / type.size, !BitConverter.IsLittleEndian), 0, shape,
            StoredTensor.ContiguousStrides(shape));
    });

    // The readers' sentences continue the file's name.
    private T Named<T>(Func<T> read)
    {
        try
        {
            return read();
        }
        catch (InvalidDataException e) when (!e.Message.StartsWith(path, StringComparison.Ordinal))
        {
            throw new InvalidDataException($"{path} {e.Message}.", e);
        }
    }
}

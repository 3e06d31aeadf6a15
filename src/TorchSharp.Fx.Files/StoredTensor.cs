using Microsoft.Win32.SafeHandles;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Files;

/// <summary>A block of elements in a file, which one or more tensors look at.</summary>
/// <param name="type">What its elements are.</param>
/// <param name="position">Where it begins in the file.</param>
/// <param name="count">How many elements it has.</param>
/// <param name="swapped">Whether its bytes are in the other order than this machine's.</param>
internal sealed record StoredBlock(ElementType type, long position, long count, bool swapped);

/// <summary>A tensor in a file: its shape and strides over a block.</summary>
internal sealed record StoredTensor(StoredBlock block, long offset, long[] shape, long[] strides)
{
    /// <summary>The only element, where the pickle has it as a number and no storage has it.</summary>
    public double? Number { get; init; }

    /// <summary>A number of a pickle as a tensor without dimensions.</summary>
    public static StoredTensor Of(double number, ElementType type) => new(new(type, 0, 1, false), 0, [], []) { Number = number };

    /// <summary>PyTorch's limit.</summary>
    public const int MaxDimensions = 64;

    private const int LargestElement = 16;

    private long Elements => shape.Contains(0) ? 0 : shape.Zip(strides, (size, stride) => (size - 1) * stride).Sum() + 1;

    private bool IsContiguous => strides.SequenceEqual(ContiguousStrides(shape));

    /// <summary>Checks that a tensor lies within its storage.</summary>
    /// <param name="storage">What the storage is called.</param>
    /// <param name="sizes">The tensor's sizes, none negative.</param>
    /// <param name="strides">Its strides, none negative.</param>
    /// <param name="offset">Its first element.</param>
    /// <param name="available">How many elements the storage has.</param>
    /// <exception cref="InvalidDataException">It reaches beyond; the message continues the file's name.</exception>
    public static void Check(string storage, long[] sizes, long[] strides, long offset, long available)
    {
        if (sizes.Length != strides.Length)
            throw new InvalidDataException($"has a tensor with {sizes.Length} sizes and {strides.Length} strides");
        if (sizes.Length > MaxDimensions)
            throw new InvalidDataException($"has a tensor of {sizes.Length} dimensions, more than PyTorch's {MaxDimensions}");
        var (elements, last) = ((Int128)1, (Int128)offset);
        foreach (var (size, stride) in sizes.Zip(strides))
        {
            elements *= size;
            last += (Int128)(size - 1) * stride;
            if (elements * LargestElement > long.MaxValue || last > long.MaxValue) throw Outside();
        }
        if (elements > 0 ? last >= available : offset > available) throw Outside();

        InvalidDataException Outside() => new(
            $"has a tensor of shape [{string.Join(", ", sizes)}], strides [{string.Join(", ", strides)}] and offset {offset} that reaches "
                + $"beyond {storage} with its {available} elements");
    }

    public static long[] ContiguousStrides(long[] shape)
    {
        var strides = new long[shape.Length];
        var stride = 1L;
        for (var i = shape.Length - 1; i >= 0; i--)
        {
            strides[i] = stride;
            stride *= Math.Max(shape[i], 1);
        }
        return strides;
    }

    /// <summary>Reads the elements where they belong; only another type, order or device needs a copy in between.</summary>
    public void ReadInto(Tensor target, SafeFileHandle file)
    {
        if (Number is { } number)
        {
            target.fill_(number);
            return;
        }
        if (IsContiguous && target.device_type == DeviceType.CPU && target.dtype == block.type.dtype && target.is_contiguous())
        {
            Read(target, offset, Elements, file);
            return;
        }
        using var scope = NewDisposeScope();
        var part = torch.empty([Elements], dtype: block.type.dtype, device: CPU);
        Read(part, offset, Elements, file);
        target.copy_(part.as_strided(shape, shape.Contains(0) ? ContiguousStrides(shape) : strides));
    }

    /// <summary>The tensor as a view on its block, which <paramref name="blocks"/> keeps so that tied tensors share it.</summary>
    /// <param name="file">The file.</param>
    /// <param name="blocks">The blocks that were loaded before.</param>
    /// <param name="mapped">The same file as memory, where blocks are not to be copied; null where they are.</param>
    public Tensor Load(SafeFileHandle file, Dictionary<StoredBlock, Tensor> blocks, MappedFile? mapped = null)
    {
        if (Number is { } number)
            return torch.full([], number, dtype: block.type.dtype, device: CPU);
        if (!blocks.TryGetValue(block, out var whole) && mapped?.Elements(block) is { } there)
            blocks.Add(block, whole = there);
        if (whole is null)
        {
            blocks.Add(block, whole = torch.empty([block.count], dtype: block.type.dtype, device: CPU));
            if (block.count > 0) LargePages.AdviseFor(whole.bytes);
            Read(whole, 0, block.count, file);
        }
        return whole.as_strided(shape, strides, offset);
    }

    private void Read(Tensor target, long first, long count, SafeFileHandle file)
    {
        if (count == 0) return;
        var position = block.position + first * block.type.size;
        var bytes = target.bytes;
        while (bytes.Length > 0)
        {
            var read = RandomAccess.Read(file, bytes, position);
            if (read == 0) throw new InvalidDataException("became shorter while it was read");
            position += read;
            bytes = bytes[read..];
        }
        if (block.swapped) block.type.Swap(target.bytes);
    }
}

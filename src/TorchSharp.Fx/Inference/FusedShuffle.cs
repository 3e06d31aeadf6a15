using System.Numerics;
using System.Runtime.CompilerServices;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Inference;

/// <summary>
/// The channels of two tensors in turns, one of each: their concatenation, shuffled in two groups, as ShuffleNet does it. With channels
/// last the two are read and the result is written once.
/// </summary>
internal sealed unsafe class FusedShuffle() : nn.Module(nameof(FusedShuffle)), IOperation, IHasResultMemory, ICloneable
{
    /// <inheritdoc/>
    public ResultMemory Memory { get; } = new();

    /// <summary><c>channel_shuffle(cat([one, other], 1), 2)</c></summary>
    public Tensor whole(Tensor one, Tensor other)
    {
        if (!Takes(one, other))
            return Plain(one, other);
        var channels = one.size(1);
        var result = Empty(one, 2 * channels);
        Run(one, other, (Shims.Data(result), 0, channels));
        return result;
    }

    /// <summary><c>channel_shuffle(cat([one, other], 1), 2).chunk(2, 1)</c></summary>
    public Tensor[] halves(Tensor one, Tensor other)
    {
        if (!Takes(one, other) || one.size(1) % 2 != 0)
        {
            using var shuffled = Plain(one, other);
            return shuffled.chunk(2, 1);
        }
        var channels = one.size(1);
        var (first, second) = (Empty(one, channels), Empty(one, channels));
        Run(one, other, (Shims.Data(first), 0, channels / 2), (Shims.Data(second), channels / 2, channels / 2));
        return [first, second];
    }

    /// <inheritdoc/>
    public override string ToString() => GetName();

    /// <inheritdoc/>
    public object Clone()
    {
        var copy = new FusedShuffle();
        copy.Memory.Join(Memory);
        return copy;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
            Memory.Pool = null;
        base.Dispose(disposing);
    }

    private static bool Takes(Tensor one, Tensor other)
        => Shims.Supports(one.dtype) && one.dim() == 4 && other.dim() == 4 && Shims.Sizes(one).SequenceEqual(Shims.Sizes(other))
            && !Shims.Sizes(one).Contains(0)
        && one.dtype == other.dtype && one.dtype is ScalarType.Float32 or ScalarType.BFloat16 or ScalarType.Float16
        && one.device_type == DeviceType.CPU && other.device_type == DeviceType.CPU
        && !(is_grad_enabled() && (one.requires_grad || other.requires_grad));

    private static Tensor Plain(Tensor one, Tensor other)
    {
        using var scope = NewDisposeScope();
        var whole = cat([one, other], 1);
        long[] sizes = whole.shape;
        return whole.view(sizes[0], 2, sizes[1] / 2, sizes[2], sizes[3]).transpose(1, 2).contiguous().view(sizes[0], -1, sizes[2], sizes[3])
            .MoveToOuterDisposeScope();
    }

    private Tensor Empty(Tensor like, long channels)
    {
        Span<long> sizes = stackalloc long[4], strides = stackalloc long[4];
        Shims.Sizes(like).CopyTo(sizes);
        sizes[1] = channels;
        MemoryFormat.ChannelsLast(sizes, strides);
        return Memory.Empty(like.dtype, sizes, strides);
    }

    /// <summary>Writes, for each result, so many channels of both inputs in turns, from one on.</summary>
    private static void Run(Tensor one, Tensor other, params (IntPtr To, long From, long Count)[] results)
    {
        Span<long> order = stackalloc long[4];
        MemoryFormat.ChannelsLast(Shims.Sizes(one), order);
        using Tensor? ownedOne = MemoryFormat.Ordered(one, order), ownedOther = MemoryFormat.Ordered(other, order);
        var (a, b) = (Shims.Data(ownedOne ?? one), Shims.Data(ownedOther ?? other));
        var (channels, size) = (one.size(1), (long)one.element_size());
        Work.Share(one.numel() / channels, Work.Bytes / (2 * channels * size) + 1, (first, end) =>
        {
            foreach (var (to, from, count) in results)
                for (var pixel = first; pixel < end; pixel++)
                {
                    var start = (pixel * channels + from) * size;
                    var written = (byte*)to + 2 * pixel * count * size;
                    if (size == sizeof(uint))
                        Alternate((uint*)((byte*)a + start), (uint*)((byte*)b + start), (uint*)written, count);
                    else
                        Alternate((ushort*)((byte*)a + start), (ushort*)((byte*)b + start), (ushort*)written, count);
                }
        });
        GC.KeepAlive(one);
        GC.KeepAlive(other);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Alternate(uint* a, uint* b, uint* to, long count)
    {
        var i = 0L;
        for (; i + Vector<uint>.Count <= count; i += Vector<uint>.Count)
        {
            Vector.Widen(Vector.Load(a + i), out var lowA, out var highA);
            Vector.Widen(Vector.Load(b + i), out var lowB, out var highB);
            Vector.Store((lowA | (lowB << 32)).As<ulong, uint>(), to + 2 * i);
            Vector.Store((highA | (highB << 32)).As<ulong, uint>(), to + 2 * i + Vector<uint>.Count);
        }
        for (; i < count; i++)
            (to[2 * i], to[2 * i + 1]) = (a[i], b[i]);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Alternate(ushort* a, ushort* b, ushort* to, long count)
    {
        var i = 0L;
        for (; i + Vector<ushort>.Count <= count; i += Vector<ushort>.Count)
        {
            Vector.Widen(Vector.Load(a + i), out var lowA, out var highA);
            Vector.Widen(Vector.Load(b + i), out var lowB, out var highB);
            Vector.Store((lowA | (lowB << 16)).As<uint, ushort>(), to + 2 * i);
            Vector.Store((highA | (highB << 16)).As<uint, ushort>(), to + 2 * i + Vector<ushort>.Count);
        }
        for (; i < count; i++)
            (to[2 * i], to[2 * i + 1]) = (a[i], b[i]);
    }
}

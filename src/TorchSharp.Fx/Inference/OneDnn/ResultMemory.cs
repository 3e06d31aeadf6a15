using static TorchSharp.torch;

namespace TorchSharp.Fx.Inference;

/// <summary>Where a module of an optimised graph takes the memory for its results from.</summary>
internal sealed class ResultMemory
{
    /// <summary>Where memory for large results comes from; null for the C library.</summary>
    internal BufferPool? Pool
    {
        get;
        set
        {
            value?.Join();
            field?.Leave();
            field = value;
        }
    }

    /// <summary>Whether what the module gives may leave the graph.</summary>
    internal bool LeavesGraph { get; set; }

    /// <summary>Takes from where another module does.</summary>
    internal void Join(ResultMemory other) => (Pool, LeavesGraph) = (other.Pool, other.LeavesGraph);

    /// <summary>A tensor that holds nothing yet.</summary>
    internal Tensor Empty(ScalarType type, ReadOnlySpan<long> sizes, ReadOnlySpan<long> strides)
    {
        var bytes = (long)type.ElementSize();
        foreach (var size in sizes)
            bytes *= size;
        return Pool is { } pool && bytes >= BufferPool.Smallest
            ? pool.Empty(type, sizes, strides, LeavesGraph) : Shims.Empty(type, sizes, strides);
    }
}

/// <summary>A module of an optimised graph that makes its results itself.</summary>
internal interface IHasResultMemory
{
    /// <summary>Where it takes their memory from.</summary>
    ResultMemory Memory { get; }
}

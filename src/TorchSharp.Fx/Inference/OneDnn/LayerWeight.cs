using static TorchSharp.torch;

namespace TorchSharp.Fx.Inference;

/// <summary>
/// A layer's weight, in the order in which PyTorch keeps it or in the layouts that kernels want; what isn't needed any more is freed.
/// </summary>
internal sealed class LayerWeight : IDisposable
{
    private readonly Lock changing = new();
    private readonly List<(DnnlHandle Descriptor, Tensor Data)> layouts = [];
    private readonly long groups;
    private Tensor? dense;
    private LayerWeight? transformed;
    private bool isKept, isModels;

    /// <param name="weight">The weight, which is copied.</param>
    /// <param name="groups">The groups of a convolution.</param>
    internal LayerWeight(Tensor weight, long groups = 1) : this(weight, groups, isModels: true) => Own();

    private LayerWeight(Tensor weight, long groups, bool isModels)
    {
        using var detached = weight.detach();
        dense = detached.contiguous().DetachFromDisposeScope();
        (Sizes, Type, this.groups, this.isModels) = (weight.shape, weight.dtype, groups, isModels);
        // A layout of whole numbers holds sums of them, too, and can't be read back.
        isKept = Type == ScalarType.Int8;
    }

    internal long[] Sizes { get; }

    internal ScalarType Type { get; }

    /// <summary>The sizes as kernels count them: groups are a dimension.</summary>
    private long[] KernelSizes => groups == 1 ? Sizes : [groups, Sizes[0] / groups, .. Sizes[1..]];

    /// <summary>
    /// A weight in the model's memory, until the layer's is made by <see cref="Own"/>: passes make several layers of one, one after the
    /// other.
    /// </summary>
    internal static LayerWeight OfModel(Tensor weight, long groups = 1) => new(weight, groups, isModels: true);

    /// <summary>Another weight for the same layer, in memory that nobody else writes to.</summary>
    /// <param name="weight">The weight; it is not copied.</param>
    /// <param name="isAlone">Whether nobody else reads the memory, either.</param>
    internal LayerWeight Of(Tensor weight, bool isAlone) => new(weight, groups, isModels: false) { IsAlone = isAlone };

    /// <summary>The same weight for another layer; nobody writes to it, so that both may have one memory.</summary>
    internal LayerWeight Share()
    {
        using var weight = Dense();
        return new(weight, groups, isModels);
    }

    /// <summary>Takes memory of its own where it has the model's, which may change.</summary>
    internal void Own()
    {
        lock (changing)
            if (isModels && dense is { } shared)
            {
                dense = shared.clone().DetachFromDisposeScope();
                shared.Dispose();
                (isModels, IsAlone) = (false, true);
            }
    }

    /// <summary>The model has given the weight up: its memory is this layer's alone.</summary>
    internal void TakeOver() => (isModels, IsAlone) = (false, true);

    /// <summary>Whether nothing else has the memory, so that another weight may be written over it.</summary>
    internal bool IsAlone { get; private set; }

    /// <summary>The weight's layout if a kernel may choose.</summary>
    internal DnnlHandle AnyLayout() => Dnnl.Descriptor(Type, KernelSizes);

    /// <summary>The weight in PyTorch's order, to be disposed by the caller.</summary>
    /// <param name="keeps">Whether it is to be there the next time.</param>
    internal Tensor Dense(bool keeps = false)
    {
        lock (changing)
        {
            isKept |= keeps;
            if (dense is not null)
            {
                IsAlone = false;
                return dense.alias();
            }
            var restored = empty(Sizes, dtype: Type);
            using var order = DenseOrder();
            Reorder(layouts[0].Descriptor.Value, layouts[0].Data, order.Value, restored);
            if (keeps)
                dense = restored.alias().DetachFromDisposeScope();
            return restored;
        }
    }

    /// <summary>The weight as a kernel wants it.</summary>
    internal Tensor For(IntPtr descriptor)
    {
        lock (changing)
        {
            foreach (var layout in layouts)
                if (Dnnl.AreEqual(layout.Descriptor.Value, descriptor))
                    return layout.Data;
            var data = Reordered(descriptor);
            layouts.Add((Dnnl.Clone(descriptor), data));
            Drop();
            return data;
        }
    }

    /// <summary>The weight as a kernel of ours multiplies it, for all sizes of inputs.</summary>
    /// <param name="transform">The same each time.</param>
    internal LayerWeight Transformed(Func<Tensor, Tensor> transform)
    {
        lock (changing)
        {
            if (transformed is null)
            {
                using var weight = Dense(keeps: true);
                using var made = transform(weight);
                transformed = Of(made, isAlone: true);
            }
            return transformed;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        transformed?.Dispose();
        foreach (var (descriptor, data) in layouts)
        {
            descriptor.Dispose();
            data.Dispose();
        }
        dense?.Dispose();
    }

    private Tensor Reordered(IntPtr descriptor)
    {
        var bytes = Dnnl.Bytes(descriptor);
        // In the same memory, so that weights are in memory once and leave no gaps.
        var isInPlace = dense is not null && IsAlone && !isKept && bytes == dense.numel() * dense.element_size();
        var data = (isInPlace ? dense!.alias() : empty(bytes, dtype: ScalarType.Byte)).DetachFromDisposeScope();
        if (dense is null)
        {
            Reorder(layouts[0].Descriptor.Value, layouts[0].Data, descriptor, data);
            return data;
        }
        using var order = DenseOrder();
        using var before = isInPlace ? dense.clone() : dense.alias();
        Reorder(order.Value, before, descriptor, data);
        return data;
    }

    /// <summary>A kernel has the weight now, so that PyTorch's order is needed only by who asks for it.</summary>
    private void Drop()
    {
        if (isKept)
            return;
        dense?.Dispose();
        dense = null;
    }

    private DnnlHandle DenseOrder()
    {
        var strides = new long[KernelSizes.Length];
        MemoryFormat.Contiguous(KernelSizes, strides);
        return Dnnl.Descriptor(Type, KernelSizes, strides);
    }

    private static void Reorder(IntPtr from, Tensor source, IntPtr to, Tensor result)
    {
        using var description = Dnnl.Reorder(from, to);
        using var primitive = Dnnl.Primitive(description);
        using var input = Dnnl.Memory(from, Shims.Data(source));
        using var output = Dnnl.Memory(to, Shims.Data(result));
        using var scratchpad =
            Dnnl.Memory(Dnnl.ScratchpadOf(description), WorkingMemory.Of(Math.Max(1, Dnnl.Bytes(Dnnl.ScratchpadOf(description)))));
        Dnnl.Execute(primitive,
            [new() { Index = Dnnl.Source, Memory = input.Value }, new() { Index = Dnnl.Result, Memory = output.Value },
                new() { Index = Dnnl.Scratchpad, Memory = scratchpad.Value }]);
        GC.KeepAlive(source);
        GC.KeepAlive(result);
    }
}

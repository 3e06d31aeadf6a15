using static TorchSharp.torch;

namespace TorchSharp.Fx.Inference;

/// <summary>A layer as one primitive of oneDNN, called directly. Several threads may run it at once.</summary>
internal sealed unsafe class PrimitiveKernel : WritingKernel
{
    private readonly DnnlHandle source, result, description, primitive;
    private readonly DnnlHandle? addend;
    private readonly Tensor? weight;
    private readonly (int Index, Tensor? Values)[] vectors;
    private readonly long scratchpad;
    private Arguments? idle;

    /// <param name="source">What an input looks like.</param>
    /// <param name="result">What a result looks like, and what is added to it.</param>
    /// <param name="residual">What the sum is added to.</param>
    /// <param name="activation">What is done with it.</param>
    /// <param name="describe">Makes the primitive's description of its attributes.</param>
    /// <param name="weight">The layer's weight, if it has one; it outlives the kernel.</param>
    /// <param name="vectors">Further constants by the index of their argument; they outlive the kernel.</param>
    internal PrimitiveKernel(
        DnnlHandle source, DnnlHandle result, Residual residual, FusedActivation activation, Func<DnnlHandle, DnnlHandle> describe,
        LayerWeight? weight, params (int Index, Tensor? Values)[] vectors)
        : this(source, result, residual, Described(result, residual, activation, describe), weight, vectors) { }

    /// <param name="source">What an input looks like.</param>
    /// <param name="result">What a result looks like, and what is added to it.</param>
    /// <param name="residual">What the sum is added to.</param>
    /// <param name="description">The primitive's description.</param>
    /// <param name="weight">The layer's weight, if it has one; it outlives the kernel.</param>
    /// <param name="vectors">Further constants by the index of their argument; they outlive the kernel.</param>
    internal PrimitiveKernel(DnnlHandle source, DnnlHandle result, Residual residual, DnnlHandle description, LayerWeight? weight,
        params (int Index, Tensor? Values)[] vectors) : base(residual)
    {
        (this.source, this.result, this.description, this.vectors) = (source, result, description, vectors);
        addend = residual == Residual.Added ? result : null;
        primitive = Dnnl.Primitive(description);
        scratchpad = Dnnl.Bytes(Dnnl.ScratchpadOf(description));
        this.weight = weight?.For(Dnnl.WeightsOf(description));
    }

    /// <inheritdoc/>
    private protected override void Write(Tensor input, Tensor? other, Tensor result)
    {
        var arguments = Interlocked.Exchange(ref idle, null) ?? new Arguments(this);
        try
        {
            arguments.Set(input, result, other);
            Dnnl.Execute(primitive, arguments.All);
        }
        finally
        {
            if (Interlocked.CompareExchange(ref idle, arguments, null) is not null)
                arguments.Dispose();
        }
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        idle?.Dispose();
        primitive.Dispose();
        description.Dispose();
        source.Dispose();
        result.Dispose();
    }

    private static DnnlHandle Described(DnnlHandle result, Residual residual, FusedActivation activation,
        Func<DnnlHandle, DnnlHandle> describe)
    {
        using var attributes = Dnnl.Attributes(activation, residual == Residual.Overwritten, residual == Residual.Added ? result : null);
        return describe(attributes);
    }

    /// <summary>The arguments of one call at a time.</summary>
    private sealed class Arguments : IDisposable
    {
        private readonly PrimitiveKernel kernel;
        private readonly List<DnnlHandle> memories = [];
        private readonly Dnnl.Argument[] all;
        private readonly IntPtr input, output, other, working;

        internal Arguments(PrimitiveKernel kernel)
        {
            this.kernel = kernel;
            var list = new List<Dnnl.Argument>();
            input = Add(list, Dnnl.Source, kernel.source.Value, 0);
            output = Add(list, Dnnl.Result, kernel.result.Value, 0);
            if (kernel.weight is { } weight)
                Add(list, Dnnl.Weights, Dnnl.WeightsOf(kernel.description), Shims.Data(weight));
            foreach (var (index, values) in kernel.vectors)
                if (values is not null)
                {
                    using var descriptor = Dnnl.Constants(values);
                    Add(list, index, descriptor.Value, Shims.Data(values));
                }
            if (kernel.addend is { } addend)
                // The argument of the first operation after the sum.
                other = Add(list, Dnnl.FirstPostOperation | Dnnl.SecondSource, addend.Value, 0);
            if (kernel.scratchpad > 0)
                working = Add(list, Dnnl.Scratchpad, Dnnl.ScratchpadOf(kernel.description), 0);
            all = [.. list];
        }

        internal ReadOnlySpan<Dnnl.Argument> All => all;

        internal void Set(Tensor source, Tensor result, Tensor? added)
        {
            Dnnl.SetData(input, Shims.Data(source));
            Dnnl.SetData(output, Shims.Data(result));
            if (other != 0)
                Dnnl.SetData(other, Shims.Data(added!));
            if (working != 0)
                Dnnl.SetData(working, WorkingMemory.Of(kernel.scratchpad));
        }

        /// <inheritdoc/>
        public void Dispose() => memories.ForEach(memory => memory.Dispose());

        private IntPtr Add(List<Dnnl.Argument> list, int index, IntPtr descriptor, IntPtr data)
        {
            var memory = Dnnl.Memory(descriptor, data);
            memories.Add(memory);
            list.Add(new() { Index = index, Memory = memory.Value });
            return memory.Value;
        }
    }
}

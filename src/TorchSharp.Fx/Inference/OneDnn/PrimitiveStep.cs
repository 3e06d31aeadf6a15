namespace TorchSharp.Fx.Inference;

/// <summary>One of several primitives that make a kernel, with what its arguments look like.</summary>
internal sealed class PrimitiveStep : IDisposable
{
    private readonly DnnlHandle description, primitive;
    private readonly (int Index, DnnlHandle Descriptor)[] arguments;

    /// <param name="description">The primitive's description, which it takes over.</param>
    /// <param name="arguments">Which arguments it takes, and their descriptors, which the caller keeps.</param>
    internal PrimitiveStep(DnnlHandle description, params (int Index, DnnlHandle Descriptor)[] arguments)
    {
        (this.description, this.arguments) = (description, arguments);
        primitive = Dnnl.Primitive(description);
        Scratchpad = Dnnl.Bytes(Dnnl.ScratchpadOf(description));
    }

    /// <summary>How many bytes it works in.</summary>
    internal long Scratchpad { get; }

    /// <inheritdoc/>
    public void Dispose()
    {
        primitive.Dispose();
        description.Dispose();
    }

    /// <summary>Arguments for one call at a time.</summary>
    internal sealed class Call : IDisposable
    {
        private readonly PrimitiveStep step;
        private readonly DnnlHandle[] memories;
        private readonly Dnnl.Argument[] all;

        internal Call(PrimitiveStep step)
        {
            this.step = step;
            memories = [.. step.arguments.Select(argument => Dnnl.Memory(argument.Descriptor.Value, 0)),
                Dnnl.Memory(Dnnl.ScratchpadOf(step.description), 0)];
            int[] indices = [.. step.arguments.Select(argument => argument.Index), Dnnl.Scratchpad];
            all = [.. indices.Zip(memories, (index, memory) => new Dnnl.Argument { Index = index, Memory = memory.Value })];
        }

        /// <summary>Runs the primitive on data for each argument, in order, and memory to work in.</summary>
        internal void Run(params ReadOnlySpan<IntPtr> data)
        {
            for (var i = 0; i < data.Length; i++)
                Dnnl.SetData(all[i].Memory, data[i]);
            Dnnl.Execute(step.primitive, all);
        }

        /// <inheritdoc/>
        public void Dispose()
        {
            foreach (var memory in memories)
                memory.Dispose();
        }
    }
}

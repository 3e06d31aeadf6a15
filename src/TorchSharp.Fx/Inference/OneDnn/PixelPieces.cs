using System.Numerics;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Inference;

/// <summary>
/// A convolution of single pixels for images of ever new sizes. A primitive takes half a millisecond to make, so a number of pixels is
/// computed as the sum of few numbers that come again: each has a primitive that all images use.
/// </summary>
internal sealed class PixelPieces : IDisposable
{
    // Fewer pixels have a primitive for each number.
    private const long Few = 32;

    private readonly LayerWeight weight;
    private readonly Tensor? bias;
    private readonly FusedActivation activation;
    private readonly ConvolutionGeometry geometry, sideBySide;
    private readonly Dictionary<(long Pixels, ScalarType Type, int Threads, Residual Residual), Piece> pieces = [];
    private readonly Lock making = new();

    /// <param name="weight">The layer's weight; it outlives this.</param>
    /// <param name="bias">The layer's bias; it outlives this.</param>
    /// <param name="activation">What is done with the result.</param>
    /// <param name="geometry">One that <see cref="Takes"/> says yes to.</param>
    internal PixelPieces(LayerWeight weight, Tensor? bias, FusedActivation activation, ConvolutionGeometry geometry)
        => (this.weight, this.bias, this.activation, this.geometry, sideBySide) =
            (weight, bias, activation, geometry, geometry with { Stride = [1, 1] });

    /// <summary>Whether a convolution reads single pixels, one for each result.</summary>
    internal static bool Takes(ConvolutionGeometry geometry)
        => geometry.Groups == 1 && geometry.Kernel is [1, 1] && geometry.Padding is [0, 0] && geometry.PaddingAfter is [0, 0];

    /// <summary>The kernel for so many pixels.</summary>
    internal LayerKernel For(ScalarType type, long pixels, Residual residual)
    {
        var parts = new List<Piece>();
        lock (making)
            for (var rest = pixels; rest > 0; rest -= parts[^1].Pixels)
                parts.Add(Of((Largest(rest), type, get_num_threads(), residual)));
        return new Kernel(parts, this, residual);
    }

    /// <summary>The largest of the numbers that come again: four between one power of two and the next.</summary>
    internal static long Largest(long pixels)
        => pixels < Few ? pixels : pixels - pixels % (1L << (BitOperations.Log2((ulong)pixels) - 2));

    /// <summary>The pixels that are read, side by side; null where all are.</summary>
    private Tensor? Picked(Tensor input)
    {
        if (geometry.Stride is [1, 1])
            return null;
        using var rows = input.slice(2, 0, input.size(2), geometry.Stride[0]);
        using var pixels = rows.slice(3, 0, input.size(3), geometry.Stride[1]);
        Span<long> strides = stackalloc long[4];
        MemoryFormat.ChannelsLast(Shims.Sizes(pixels), strides);
        return MemoryFormat.Ordered(pixels, strides);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var piece in pieces.Values)
            piece.Dispose();
        pieces.Clear();
    }

    private Piece Of((long Pixels, ScalarType Type, int Threads, Residual Residual) key)
    {
        if (!pieces.TryGetValue(key, out var piece))
            pieces[key] = piece = new(this, key.Pixels, key.Type, key.Residual);
        return piece;
    }

    /// <summary>A primitive for a number of pixels.</summary>
    private sealed class Piece : IDisposable
    {
        private readonly DnnlHandle source, result;
        private readonly DnnlHandle? vector;
        private readonly DnnlHandle weights;

        internal Piece(PixelPieces layer, long pixels, ScalarType type, Residual residual)
        {
            Pixels = pixels;
            var (inputs, outputs) = (layer.weight.Sizes[1], layer.weight.Sizes[0]);
            source = Dnnl.Descriptor(type, [1, inputs, pixels, 1], [pixels * inputs, 1, inputs, inputs]);
            result = Dnnl.Descriptor(type, [1, outputs, pixels, 1], [pixels * outputs, 1, outputs, outputs]);
            vector = layer.bias is null ? null : Dnnl.Constants(layer.bias);
            using var any = layer.weight.AnyLayout();
            using var attributes =
                Dnnl.Attributes(layer.activation, residual == Residual.Overwritten, residual == Residual.Added ? result : null);
            var description = Dnnl.Convolution(source, any, vector, result, layer.sideBySide, attributes);
            weights = Dnnl.Clone(Dnnl.WeightsOf(description));
            Weight = layer.weight.For(weights.Value);
            List<(int, DnnlHandle)> arguments = [(Dnnl.Source, source), (Dnnl.Weights, weights), (Dnnl.Result, result)];
            if (vector is not null)
                arguments.Add((Dnnl.Bias, vector));
            if (residual == Residual.Added)
                arguments.Add((Dnnl.FirstPostOperation | Dnnl.SecondSource, result));
            Step = new(description, [.. arguments]);
        }

        internal long Pixels { get; }

        internal Tensor Weight { get; }

        internal PrimitiveStep Step { get; }

        /// <inheritdoc/>
        public void Dispose()
        {
            Step.Dispose();
            source.Dispose();
            result.Dispose();
            weights.Dispose();
            vector?.Dispose();
        }
    }

    /// <summary>Some pieces, one after the other.</summary>
    private sealed class Kernel(List<Piece> parts, PixelPieces layer, Residual residual) : WritingKernel(residual)
    {
        /// <inheritdoc/>
        private protected override void Write(Tensor input, Tensor? other, Tensor result)
        {
            using var picked = layer.Picked(input);
            Run(Shims.Data(picked ?? input), other is null ? 0 : Shims.Data(other), Shims.Data(result), (nint)input.dtype.ElementSize());
        }

        /// <inheritdoc/>
        public override void Dispose() { }

        private void Run(IntPtr from, IntPtr other, IntPtr to, nint size)
        {
            var (inputs, outputs) = (layer.weight.Sizes[1], layer.weight.Sizes[0]);
            foreach (var part in parts)
            {
                using var call = new PrimitiveStep.Call(part.Step);
                var working = WorkingMemory.Of(Math.Max(1, part.Step.Scratchpad));
                Span<IntPtr> data = [from, Shims.Data(part.Weight), to, 0, 0, 0];
                var next = 3;
                if (layer.bias is not null)
                    data[next++] = Shims.Data(layer.bias);
                if (Residual == Residual.Added)
                    data[next++] = other;
                data[next++] = working;
                call.Run(data[..next]);
                from += (nint)(part.Pixels * inputs) * size;
                to += (nint)(part.Pixels * outputs) * size;
                other += (nint)(part.Pixels * outputs) * size;
            }
        }
    }
}

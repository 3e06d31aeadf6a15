using System.Collections.Concurrent;
using System.Numerics;
using System.Runtime.CompilerServices;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Inference;

/// <summary>
/// A convolution over windows of 3 × 3 by Winograd's algorithm: tiles of 4 × 4 inputs and the windows' weights are transformed so
/// that four results take 16 products of channels instead of 36. oneDNN has none for x64. A thread computes a block of tiles that its
/// cache holds.
/// </summary>
/// <remarks>Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks" (2016), F(2 × 2, 3 × 3).</remarks>
internal sealed unsafe class WinogradKernel : WritingKernel
{
    private const int Tile = 4, Places = Tile * Tile, Step = 2;

    // So many bytes of transformed inputs, and as many of results, stay in a core's cache beside the weights.
    private const long BlockBytes = 400 << 10;

    private const long Multiple = 4;

    // The weights are read once for each block, and there have to be enough tiles for that.
    private const long FewestTiles = 20, MostWeights = 256 * 256, FewestChannels = 32;

    private readonly long[] sizes;
    private readonly (long Top, long Left) padding;
    private readonly long outputs, rows, columns, block;
    private readonly Tensor weight;
    private readonly Tensor? bias;
    private readonly FusedActivation activation;
    private readonly DnnlHandle source, result, weights;
    private readonly PrimitiveStep product;
    private readonly ConcurrentBag<PrimitiveStep.Call> idle = [];

    private WinogradKernel(
        long[] sizes, long[] results, ConvolutionGeometry geometry, LayerWeight weight, Tensor? bias, FusedActivation activation,
        Residual residual, long block, DnnlHandle source, DnnlHandle result, DnnlHandle weights, DnnlHandle description)
        : base(residual)
    {
        (this.sizes, this.bias, this.activation, this.block, this.source, this.result, this.weights) =
            (sizes, bias, activation, block, source, result, weights);
        (padding, outputs) = ((geometry.Padding[0], geometry.Padding[1]), results[1]);
        (rows, columns) = ((results[2] + 1) / Step, (results[3] + 1) / Step);
        (Height, Width) = (results[2], results[3]);
        product = OpenMp.Alone(() => new PrimitiveStep(description, (Dnnl.Source, source), (Dnnl.Weights, weights), (Dnnl.Result, result)));
        this.weight = weight.For(Dnnl.WeightsOf(description));
    }

    private long Height { get; }

    private long Width { get; }

    /// <summary>The kernel of a convolution for inputs of a shape; null where oneDNN's own is as fast.</summary>
    internal static WinogradKernel? Make(ReadOnlySpan<long> input, ReadOnlySpan<long> result, ConvolutionGeometry geometry,
        LayerWeight weight, Tensor? bias, FusedActivation activation, Residual residual)
    {
        if (weight.Type != ScalarType.Float32 || weight.Sizes is not [var outputs, var inputs, 3, 3] || input.Length != 4
            || geometry.Groups != 1 || geometry.Stride is not [1, 1] || geometry.Dilation is not [1, 1]
            || inputs % Vector<float>.Count != 0 || outputs % Vector<float>.Count != 0 || inputs * outputs > MostWeights
            || Math.Min(inputs, outputs) < FewestChannels || !Vector.IsHardwareAccelerated || !OpenMp.IsAvailable)
            return null;
        var tiles = result[0] * ((result[2] + 1) / Step) * ((result[3] + 1) / Step);
        var threads = get_num_threads();
        if (tiles < FewestTiles * threads)
            return null;
        var most = Math.Max(1, BlockBytes / (Places * sizeof(float) * Math.Max(inputs, outputs)));
        var blocks = ((tiles + most - 1) / most + threads - 1) / threads * threads;
        // A multiple, so that images of many sizes share primitives: oneDNN keeps those that it made.
        var block = (tiles + blocks * Multiple - 1) / (blocks * Multiple) * Multiple;
        var transformed = weight.Transformed(Transform);
        DnnlHandle source = Look(block, inputs), products = Look(block, outputs);
        using var attributes = Dnnl.Attributes(FusedActivation.None, false, null);
        using var weights = transformed.AnyLayout();
        if (OpenMp.Alone(() => Dnnl.Product(source, weights, products, attributes)) is { } description)
            return new(input.ToArray(), result.ToArray(), geometry, transformed, bias, activation, residual, block, source, products,
                Dnnl.Clone(Dnnl.WeightsOf(description)), description);
        source.Dispose();
        products.Dispose();
        return null;
    }

    /// <summary>The weights of windows, out×in×3×3, as the kernel multiplies them: 16×in×out.</summary>
    internal static Tensor Transform(Tensor weight)
    {
        var (outputs, inputs) = (weight.size(0), weight.size(1));
        var result = empty(Places, inputs, outputs, dtype: ScalarType.Float32);
        float* from = (float*)Shims.Data(weight), to = (float*)Shims.Data(result);
        Span<double> rows = stackalloc double[Tile * 3];
        Span<double> places = stackalloc double[Places];
        for (var input = 0L; input < inputs; input++)
            for (var output = 0L; output < outputs; output++)
            {
                var window = from + (output * inputs + input) * 9;
                for (var i = 0; i < 3; i++)
                    Widen(window[i], window[3 + i], window[6 + i], rows[i..], 3);
                for (var i = 0; i < Tile; i++)
                    Widen(rows[3 * i], rows[3 * i + 1], rows[3 * i + 2], places[(Tile * i)..], 1);
                for (var place = 0; place < Places; place++)
                    to[(place * inputs + input) * outputs + output] = (float)places[place];
            }
        GC.KeepAlive(weight);
        return result;

        static void Widen(double a, double b, double c, Span<double> four, int step)
            => (four[0], four[step], four[2 * step], four[3 * step]) = (a, (a + b + c) / 2, (a - b + c) / 2, c);
    }

    /// <inheritdoc/>
    private protected override void Write(Tensor input, Tensor? other, Tensor result)
    {
        Run((float*)Shims.Data(input), other is null ? null : (float*)Shims.Data(other), (float*)Shims.Data(result));
        if (!IsRelu)
            activation.Apply_(result);
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        foreach (var call in idle)
            call.Dispose();
        product.Dispose();
        source.Dispose();
        result.Dispose();
        weights.Dispose();
    }

    private bool IsRelu => activation == FusedActivation.Relu;

    private static DnnlHandle Look(long block, long channels)
        => Dnnl.Descriptor(ScalarType.Float32, [Places, block, channels], [block * channels, channels, 1]);

    private void Run(float* x, float* other, float* to)
    {
        var tiles = sizes[0] * rows * columns;
        Work.Share((tiles + block - 1) / block, 1, (first, end) =>
        {
            if (!idle.TryTake(out var call))
                call = new(product);
            for (var one = first; one < end; one++)
                Run(call, x, one * block, Math.Min(block, tiles - one * block), other, to);
            idle.Add(call);
        });
    }

    /// <summary>Computes a block of tiles.</summary>
    private void Run(PrimitiveStep.Call call, float* x, long first, long count, float* other, float* to)
    {
        var inputs = sizes[1];
        var (given, made) = (Places * block * inputs, Places * block * outputs);
        var memory = (float*)WorkingMemory.Of((given + made + inputs) * sizeof(float) + product.Scratchpad);
        float* taken = memory, products = memory + given, zeros = memory + given + made;
        new Span<float>(zeros, (int)inputs).Clear();
        for (var tile = 0L; tile < count; tile++)
            Take(x, first + tile, zeros, taken + tile * inputs, block * inputs);
        call.Run((IntPtr)taken, Shims.Data(weight), (IntPtr)products, (IntPtr)(zeros + inputs));
        for (var tile = 0L; tile < count; tile++)
            Give(products + tile * outputs, block * outputs, first + tile, other, to);
        GC.KeepAlive(weight);
    }

    /// <summary>Transforms the inputs of one tile; outside the image they are zeros.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Take(float* x, long tile, float* zeros, float* to, long place)
    {
        var (image, row, column) = (tile / (rows * columns), tile / columns % rows, tile % columns);
        var (inputs, height, width) = (sizes[1], sizes[2], sizes[3]);
        var from = stackalloc float*[Places];
        for (var i = 0; i < Tile; i++)
            for (var j = 0; j < Tile; j++)
            {
                var (y, z) = (row * Step + i - padding.Top, column * Step + j - padding.Left);
                from[i * Tile + j] = (ulong)y < (ulong)height && (ulong)z < (ulong)width
                    ? x + ((image * height + y) * width + z) * inputs : zeros;
            }
        // A row of the transformed tile is the sum or difference of two rows of the tile.
        for (var c = 0L; c < inputs; c += Vector<float>.Count)
        {
            Row(from, from + 2 * Tile, c, -1, to + c, place);
            Row(from + Tile, from + 2 * Tile, c, 1, to + Tile * place + c, place);
            Row(from + 2 * Tile, from + Tile, c, -1, to + 2 * Tile * place + c, place);
            Row(from + Tile, from + 3 * Tile, c, -1, to + 3 * Tile * place + c, place);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Row(float** a, float** b, long c, float factor, float* to, long place)
    {
        var sign = new Vector<float>(factor);
        var r = Vector.FusedMultiplyAdd(Vector.Load(b[0] + c), sign, Vector.Load(a[0] + c));
        var s = Vector.FusedMultiplyAdd(Vector.Load(b[1] + c), sign, Vector.Load(a[1] + c));
        var t = Vector.FusedMultiplyAdd(Vector.Load(b[2] + c), sign, Vector.Load(a[2] + c));
        var u = Vector.FusedMultiplyAdd(Vector.Load(b[3] + c), sign, Vector.Load(a[3] + c));
        (r - t).Store(to);
        (s + t).Store(to + place);
        (t - s).Store(to + 2 * place);
        (s - u).Store(to + 3 * place);
    }

    /// <summary>Makes a tile's four results of its products, with bias, residual and the commonest activation.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Give(float* from, long place, long tile, float* other, float* to)
    {
        var (image, row, column) = (tile / (rows * columns), tile / columns % rows, tile % columns);
        var shift = bias is null ? null : (float*)Shims.Data(bias);
        var isRelu = IsRelu;
        for (var c = 0L; c < outputs; c += Vector<float>.Count)
        {
            var added = shift == null ? Vector<float>.Zero : Vector.Load(shift + c);
            for (var i = 0; i < Step && row * Step + i < Height; i++)
            {
                // The first row of results sums three rows of products, the second takes two from one.
                var at = from + i * Tile * place + c;
                float* a = at, b = at + Tile * place, d = at + 2 * Tile * place;
                var (m0, m1, m2, m3) = i == 0
                    ? (Sum(a, b, d, 0), Sum(a, b, d, place), Sum(a, b, d, 2 * place), Sum(a, b, d, 3 * place))
                    : (Difference(a, b, d, 0), Difference(a, b, d, place), Difference(a, b, d, 2 * place), Difference(a, b, d, 3 * place));
                var pixel = ((image * Height + row * Step + i) * Width + column * Step) * outputs + c;
                Store(m0 + m1 + m2 + added, pixel, other, to, isRelu);
                if (column * Step + 1 < Width)
                    Store(m1 - m2 - m3 + added, pixel + outputs, other, to, isRelu);
            }
        }
        GC.KeepAlive(bias);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<float> Sum(float* a, float* b, float* c, long at)
        => Vector.Load(a + at) + Vector.Load(b + at) + Vector.Load(c + at);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<float> Difference(float* a, float* b, float* c, long at)
        => Vector.Load(a + at) - Vector.Load(b + at) - Vector.Load(c + at);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(Vector<float> value, long pixel, float* other, float* to, bool isRelu)
    {
        if (other != null)
            value += Vector.Load(other + pixel);
        (isRelu ? Vector.Max(value, Vector<float>.Zero) : value).Store(to + pixel);
    }
}

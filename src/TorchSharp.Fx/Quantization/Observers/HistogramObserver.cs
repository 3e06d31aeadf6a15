using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>
/// Keeps a histogram of all values, and drops as many outer bins as minimise the quantisation error. Counterpart:
/// <c>torch.ao.quantization.HistogramObserver</c> as of PyTorch 2.5.
/// </summary>
public sealed class HistogramObserver : MinMaxObserver
{
    private float[] histogram;

    /// <summary>An observer.</summary>
    /// <param name="bins">The number of bins of the histogram.</param>
    /// <param name="upsample_rate">The number of parts that a bin is split into when the histogram moves to a wider range.</param>
    /// <param name="dtype">The type of the quantised values: <c>ScalarType.Byte</c> (quint8) or <c>ScalarType.Int8</c> (qint8).</param>
    /// <param name="qscheme">How numbers are quantised.</param>
    /// <param name="quant_min">The lowest quantised value; the type's when null.</param>
    /// <param name="quant_max">The highest quantised value; the type's when null.</param>
    /// <param name="eps">The smallest scale.</param>
    public HistogramObserver(int bins = 2048, int upsample_rate = 16, ScalarType dtype = ScalarType.Byte,
        QScheme qscheme = QScheme.per_tensor_affine, long? quant_min = null, long? quant_max = null, float eps = 1.1920929e-07f)
        : base(nameof(HistogramObserver), dtype, qscheme, quant_min, quant_max, eps)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bins, 2);
        ArgumentOutOfRangeException.ThrowIfLessThan(upsample_rate, 1);
        (this.bins, this.upsample_rate, histogram) = (bins, upsample_rate, new float[bins]);
    }

    /// <summary>The number of bins of the histogram.</summary>
    public int bins { get; }

    /// <summary>The number of parts that a bin is split into when the histogram moves to a wider range.</summary>
    public int upsample_rate { get; }

    /// <inheritdoc/>
    public override void reset_min_max_vals()
    {
        base.reset_min_max_vals();
        Array.Clear(histogram);
    }

    /// <inheritdoc/>
    internal override QParams Parameters
    {
        get
        {
            if (SawNothing)
                return QParams.Default;
            var (low, high) = new HistogramSearch(histogram, min_val, max_val).Range();
            return Covering([low], [high]);
        }
    }

    /// <inheritdoc/>
    private protected override void Observe(Tensor x)
    {
        var (low, high) = Range(x);
        if (!float.IsFinite(low) || !float.IsFinite(high))
        {
            // Infinite values are clamped later; a range that has them is of no use.
            x = x[x.isfinite()];
            if (x.numel() == 0)
                return;
            (low, high) = Range(x);
        }
        var values = x.contiguous();
        if (SawNothing)
        {
            histogram = Count(values, low, high);
            (min_val, max_val) = (low, high);
            return;
        }
        var (least, most) = (MathF.Min(min_val, low), MathF.Max(max_val, high));
        var counts = Count(values, least, most);
        var before = least == min_val && most == max_val ? histogram : Moved(least, most);
        histogram = [.. before.Zip(counts, (a, b) => a + b)];
        (min_val, max_val) = (least, most);
    }

    /// <summary>How many values lie in each bin; as <c>torch.histc</c> counts them.</summary>
    private float[] Count(Tensor values, float low, float high)
    {
        if (low == high)
            (low, high) = (low - 1, high + 1);
        var counts = new float[bins];
        var width = high - low;
        foreach (var value in values.data<float>())
            if (value >= low && value <= high)
                counts[Math.Min((int)((value - low) * bins / width), bins - 1)]++;
        return counts;
    }

    /// <summary>The histogram over a range that holds its own.</summary>
    private float[] Moved(float low, float high)
    {
        var moved = new float[bins];
        if (min_val == max_val)
        {
            var only = tensor(new[] { min_val });
            var place = Array.FindIndex(Count(only, low, high), count => count > 0);
            moved[place] = histogram.Sum();
            return moved;
        }
        var half = 0.5f * ((max_val - min_val) / (bins * upsample_rate));
        var starts = linspace(min_val, max_val, (long)bins * upsample_rate + 1, ScalarType.Float32).data<float>().ToArray();
        var borders = linspace(low, high, bins + 1, ScalarType.Float32).data<float>().ToArray();
        var bin = 0;
        for (var part = 0; part < bins * upsample_rate; part++)
        {
            var middle = starts[part] + half;
            while (bin < bins - 1 && borders[bin + 1] <= middle)
                bin++;
            moved[bin] += histogram[part / upsample_rate] / upsample_rate;
        }
        return moved;
    }
}

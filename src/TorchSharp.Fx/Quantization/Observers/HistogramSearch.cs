using static TorchSharp.torch;

namespace TorchSharp.Fx.Quantization;

/// <summary>
/// Looks for the part of a histogram whose quantisation has the least squared error, leaving out bins from both ends. Every step is
/// computed in the
/// precision and order of <c>HistogramObserver._non_linear_param_search</c>, so that the answer is the same.
/// </summary>
/// <param name="histogram">How much lies in each bin.</param>
/// <param name="low">Where the first bin begins.</param>
/// <param name="high">Where the last bin ends.</param>
internal sealed class HistogramSearch(float[] histogram, float low, float high)
{
    private const double Step = 1e-5;

    // PyTorch has 2 to the power of the type's bits, whatever steps are used.
    private const int Steps = 256;

    private readonly int bins = histogram.Length;
    private readonly float[] norm = new float[histogram.Length];

    /// <summary>The range.</summary>
    internal (float Low, float High) Range()
    {
        using var scope = NewDisposeScope();
        var counts = tensor(histogram);
        var total = (double)counts.sum().item<float>();
        var sums = counts.cumsum(0).data<float>().ToArray();
        var (start, end) = Search(sums, total);
        var width = (high - low) / bins;
        return (low + width * start, low + width * (end + 1));
    }

    private (int Start, int End) Search(float[] sums, double total)
    {
        var (alpha, beta, start, end, least) = (0.0, 1.0, 0, bins - 1, double.PositiveInfinity);
        while (alpha < beta)
        {
            var (nextAlpha, nextBeta) = (alpha + Step, beta - Step);
            var (left, right) = (start, end);
            while (left < end && sums[left] < (float)(nextAlpha * total))
                left++;
            while (right > start && sums[right] > (float)(nextBeta * total))
                right--;
            var (nextStart, nextEnd) = (start, end);
            if (left - start > end - right)
                (nextStart, alpha) = (left, nextAlpha);
            else
                (nextEnd, beta) = (right, nextBeta);
            if (nextStart == start && nextEnd == end)
                continue;
            var error = Error(nextStart, nextEnd);
            if (error > least)
                break;
            (least, start, end) = (error, nextStart, nextEnd);
        }
        return (start, end);
    }

    /// <summary>The squared error of all values when the bins from one to another are quantised.</summary>
    private double Error(int start, int end)
    {
        var exact = ((double)high - low) / bins;
        var exactStep = exact * (end - start + 1) / Steps;
        if (exactStep == 0)
            return 0;
        var (width, step, half) = ((float)exact, (float)exactStep, (float)(exactStep / 2));
        for (var bin = 0; bin < bins; bin++)
        {
            var from = (bin - start) * width;
            var to = from + width;
            var first = Math.Clamp(FloorDivide(from, step), 0, Steps - 1);
            var last = Math.Clamp(FloorDivide(to, step), 0, Steps - 1);
            var density = histogram[bin] / width;
            var sum = Norm(from - (first + 0.5f) * step, half, density);
            sum += (last - first - 1) * Norm(-half, half, density);
            norm[bin] = sum + Norm(-half, to - (last * step + half), density);
        }
        using var scope = NewDisposeScope();
        return tensor(norm).sum().item<float>();
    }

    /// <summary>The integral of the squares from one distance to another.</summary>
    private static float Norm(float from, float to, float density) => density * ((to * to * to - from * from * from) / 3);

    /// <summary>As <c>torch.div(a, b, rounding_mode="floor")</c> rounds.</summary>
    private static float FloorDivide(float a, float b)
    {
        var remainder = a % b;
        var quotient = (a - remainder) / b;
        if (remainder != 0 && b < 0 != remainder < 0)
            quotient -= 1;
        if (quotient == 0)
            return MathF.CopySign(0, a / b);
        var floor = MathF.Floor(quotient);
        return quotient - floor > 0.5f ? floor + 1 : floor;
    }
}

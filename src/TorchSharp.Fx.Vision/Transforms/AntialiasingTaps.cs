using static TorchSharp.torch;

namespace TorchSharp.Fx.Vision;

/// <summary>
/// Which pixels of a line each pixel of the resized line is made of, and how much of each: a filter as wide as the reduction.
/// </summary>
internal sealed class AntialiasingTaps
{
    private readonly int[] first;
    private readonly float[] weights;

    private AntialiasingTaps((int First, float[] Weights)[] pixels)
    {
        Count = pixels.Max(pixel => pixel.Weights.Length);
        first = Array.ConvertAll(pixels, pixel => pixel.First);
        weights = new float[pixels.Length * Count];
        foreach (var (i, pixel) in pixels.Index())
            pixel.Weights.CopyTo(weights, i * Count);
    }

    private AntialiasingTaps(int[] first, int count, float[] weights) => (this.first, Count, this.weights) = (first, count, weights);

    /// <summary>
    /// How many pixels each is made of, one after the other. What one doesn't need has weight 0, as has what would lie beyond the line's
    /// end.
    /// </summary>
    public int Count { get; }

    /// <summary>The number of pixels of the resized line.</summary>
    public int Size => first.Length;

    /// <param name="from">The line's pixels.</param>
    /// <param name="to">The resized line's pixels.</param>
    /// <param name="interpolation">Bilinear or Bicubic.</param>
    public static AntialiasingTaps Of(int from, int to, InterpolationMode interpolation)
    {
        var (filter, radius) = interpolation switch
        {
            InterpolationMode.Bilinear => ((Func<float, float>)Triangle, 1f),
            InterpolationMode.Bicubic => (Cubic, 2f),
            _ => throw new ArgumentException($"Images are resized with Bilinear, Bicubic or Nearest, not {interpolation}.",
                nameof(interpolation)),
        };
        var scale = (float)from / to;
        var stretch = Math.Max(scale, 1f);
        var support = radius * stretch;
        var pixels = new (int, float[])[to];
        for (var pixel = 0; pixel < to; pixel++)
        {
            var center = scale * (pixel + 0.5f);
            var first = Math.Max((int)(center - support + 0.5f), 0);
            var weights = new float[Math.Min((int)(center + support + 0.5f), from) - first];
            var total = 0f;
            for (var tap = 0; tap < weights.Length; tap++)
                total += weights[tap] = filter((tap + first - center + 0.5f) * (1f / stretch));
            pixels[pixel] = (first, Array.ConvertAll(weights, weight => weight / total));
        }
        return new(pixels);
    }

    /// <summary>Those of some pixels of the resized line alone.</summary>
    public AntialiasingTaps Of(Range pixels)
        => new(first[pixels], Count, weights[(pixels.Start.Value * Count)..(pixels.End.Value * Count)]);

    /// <summary>The first pixel that a pixel of the resized line is made of.</summary>
    public int First(int pixel) => first[pixel];

    /// <summary>How much a pixel of the resized line takes of the first and those that follow it.</summary>
    public ReadOnlySpan<float> Weights(int pixel) => weights.AsSpan(pixel * Count, Count);

    private static float Triangle(float x) => Math.Max(1f - Math.Abs(x), 0f);

    // Keys' cubic convolution with a = -0.5, as PIL has it; interpolate without antialiasing has -0.75.
    private static float Cubic(float x)
    {
        const float a = -0.5f;
        x = Math.Abs(x);
        if (x < 1f) return ((a + 2f) * x - (a + 3f)) * x * x + 1f;
        return x < 2f ? ((a * x - 5f * a) * x + 8f * a) * x - 4f * a : 0f;
    }
}

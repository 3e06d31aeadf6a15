namespace TorchSharp.Fx.Onnx;

/// <summary>A number of the graph that may depend on the free dimension: <c>Factor · N + Constant</c>, as three example runs show it.</summary>
internal readonly record struct Size(long Constant, long Factor)
{
    internal bool IsFixed => Factor == 0;

    /// <summary>Null where the number is no such form.</summary>
    internal static Size? Of(long[] seen, long[] free)
    {
        if (seen.Length == 1)
            return new(seen[0], 0);
        var factor = (seen[1] - seen[0]) / (free[1] - free[0]);
        var size = new Size(seen[0] - factor * free[0], factor);
        return seen.Zip(free).All(pair => size.At(pair.Second) == pair.First) ? size : null;
    }

    internal long At(long free) => Factor * free + Constant;
}

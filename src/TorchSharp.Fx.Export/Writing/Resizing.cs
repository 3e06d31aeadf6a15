using System.Collections.Immutable;

namespace TorchSharp.Fx.Export;

/// <summary>Resizing, of which ATen has an operation for each mode and number of dimensions.</summary>
internal static class Resizing
{
    /// <param name="to">Where the operations go.</param>
    /// <param name="source">What is resized.</param>
    /// <param name="given">The arguments of <c>interpolate</c> or <c>upsample</c>.</param>
    internal static Node Resized(Lowering to, Argument source, IReadOnlyDictionary<string, Argument> given)
    {
        var dimensions = to.Rank(source) - 2;
        var mode = (given["mode"] as Literal)?.Value?.ToString()!.ToLowerInvariant();
        Argument Null = new Literal(null);
        var (size, factor) = (given.GetValueOrDefault("size") ?? Null, given.GetValueOrDefault("scale_factor") ?? Null);
        if (given.GetValueOrDefault("recompute_scale_factor") is Literal { Value: true } && factor is not Literal { Value: null })
            throw new NotSupportedException("it works its factor out again from the sizes; give it the size");
        if (factor is ListArgument { Items: [var one] } && dimensions > 1)
            factor = new ListArgument([.. Enumerable.Repeat(one, dimensions)], typeof(double));
        var corners = (Argument)(given.GetValueOrDefault("align_corners") is Literal { Value: true });
        var isSmooth = given.GetValueOrDefault("antialias") is Literal { Value: true };
        var name = (mode, dimensions) switch
        {
            ("nearest", _) => $"upsample_nearest{dimensions}d.vec",
            ("nearestexact", _) => $"_upsample_nearest_exact{dimensions}d.vec",
            ("area", _) => $"adaptive_avg_pool{dimensions}d",
            ("linear", 1) => "upsample_linear1d.vec",
            ("bilinear" or "linear", 2) => isSmooth ? "_upsample_bilinear2d_aa.vec" : "upsample_bilinear2d.vec",
            ("bicubic", 2) => isSmooth ? "_upsample_bicubic2d_aa.vec" : "upsample_bicubic2d.vec",
            ("trilinear" or "linear", 3) => "upsample_trilinear3d.vec",
            _ => throw new NotSupportedException($"it resizes {dimensions} dimensions by '{mode}', which ATen has no operation for"),
        };
        return mode is "nearest" or "nearestexact" ? to.Call(name, source, size, factor)
            : mode != "area" ? to.Call(name, source, size, corners, factor)
            : size is Literal { Value: null } ? throw new NotSupportedException("it resizes by area without a size")
                : to.Call(name, source, size);
    }
}

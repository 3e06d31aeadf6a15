using System.Collections.Immutable;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx.Importing.Operators;

/// <summary>
/// One resize. What TorchSharp's <c>interpolate</c> does is done by that. Any other is done along one axis after the other: each new
/// element is a sum of old ones, whose weights are computed from
/// its place in the old tensor.
/// </summary>
internal sealed class Resampling(OnnxNode node, string mode, string places, string rounding)
{
    private readonly int rank = node.Rank();

    internal double CubicCoefficient { get; init; } = -0.75;

    internal bool ExcludesOutside { get; init; }

    internal bool Antialias { get; init; }

    /// <summary>The part of the input that is resized: all beginnings, then all ends, as fractions.</summary>
    internal Argument[]? Region { get; init; }

    /// <summary>The values outside of the input, where a region reaches over it.</summary>
    internal double Outside { get; init; }

    internal TensorValue Of(Argument[]? scales, ImmutableArray<Argument>? sizes, long[]? axes)
    {
        axes ??= [.. Enumerable.Range(0, scales?.Length ?? sizes!.Value.Length).Select(axis => (long)axis)];
        int[] kept = [.. Enumerable.Range(0, axes.Length).Where(i => !IsOne(scales?[i])
            && !(sizes is { } to && IsSame(to[i], (int)axes[i])))];
        if (Direct(axes, kept, scales) is { } interpolation)
            return interpolation(scales is null ? null : [.. kept.Select(i => scales[i])], sizes is null ? null
                : [.. kept.Select(i => sizes.Value[i])]);
        Value value = node[0];
        foreach (var i in kept)
            value = Along(value, (int)axes[i], scales?[i], sizes?[i], i);
        return (TensorValue)(value is TensorValue ? value : node.Alike((Tensor x) => x.alias(), node.Tensor()));
    }

    private static bool IsOne(Argument? scale) => scale is Literal { Value: 1.0 };

    private bool IsSame(Argument size, int axis) => node[0] is TensorValue
        && (size is Literal { Value: long known } ? node.Shape()?[axis] == known : size == node.Writer.Size(node[0], axis));

    /// <summary>The call of <c>interpolate</c> that does the same; null where there is none.</summary>
    private Func<Argument[]?, Argument[]?, TensorValue>? Direct(long[] axes, int[] kept, Argument[]? scales)
    {
        if (node[0].Rank is not (>= 3 and <= 5) || Region is not null || Antialias || ExcludesOutside || !GraphWriter.IsFloat(node.Type()))
            return null;
        var spatial = node.Rank() - 2;
        if (!kept.Select(i => axes[i]).SequenceEqual(Enumerable.Range(2, spatial).Select(axis => (long)axis)))
            return null;
        // From corner to corner, ONNX counts the fraction of a size that a scale gives; TorchSharp does not.
        var isExact = kept.All(i => scales is null || (scales[i] is Literal { Value: double by } && by == Math.Floor(by)));
        var linear = spatial switch { 1 => InterpolationMode.Linear, 2 => InterpolationMode.Bilinear, _ => InterpolationMode.Trilinear };
        (InterpolationMode Mode, bool? Corners)? known = (mode, places, rounding) switch
        {
            ("nearest", "asymmetric", "floor") => (InterpolationMode.Nearest, null),
            ("linear", "half_pixel" or "pytorch_half_pixel", _) => (linear, false),
            ("linear", "align_corners", _) when isExact => (linear, true),
            ("cubic", "half_pixel" or "pytorch_half_pixel", _) when spatial == 2 && Math.Abs(CubicCoefficient + 0.75) < 1e-6 =>
                (InterpolationMode.Bicubic, false),
            ("cubic", "align_corners", _) when isExact && spatial == 2 && Math.Abs(CubicCoefficient + 0.75) < 1e-6 =>
                (InterpolationMode.Bicubic, true),
            _ => null,
        };
        if (known is not var (how, corners))
            return null;
        return (factors, sizes) =>
        {
            var shape = node.Shape()!.ToArray();
            for (var i = 0; i < spatial; i++)
                shape[i + 2] = sizes is not null ? (sizes[i] as Literal)?.Value as long? : factors![i] is Literal { Value: double scale }
                    ? (long?)Math.Floor((shape[i + 2] ?? double.NaN) * scale) is >= 0 and var size ? size : null : null;
            return sizes is not null
                ? node.Make((Tensor x, long[] to) => nn.functional.interpolate(x, to, null, how, corners), node.Type(), shape,
                    node.Tensor(), OnnxNode.List(sizes))
                : node.Make((Tensor x, double[] by) => nn.functional.interpolate(x, null, by, how, corners), node.Type(), shape,
                    node.Tensor(), new ListArgument([.. factors!], typeof(double)));
        };
    }

    private TensorValue Along(Value value, int axis, Argument? scale, Argument? size, int index)
    {
        var type = node.Type();
        var (begin, end) = Region is { } region ? (region[index], region[index + region.Length / 2]) : (0.0, 1.0);
        var shape = Sizes.With(value.Shape, axis, size is Literal { Value: long known } ? known : scale is Literal { Value: double by }
            && value.Shape?[axis] is { } old ? (long)Math.Floor(old * by) : null);
        return size is not null
            ? node.Make((Tensor x, long count, double from, double to) =>
                Resampled(x, axis, count, (double)count / x.shape[axis], count, from, to).to(type), type, shape,
                node.Writer.Tensor(value), size, begin, end)
            : node.Make((Tensor x, double factor, double from, double to) =>
                Resampled(x, axis, (long)Math.Floor(x.shape[axis] * factor), factor, x.shape[axis] * factor, from, to).to(type), type,
                shape, node.Writer.Tensor(value), scale!, begin, end);
    }

    private Tensor Resampled(Tensor x, int axis, long count, double scale, double length, double begin, double end)
    {
        var size = x.shape[axis];
        var place = Place(arange(count, ScalarType.Float64), size, length, scale, begin, end);
        if (mode == "nearest")
            return Masked(x.index_select(axis, Nearest(place).clamp(0, size - 1).to(ScalarType.Int64)), place, size, axis);
        var weights = mode == "linear" ? Weights(place, size, scale, Triangle, 1) : Weights(place, size, scale, Cubic, 2);
        return Masked(x.to(ScalarType.Float64).movedim([axis], [-1]).matmul(weights.t()).movedim([-1], [axis]), place, size, axis);
    }

    /// <summary>The values outside of the input where a region reaches over it.</summary>
    private Tensor Masked(Tensor result, Tensor place, long size, int axis)
    {
        if (Region is null)
            return result;
        var outside = place.lt(0).logical_or(place.gt(size - 1));
        for (var i = axis + 1; i < rank; i++)
            outside = outside.unsqueeze(-1);
        return result.masked_fill(outside, Outside);
    }

    /// <summary>Where a new element's middle lies in the old tensor.</summary>
    /// <param name="index">The new elements' numbers.</param>
    /// <param name="size">How many old elements there are.</param>
    /// <param name="length">How long the new tensor is, not rounded where a scale says it.</param>
    /// <param name="scale">How much larger it is.</param>
    /// <param name="begin">Where the region begins.</param>
    /// <param name="end">Where the region ends.</param>
    private Tensor Place(Tensor index, long size, double length, double scale, double begin, double end) => places switch
    {
        "half_pixel" => index.add(0.5).div(scale).sub(0.5),
        "half_pixel_symmetric" => index.add(0.5).div(scale).sub(0.5).add(size * 0.5 * (1 - Math.Floor(length) / (scale * size))),
        "pytorch_half_pixel" => index.add(0.5).div(scale).sub(0.5).mul(Math.Min(Math.Floor(length) - 1, 1.0)),
        "align_corners" => index.mul((size - 1.0) / Math.Max(length - 1, 1e-9)),
        "asymmetric" => index.div(scale),
        "tf_half_pixel_for_nn" => index.add(0.5).div(scale),
        "tf_crop_and_resize" => index.mul((end - begin) * (size - 1) / Math.Max(length - 1, 1.0)).add(begin * (size - 1)),
        _ => throw new NotSupportedException($"there are no coordinates '{places}'"),
    };

    private Tensor Nearest(Tensor place) => rounding switch
    {
        "floor" => place.floor(),
        "ceil" => place.ceil(),
        "round_prefer_floor" => place.sub(0.5).ceil(),
        "round_prefer_ceil" => place.add(0.5).floor(),
        _ => throw new NotSupportedException($"there is no rounding '{rounding}'"),
    };

    /// <summary>A row for each new element, with the weight of each old one: by its distance, that of what is beyond the edge given to
    /// the edge.</summary>
    private Tensor Weights(Tensor place, long size, double scale, Func<Tensor, Tensor> function, int reach)
    {
        // Made smaller, a wider window averages what would otherwise be skipped.
        var shrink = Antialias ? Math.Min(scale, 1.0) : 1.0;
        var margin = Antialias ? (long)Math.Ceiling(reach / Math.Min(scale, 1.0)) + 1 : reach + 1;
        var old = arange(0 - margin, size + margin, ScalarType.Float64);
        var weights = function(place.unsqueeze(1).sub(old.unsqueeze(0)).mul(shrink).abs());
        if (ExcludesOutside || Antialias)
        {
            var inside = weights.narrow(1, margin, size);
            return inside.div(inside.sum(new[] { 1L }, true));
        }
        var target = old.clamp(0, size - 1).unsqueeze(1).eq(arange(size, ScalarType.Float64).unsqueeze(0)).to(ScalarType.Float64);
        return Clamped(weights, place, size, old, function).matmul(target);
    }

    /// <summary>A place beyond the margin has the edge's element alone.</summary>
    private static Tensor Clamped(Tensor weights, Tensor place, long size, Tensor old, Func<Tensor, Tensor> function)
        => where(place.lt(-1).logical_or(place.gt(size)).unsqueeze(1),
            function(place.clamp(0, size - 1).unsqueeze(1).sub(old.unsqueeze(0)).abs()), weights);

    private static Tensor Triangle(Tensor distance) => distance.neg().add(1).clamp(0, 1);

    private Tensor Cubic(Tensor t)
    {
        var a = CubicCoefficient;
        var near = t.mul(a + 2).sub(a + 3).mul(t).mul(t).add(1);
        var far = t.mul(a).sub(5 * a).mul(t).add(8 * a).mul(t).sub(4 * a);
        return where(t.le(1), near, where(t.lt(2), far, zeros_like(t)));
    }
}

using System.Globalization;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Verification;

/// <summary>How two values differ.</summary>
/// <param name="Size">The largest difference of two numbers, relative to the largest number of the tensor; infinite where shapes, types or
/// structures differ.</param>
/// <param name="Text">What differs where.</param>
internal sealed record Difference(double Size, string Text)
{
    internal static Difference None { get; } = new(0, "");

    /// <summary>How far rounding may go, in units of the last place of the largest number.</summary>
    private const double Rounding = 8;

    /// <summary>The same for fused kernels, which add in another order and fold weights.</summary>
    private const double FusedRounding = 10_000;

    /// <summary>Whether it is more than rounding.</summary>
    internal bool Counts { get; private init; }

    /// <summary>The largest difference of two structures of values.</summary>
    /// <param name="expected">What it should be.</param>
    /// <param name="actual">What it is.</param>
    /// <param name="isFused">Whether the computation was made another one.</param>
    /// <param name="where">What the value is.</param>
    internal static Difference Between(object? expected, object? actual, bool isFused = false, string where = "the result")
        => OfParts(Structure.Simplified(expected, leaf => leaf), Structure.Simplified(actual, leaf => leaf), isFused, where);

    private static Difference OfParts(object? expected, object? actual, bool isFused, string where) => (expected, actual) switch
    {
        (Tensor one, Tensor other) => OfTensors(one, other, isFused, where),
        (null, null) => None,
        (null, _) or (_, null) => Other(where, Named(actual), Named(expected)),
        (Dictionary<object, object?> one, Dictionary<object, object?> other) => OfDictionaries(one, other, isFused, where),
        (object?[] one, object?[] other) => OfSequences(one, other, isFused, where),
        (string or ValueType, _) => expected.Equals(actual) ? None : Other(where, Written(actual), Written(expected)),
        _ => expected.GetType() == actual.GetType() ? None : Other(where, Named(actual), Named(expected)),
    };

    internal static Difference Largest(IEnumerable<Difference> differences)
        => differences.OrderByDescending(difference => difference.Counts).ThenByDescending(difference => difference.Size).FirstOrDefault()
            ?? None;

    private static Difference OfTensors(Tensor expected, Tensor actual, bool isFused, string where)
    {
        if (expected.dtype != actual.dtype || !expected.shape.SequenceEqual(actual.shape))
            return Other(where, TensorMetadata.Of(actual).ToString(), TensorMetadata.Of(expected).ToString());
        if (expected.numel() == 0)
            return None;
        using var scope = NewDisposeScope();
        var (one, other) = (Numbers(expected), Numbers(actual));
        var apart = (one - other).abs();
        var agree = (one == other) | (one.isnan() & other.isnan());
        var largest = where_(agree, apart.zeros_like(), apart.nan_to_num(double.PositiveInfinity, double.PositiveInfinity)).max()
            .ToDouble();
        var scale = Math.Max(one.abs().nan_to_num(0, 0, 0).max().ToDouble(), double.Epsilon);
        var size = largest / scale;
        var tolerance = (isFused ? FusedRounding : Rounding) * Epsilon(expected.dtype);
        return new(size,
            string.Create(CultureInfo.InvariantCulture,
                $"{where} differs by up to {largest:G3}, {size:P2} of its largest number")) { Counts =
                    !(size <= Math.Min(tolerance, 0.1)) };

        static Tensor where_(Tensor condition, Tensor x, Tensor y) => torch.where(condition, x, y);
    }

    private static Tensor Numbers(Tensor tensor)
    {
        tensor = tensor.detach();
        if (tensor.is_sparse)
            tensor = tensor.to_dense();
        return (tensor.is_complex() ? view_as_real(tensor) : tensor).to(ScalarType.Float64, CPU);
    }

    private static double Epsilon(ScalarType type) => type switch
    {
        ScalarType.Float64 or ScalarType.ComplexFloat64 => 2.3e-16,
        ScalarType.Float32 or ScalarType.ComplexFloat32 => 1.2e-7,
        ScalarType.Float16 => 9.8e-4,
        ScalarType.BFloat16 => 7.9e-3,
        _ => 0,
    };

    private static Difference OfDictionaries(Dictionary<object, object?> expected, Dictionary<object, object?> actual, bool isFused,
        string where)
        => !expected.Keys.ToHashSet().SetEquals(actual.Keys)
            ? Other(where, $"a dictionary of {string.Join(", ", actual.Keys.Select(Written))}",
                $"one of {string.Join(", ", expected.Keys.Select(Written))}")
            : Largest(expected.Select(entry => OfParts(entry.Value, actual[entry.Key], isFused, $"{where}[{Written(entry.Key)}]")));

    private static Difference OfSequences(object?[] expected, object?[] actual, bool isFused, string where)
        => expected.Length != actual.Length
            ? Other(where, $"{actual.Length} values", $"{expected.Length}")
            : Largest(expected.Select((item, i) => OfParts(item, actual[i], isFused, $"{where}[{i}]")));

    private static Difference Other(string where, string actual, string expected)
        => new(double.PositiveInfinity, $"{where} is {actual} instead of {expected}") { Counts = true };

    private static string Named(object? value) => value is null ? "null" : $"a {Tracing.Untraceable.Short(value.GetType())}";

    private static string Written(object value)
        => value is string text ? $"'{text}'" : Convert.ToString(value, CultureInfo.InvariantCulture) ?? "";
}

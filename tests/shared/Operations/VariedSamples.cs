using System.Reflection;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.Operations;

/// <summary>Values for the parameters of an operation: tensors of one kind, and one argument that is given another value.</summary>
/// <param name="kind">What the tensors are: matrices of a type, or images and their weights of some rank.</param>
/// <param name="varied">The argument; null for none.</param>
/// <param name="value">Its value.</param>
internal sealed class VariedSamples(int kind, ParameterInfo? varied = null, object? value = null) : Samples(kind == 1 ? int64 : kind == 2 ? ScalarType.Bool : float32)
{
    internal const int Kinds = 9;

    // Numbers without an order, of both signs.
    private static readonly long[] Sizes = [2, 4, 6, 6, 6];

    private int count;

    /// <inheritdoc/>
    internal override object? Of(ParameterInfo parameter)
    {
        if (varied is not null && parameter.Position == varied.Position)
            return value;
        var type = parameter.ParameterType;
        if (type == typeof(Tensor) && parameter.IsOptional)
            return null;
        if (kind < 3 || type != typeof(Tensor))
            return type == typeof(long[]) && !parameter.HasDefaultValue && kind >= 3 ? Lengths(parameter.Name!)
                : (type == typeof(long) || type == typeof(int)) && !parameter.HasDefaultValue ? Convert.ChangeType(Length(parameter.Name!), type, null)
                : base.Of(parameter);
        return Named(parameter.Name!);
    }

    /// <inheritdoc/>
    internal override object? Receiver(Type type) => kind < 3 ? base.Receiver(type) : Named("input");

    /// <summary>Other values for an optional argument.</summary>
    internal static IEnumerable<object?> Alternatives(ParameterInfo parameter)
    {
        var type = Nullable.GetUnderlyingType(parameter.ParameterType) ?? parameter.ParameterType;
        object?[] values = type switch
        {
            // Others end the process.
            _ when parameter.Name is "groups" or "output_padding" => [2L],
            _ when type == typeof(long) && parameter.Name is "stride" or "strides" or "dilation" or "padding" => [2L, 1L],
            _ when type == typeof(long[]) && parameter.Name is "stride" or "strides" or "dilation" or "padding" => [new[] { 2L, 2L }, new[] { 1L, 1L }, new[] { 2L }, new[] { 1L }],
            _ when type == typeof(bool) => [true, false],
            _ when type == typeof(long) => [1L, 0L, 2L, -1L, 3L],
            _ when type == typeof(int) => [1, 0, 2, -1],
            _ when type == typeof(double) => [0.3, 2.0, 1.5, 1.0, 4.0],
            _ when type == typeof(float) => [0.3f, 3f, 1f],
            _ when type == typeof(Scalar) => [(Scalar)0.4, (Scalar)2],
            _ when type == typeof(ScalarType) => [float64, int64, float32],
            _ when type == typeof(long[]) => [new[] { 1L }, new[] { 0L, 1L }, new[] { 2L, 2L }, new[] { 1L, 1L }, new[] { 2L }],
            _ when type == typeof(double[]) => [new[] { 2.0, 2.0 }, new[] { 1.5 }],
            _ when type == typeof((long, long)) => [(1L, 1L), (2L, 2L), (0L, 1L)],
            _ when type == typeof(string) => ["fro", "sum"],
            _ when type == typeof(Tensor) => [Numbers(3, 3), Numbers(4).abs(), Numbers(2, 4, 6, 6), Numbers(3, 3) > 0, Numbers(3), ones(3, 3).tril() > 0],
            _ when type.IsEnum => [.. Enum.GetValues(type).Cast<object>()],
            _ => [],
        };
        return values.Where(each => !Equals(each, parameter.DefaultValue));
    }

    private static long[] Lengths(string name) => name switch
    {
        "kernel_size" => [2, 2],
        "output_size" or "size" => [3, 3],
        "normalized_shape" => [6],
        "dims" or "dim" or "dimensions" => [1],
        "pad" => [1, 2],
        _ => [3, 3],
    };

    private static long Length(string name) => name switch
    {
        "kernel_size" or "k" or "num_samples" or "chunks" or "upscale_factor" or "groups" or "num_groups" or "size" or "output_size" or "repeats" or "downscale_factor" => 2,
        "dim2" => 1,
        "dim" or "axis" or "dim0" or "start" or "offset" or "diagonal" or "storage_offset" or "dim1" or "padding" or "dimension" or "index" => 0,
        _ => 1,
    };

    /// <summary>The first tensor is what is worked on; weights follow from its name.</summary>
    private Tensor Named(string name)
    {
        var rank = kind - 3;
        return name switch
        {
            "target" when kind >= 8 => tensor(new long[] { 1, 3 }),
            _ when kind >= 8 => Worked(2, 4),
            "weight" when rank >= 3 => Worked([4, 4, .. Enumerable.Repeat(2L, rank - 2)]),
            "weight" or "bias" or "running_mean" => Worked(4),
            "running_var" => Worked(4).abs() + 0.5,
            "grid" => Worked(2, 3, 3, 2).tanh(),
            _ => Worked(Sizes[..Math.Max(1, rank)]),
        };
    }

    private Tensor Worked(params long[] sizes) => Numbers(count++, sizes);

    private static Tensor Numbers(params long[] sizes) => Numbers(5, sizes);

    private static Tensor Numbers(int salt, long[] sizes)
    {
        var count = sizes.Aggregate(1L, (product, size) => product * size);
        return ((((arange(count) * 7) + (salt * 5)) % 23) - 11).to(float32).reshape(sizes) / 5;
    }
}

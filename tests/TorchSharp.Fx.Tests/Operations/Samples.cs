using System.Reflection;
using System.Runtime.CompilerServices;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.Operations;

/// <summary>Real values for parameters: square matrices of one dtype, and small numbers that most operations accept.</summary>
public class Samples(ScalarType dtype, bool everything = false)
{
    private int tensors;

    /// <summary>The value for a parameter: its default where it has one that isn't null, else one by its type.</summary>
    internal virtual object? Of(ParameterInfo parameter)
    {
        var type = parameter.ParameterType.IsByRef ? parameter.ParameterType.GetElementType()! : parameter.ParameterType;
        if (parameter.HasDefaultValue && !type.IsByRefLike && !PublicOperations.HoldsTensor(type) && !(everything && (type == typeof(ScalarType?) || type == typeof(Device))))
            return parameter.DefaultValue is { } preset ? Preset(preset, Nullable.GetUnderlyingType(type) ?? type) : type.IsValueType && Nullable.GetUnderlyingType(type) is null ? Activator.CreateInstance(type) : null;
        return parameter.IsOptional && parameter.ParameterType == typeof(Tensor) && parameter.Name is "l" or "logits" or "precision_matrix" or "scale_tril" ? null : Of(type, parameter.Name!);
    }

    /// <summary>What an operation is called on.</summary>
    internal virtual object? Receiver(Type type) => PublicOperations.IsTensor(type) ? Of(type, "self") : Made(type);

    internal static Tensor Index() => zeros(1, int64);

    private static object Preset(object preset, Type type) => type.IsEnum ? Enum.ToObject(type, preset) : preset;

    private object? Of(Type type, string name)
    {
        if (Nullable.GetUnderlyingType(type) is { } held)
            return Of(held, name);
        if (type == typeof(TorchSharp.Modules.Parameter))
            return new TorchSharp.Modules.Parameter(Matrix(), dtype == float32);
        if (PublicOperations.IsTensor(type))
            return Matrix();
        if (type.IsByRefLike)
            return List(ValueConversion.SpanElement(type), name);
        if (type == typeof(long) || type == typeof(int))
            return Convert.ChangeType(Number(name), type, null);
        if (type == typeof(double) || type == typeof(float) || type == typeof(Half))
            return type == typeof(Half) ? (Half)0.5 : Convert.ChangeType(0.5, type, null);
        if (type == typeof(Scalar))
            return dtype == float32 ? (Scalar)0.5 : (Scalar)1;
        if (type == typeof(Type))
            return typeof(Tensor);
        return Simple(type) ?? Structured(type, name) ?? Made(type);
    }

    private static object? Simple(Type type) => type switch
    {
        _ when type == typeof(bool) => true,
        _ when type == typeof(ScalarType) => float32,
        _ when type == typeof(Device) => CPU,
        _ when type == typeof(TensorIndex) => TensorIndex.Tensor(Index()),
        _ when type == typeof(string) => "ij,jk->ik",
        _ when type == typeof(Generator) => new Generator(3),
        _ when type == typeof(DisposeScope) => NewDisposeScope(),
        _ when type == typeof(Array) => new float[] { 1, 2 },
        _ when type == typeof(Size) => new Size([3, 3]),
        _ when type.IsEnum => Enum.GetValues(type).GetValue(0),
        _ when type.IsPrimitive => Convert.ChangeType(1, type, null),
        _ => null,
    };

    private object? Structured(Type type, string name)
    {
        if (typeof(ITuple).IsAssignableFrom(type))
            return Activator.CreateInstance(type, [.. type.GetGenericArguments().Select((item, i) => item == typeof(long) && name.StartsWith("dim", StringComparison.Ordinal) ? (long)i : Of(item, name))]);
        if (type.IsArray && type.GetArrayRank() > 1)
            return Array.CreateInstance(type.GetElementType()!, [.. Enumerable.Repeat(2, type.GetArrayRank())]);
        if (ValueConversion.ElementOf(type) is not { } element || typeof(System.Collections.IDictionary).IsAssignableFrom(type))
            return null;
        var list = List(element, name);
        return type.IsInstanceOfType(list) ? list : Activator.CreateInstance(typeof(List<>).MakeGenericType(element), list);
    }

    private Array List(Type element, string name)
    {
        object?[] items = element == typeof(long) && name is "size" or "sizes" or "shape" ? [3L, 3L]
            : element == typeof(long) || element == typeof(double) || element == typeof(TensorIndex) ? [Of(element, name)]
            : [Of(element, name), Of(element, name)];
        var list = Array.CreateInstance(element, items.Length);
        for (var i = 0; i < items.Length; i++)
            list.SetValue(items[i], i);
        return list;
    }

    private object? Made(Type type) => type switch
    {
        _ when type == typeof(Func<Tensor, Tensor, Tensor>) => (Func<Tensor, Tensor, Tensor>)((a, b) => (a - b).abs()),
        _ when type == typeof(Func<Tensor, Tensor>) => (Func<Tensor, Tensor>)(a => a * 2),
        _ when type == typeof(distributions.transforms.Transform) => new distributions.transforms.PowerTransform(ones(3)),
        _ when type.IsAssignableFrom(typeof(TorchSharp.Modules.Normal)) && typeof(distributions.Distribution).IsAssignableFrom(type) => distributions.Normal(zeros(3), ones(3)),
        _ => null,
    };

    private static long Number(string name) => name switch
    {
        "dim" or "axis" or "dim0" or "start" or "offset" or "diagonal" or "storage_offset" or "dim1" or "padding" => 0,
        "dim2" => 1,
        _ => 1,
    };

    /// <summary>A symmetric positive definite matrix; of integers 0 to 2, or true on the diagonal.</summary>
    private Tensor Matrix()
    {
        var first = tensor(new float[,] { { 1.5f, 0.25f, 0.5f }, { 0.25f, 2f, 0.125f }, { 0.5f, 0.125f, 1f } }) + (tensors++ * 0.25);
        return dtype == float32 ? first : dtype == ScalarType.Bool ? first > 0.75 : first.to(dtype);
    }
}

using System.Collections;
using System.Globalization;
using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>
/// Calls PyTorch operators by name, also those that TorchSharp has no member for. Counterpart: <c>torch.ops.aten</c>. Only operators that
/// compute with tensors are available; <c>docs/export.md</c> lists them.
/// </summary>
public static class aten
{
    // PyTorch's numbers, which differ from TorchSharp's for neither types nor devices.
    private const ulong Strided = 0;

    /// <summary>Calls an operator that returns one tensor.</summary>
    /// <param name="overload">The operator's name and overload as in PyTorch's schema, e.g. <c>embedding</c> or <c>movedim.int</c>.</param>
    /// <param name="args">Its arguments in order; trailing ones that are left out take their defaults.</param>
    /// <exception cref="NotSupportedException">The operator isn't known or can't be called by name.</exception>
    /// <exception cref="ArgumentException">An argument is missing or of another type than the schema says.</exception>
    public static Tensor call(string overload, params object?[] args) => call_many(overload, args) switch
    {
        [var only] => only,
        var several => throw new ArgumentException($"aten::{overload} gives {several.Length} tensors: call it with aten.call_many.",
            nameof(overload)),
    };

    /// <summary>Calls an operator that returns several tensors or a list of tensors.</summary>
    /// <inheritdoc cref="call" path="/param|/exception"/>
    public static Tensor[] call_many(string overload, params object?[] args)
    {
        ArgumentNullException.ThrowIfNull(args);
        var schema = AtenSchema.Find(overload)
            ?? throw new NotSupportedException($"There is no operation aten::{overload} that can be called from here.");
        if (!schema.GivesTensors)
            throw new NotSupportedException($"aten::{overload} can't be called by name: it doesn't return tensors.");
        if (args.Length > schema.Parameters.Length)
            throw new ArgumentException($"aten::{overload} takes {schema.Parameters.Length} arguments, but {args.Length} are given.",
                nameof(args));
        // All are looked at before any becomes a handle that somebody has to give up.
        var values = schema.Parameters.Select((parameter, i)
            => Checked(schema, parameter, i < args.Length ? args[i] : Default(schema, parameter))).ToArray();
        if (!Dispatcher.IsAvailable || !schema.IsDispatchable(values))
            return ScriptedCall.Call(schema, values);
        var stack = new ulong[Math.Max(values.Length, schema.Returns.Length)];
        for (var i = 0; i < values.Length; i++)
            stack[i] = Value(values[i], schema.Parameters[i].Type);
        if (!Dispatcher.Call($"aten::{schema.Name}", schema.Overload[schema.Name.Length..].TrimStart('.'), stack))
            throw new InvalidOperationException(
                $"aten::{overload} refused its arguments; libtorch wrote the reason to the standard error output.");
        GC.KeepAlive(args);
        return [.. schema.Returns.SelectMany((type, i) => type.IsList ? Dispatcher.Items(stack[i]) : [stack[i]]).Select(handle
            => Tensor.UnsafeCreateTensor((IntPtr)handle))];
    }

    private static object? Default(AtenSchema schema, AtenParameter parameter)
        => parameter.HasDefault ? parameter.Default
            : throw new ArgumentException($"aten::{schema.Overload} needs its argument '{parameter.Name}'.");

    private static object? Checked(AtenSchema schema, AtenParameter parameter, object? value)
        => Fits(value, parameter.Type) ? value : throw new ArgumentException(
            $"aten::{schema.Overload} takes a {parameter.Type.Name}{(parameter.Type.IsList ? "[]" : "")} as '{parameter.Name}', but is "
                + $"given {(value is null ? "nothing" : "a " + value.GetType().Name)}.");

    private static bool Fits(object? value, AtenType type) => value switch
    {
        null => type.IsOptional || type.Name is "Layout" or "MemoryFormat",
        _ when type.IsList => value is not (string or Tensor) && value is IEnumerable items
            ? items.Cast<object?>().All(item => Fits(item, type.Item)) : Fits(value, type.Item),
        _ => type.Name switch
        {
            "Tensor" => value is Tensor { IsInvalid: false },
            "int" => value is long or int,
            "float" => value is double or float or long or int,
            "bool" => value is bool,
            "Scalar" => value is long or int or double or float or bool,
            "str" => value is string text && !text.Contains('\0', StringComparison.Ordinal),
            "ScalarType" => value is ScalarType,
            "Device" => value is Device,
            _ => false,
        },
    };

    private static ulong Value(object? value, AtenType type)
    {
        if (type.IsOptional)
            return value is null ? 0 : Dispatcher.Some(Value(value, type with { IsOptional = false }));
        if (type.IsList)
            // One number stands for a list of it.
            return Dispatcher.List([.. (value is IEnumerable items ? items.Cast<object?>()
                : Enumerable.Repeat(value, type.Count)).Select(item => Value(item, type.Item))]);
        return type.Name switch
        {
            "Tensor" => Dispatcher.Handle((Tensor)value!),
            "int" => (ulong)Convert.ToInt64(value, CultureInfo.InvariantCulture),
            "float" => BitConverter.DoubleToUInt64Bits(Convert.ToDouble(value, CultureInfo.InvariantCulture)),
            "bool" => value is true ? 1u : 0u,
            "str" => Dispatcher.Text((string)value!),
            "ScalarType" => (ulong)(int)(ScalarType)value!,
            "Device" => (uint)((Device)value!).index | ((ulong)(int)((Device)value).type << 32),
            _ => Strided,
        };
    }
}

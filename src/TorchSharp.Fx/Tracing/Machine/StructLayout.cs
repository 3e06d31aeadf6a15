using System.Reflection;
using System.Runtime.CompilerServices;

namespace TorchSharp.Fx.Tracing;

/// <summary>The layout of structs and objects, by their types.</summary>
internal static class StructLayout
{
    private static readonly Memo<Type, int> InlineLengths = new(type => type.GetCustomAttribute<InlineArrayAttribute>()?.Length ?? 0);

    /// <summary>All instance fields, those of base classes first.</summary>
    internal static FieldInfo[] FieldsOf(Type type) => Structure.FieldsOf(type);

    /// <summary>The length of an inline array (<c>[InlineArray(N)]</c>), 0 for any other type.</summary>
    internal static int InlineLength(Type type) => type.IsValueType && !type.IsPrimitive
        ? InlineLengths.Of(type)
        : 0;

    internal static bool IsSpan(Type type) => type.IsGenericType && type.IsByRefLike
        && type.GetGenericTypeDefinition() is var definition && (definition == typeof(Span<>) || definition == typeof(ReadOnlySpan<>));

    internal static bool IsNullable(Type type) => type.IsGenericType && type.GetGenericTypeDefinition() == typeof(Nullable<>);

    /// <summary>The value of a struct type that is all zeros, as a slot holds it.</summary>
    internal static Value Zero(Type type) => Type.GetTypeCode(type) switch
    {
        TypeCode.Boolean or TypeCode.Char or TypeCode.SByte or TypeCode.Byte or TypeCode.Int16 or TypeCode.UInt16 or TypeCode.Int32
            or TypeCode.UInt32 => Value.Of(0),
        TypeCode.Int64 or TypeCode.UInt64 => Value.Of(0L),
        TypeCode.Single => Value.Of(0f),
        TypeCode.Double => Value.Of(0d),
        _ when type == typeof(nint) || type == typeof(nuint) || type.IsPointer => Value.OfNative(0),
        _ when !type.IsValueType => Value.Null,
        _ when IsNullable(type) => Value.OfStruct(null),
        _ when InlineLength(type) is var length and > 0 => Value.OfStruct(Array.CreateInstance(FieldsOf(type)[0].FieldType, length)),
        _ when IsSpan(type) => Value.OfStruct(SpanModel.Over(Array.CreateInstance(type.GenericTypeArguments[0], 0), 0, 0)),
        _ when type.IsByRefLike => Value.OfStruct(Homes.Of(type) == Home.User ? new RefStruct(type) : null),
        _ => Value.OfStruct(RuntimeHelpers.GetUninitializedObject(type)),
    };
}

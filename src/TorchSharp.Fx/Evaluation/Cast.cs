using System.Numerics;

namespace TorchSharp.Fx.Evaluation;

/// <summary>
/// Numeric casts as C# does them. From .NET 9 on, a floating-point number out of an integer's range saturates (ECMA-335 III.3.27 leaves it
/// open).
/// </summary>
internal static class Cast
{
    internal static object To(object value, Type type, bool isChecked)
    {
        if (type.IsEnum)
            return Enum.ToObject(type, To(value, Enum.GetUnderlyingType(type), isChecked));
        return Widest(value) switch
        {
            long number => From(number, type, isChecked),
            ulong number => From(number, type, isChecked),
            double number when isChecked || type == typeof(double) || type == typeof(float) => From(number, type, isChecked),
            double number => Truncated(number, type),
            _ => throw new InvalidOperationException($"A {value.GetType()} can't be converted to {type}: it is not a number."),
        };
    }

    /// <summary>The number as the widest type of its kind, which holds it exactly.</summary>
    private static object Widest(object value) => value switch
    {
        Enum => Widest(System.Convert.ChangeType(value, Enum.GetUnderlyingType(value.GetType()), null)),
        bool flag => flag ? 1L : 0L,
        sbyte or short or int or long or nint => value is nint native ? (long)native : System.Convert.ToInt64(value, null),
        byte or ushort or uint or ulong or nuint => value is nuint native ? (ulong)native : System.Convert.ToUInt64(value, null),
        char letter => (ulong)letter,
        float single => (double)single,
        _ => value,
    };

    private static object From<T>(T number, Type type, bool isChecked) where T : INumber<T> => type switch
    {
        _ when type == typeof(bool) => number != T.Zero,
        _ when type == typeof(sbyte) => From<T, sbyte>(number, isChecked),
        _ when type == typeof(byte) => From<T, byte>(number, isChecked),
        _ when type == typeof(short) => From<T, short>(number, isChecked),
        _ when type == typeof(ushort) => From<T, ushort>(number, isChecked),
        _ when type == typeof(char) => From<T, char>(number, isChecked),
        _ when type == typeof(int) => From<T, int>(number, isChecked),
        _ when type == typeof(uint) => From<T, uint>(number, isChecked),
        _ when type == typeof(long) => From<T, long>(number, isChecked),
        _ when type == typeof(ulong) => From<T, ulong>(number, isChecked),
        _ when type == typeof(nint) => From<T, nint>(number, isChecked),
        _ when type == typeof(nuint) => From<T, nuint>(number, isChecked),
        _ when type == typeof(float) => From<T, float>(number, isChecked),
        _ when type == typeof(double) => From<T, double>(number, isChecked),
        _ => throw new InvalidOperationException($"A number can't become {type}."),
    };

    private static TTo From<TFrom, TTo>(TFrom number, bool isChecked) where TFrom : INumber<TFrom> where TTo : INumber<TTo>
        => isChecked ? TTo.CreateChecked(number) : TTo.CreateTruncating(number);

    private static object Truncated(double number, Type type) => unchecked(type switch
    {
        _ when type == typeof(bool) => number != 0,
        _ when type == typeof(sbyte) => (sbyte)number,
        _ when type == typeof(byte) => (byte)number,
        _ when type == typeof(short) => (short)number,
        _ when type == typeof(ushort) => (ushort)number,
        _ when type == typeof(char) => (char)number,
        _ when type == typeof(int) => (int)number,
        _ when type == typeof(uint) => (uint)number,
        _ when type == typeof(long) => (long)number,
        _ when type == typeof(ulong) => (ulong)number,
        _ when type == typeof(nint) => (nint)number,
        _ when type == typeof(nuint) => (object)(nuint)number,
        _ => throw new InvalidOperationException($"A number can't become {type}."),
    });
}

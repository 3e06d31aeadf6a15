using System.Linq.Expressions;

namespace TorchSharp.Fx.Evaluation;

/// <summary>
/// The arithmetic of <see cref="BuiltinTarget"/> and casts as expressions, which become the CIL instructions they came from.
/// </summary>
internal static class ArithmeticEmitter
{
    internal static Expression Emit(BuiltinTarget target, Expression left, Expression? right)
    {
        var type = Arithmetic.Operand(target.Type);
        var width = Width(type);
        var shift = target.Operation is Builtin.lshift or Builtin.rshift;
        var a = Cast(ValueConversion.Emit(left, type), width, false);
        var b = right is null ? null : shift
            ? ValueConversion.Emit(right, typeof(int)) : Cast(ValueConversion.Emit(right, type), width, false);
        var result = b is null ? Unary(target, a) : Binary(target, a, b);
        if (result is null)
            throw new InvalidOperationException($"There is no operation '{target.Operation}' on {target.Type}.");
        return result.Type == width ? Cast(result, type, target.Checked) : result;
    }

    internal static Expression Cast(Expression value, Type to, bool isChecked)
    {
        var type = value.Type;
        if (type == to)
            return value;
        if (type == typeof(object))
            return Expression.Convert(
                Expression.Call(typeof(Cast), nameof(Evaluation.Cast.To), null, value, Expression.Constant(to),
                    Expression.Constant(isChecked)), to);
        if (type.IsEnum)
            return Cast(Expression.Convert(value, Enum.GetUnderlyingType(type)), to, isChecked);
        if (to.IsEnum)
            return Expression.Convert(Cast(value, Enum.GetUnderlyingType(to), isChecked), to);
        // The operators of IntPtr know only some types; on 64 bits it is a long.
        if (Width(type) is var wide && wide != type)
            return Cast(Expression.Convert(value, wide), to, isChecked);
        if (to == typeof(nint) || to == typeof(nuint))
            return Expression.Convert(Cast(value, Width(to), isChecked), to);
        if (type == typeof(bool) || to == typeof(bool))
            return ValueConversion.Emit(value, to);
        return isChecked ? Expression.ConvertChecked(value, to) : Expression.Convert(value, to);
    }

    /// <summary>CIL computes on 32 and 64 bits only (ECMA-335 III.1.1.1): smaller integers are widened first.</summary>
    private static Type Width(Type type) => Type.GetTypeCode(type) switch
    {
        TypeCode.SByte or TypeCode.Byte or TypeCode.Int16 or TypeCode.UInt16 or TypeCode.Char => typeof(int),
        _ when type == typeof(nint) => typeof(long),
        _ when type == typeof(nuint) => typeof(ulong),
        _ => type,
    };

    private static Expression? Unary(BuiltinTarget target, Expression a) => target.Operation switch
    {
        Builtin.neg => target.Checked ? Expression.SubtractChecked(Expression.Default(a.Type), a) : Negate(a),
        Builtin.invert => Expression.OnesComplement(a),
        Builtin.not_ => Expression.Not(a),
        _ => null,
    };

    private static Expression Negate(Expression a)
        => a.Type == typeof(uint) || a.Type == typeof(ulong) ? Expression.Subtract(Expression.Default(a.Type), a) : Expression.Negate(a);

    private static Expression AreSame(Expression a, Expression b) => b is ConstantExpression { Value: null }
        ? Expression.ReferenceEqual(a, b)
        : Expression.Call(typeof(Structures), nameof(Structures.AreSame), null, a, b);

    private static Expression? Binary(BuiltinTarget target, Expression a, Expression b) => target.Operation switch
    {
        Builtin.add => target.Checked ? Expression.AddChecked(a, b) : Expression.Add(a, b),
        Builtin.sub => target.Checked ? Expression.SubtractChecked(a, b) : Expression.Subtract(a, b),
        Builtin.mul => target.Checked ? Expression.MultiplyChecked(a, b) : Expression.Multiply(a, b),
        Builtin.floordiv or Builtin.truediv => Expression.Divide(a, b),
        Builtin.mod => Expression.Modulo(a, b),
        Builtin.and_ => Expression.And(a, b),
        Builtin.or_ => Expression.Or(a, b),
        Builtin.xor => Expression.ExclusiveOr(a, b),
        Builtin.lshift => Expression.LeftShift(a, b),
        Builtin.rshift => Expression.RightShift(a, b),
        Builtin.eq => a.Type == typeof(object) ? AreSame(a, b) : Expression.Equal(a, b),
        Builtin.ne => a.Type == typeof(object) ? Expression.Not(AreSame(a, b)) : Expression.NotEqual(a, b),
        Builtin.lt => Expression.LessThan(a, b),
        Builtin.le => Expression.LessThanOrEqual(a, b),
        Builtin.gt => Expression.GreaterThan(a, b),
        Builtin.ge => Expression.GreaterThanOrEqual(a, b),
        _ => null,
    };
}

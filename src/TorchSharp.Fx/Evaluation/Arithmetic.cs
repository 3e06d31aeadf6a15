using System.Collections.Frozen;
using System.Numerics;

namespace TorchSharp.Fx.Evaluation;

/// <summary>
/// The arithmetic of <see cref="BuiltinTarget"/> by .NET's own operators: the reference that the compiled form is tested against.
/// </summary>
internal abstract class Arithmetic
{
    private static readonly FrozenDictionary<Type, Arithmetic> OfType = new Dictionary<Type, Arithmetic>
    {
        [typeof(sbyte)] = new Integers<sbyte>(), [typeof(byte)] = new Integers<byte>(), [typeof(short)] = new Integers<short>(),
        [typeof(ushort)] = new Integers<ushort>(),
        [typeof(char)] = new Integers<char>(), [typeof(int)] = new Integers<int>(), [typeof(uint)] = new Integers<uint>(),
        [typeof(long)] = new Integers<long>(),
        [typeof(ulong)] = new Integers<ulong>(), [typeof(nint)] = new Integers<nint>(), [typeof(nuint)] = new Integers<nuint>(),
        [typeof(float)] = new Numbers<float>(), [typeof(double)] = new Numbers<double>(), [typeof(bool)] = new Bools(),
    }.ToFrozenDictionary();

    private static readonly Arithmetic References = new Objects();

    /// <summary>The type whose arithmetic applies: an enum's is its integer's.</summary>
    internal static Type Operand(Type type)
        => type.IsEnum ? Enum.GetUnderlyingType(type) : OfType.ContainsKey(type) ? type : typeof(object);

    internal static object Evaluate(BuiltinTarget target, object? left, object? right)
    {
        var type = Operand(target.Type);
        var shift = target.Operation is Builtin.lshift or Builtin.rshift;
        return OfType.GetValueOrDefault(type, References)
            .Apply(target, ValueConversion.Apply(left, type), ValueConversion.Apply(right, shift ? typeof(int) : type))
            ?? throw new InvalidOperationException($"There is no operation '{target.Operation}' on {target.Type}.");
    }

    private protected abstract object? Apply(BuiltinTarget target, object? left, object? right);

    private class Numbers<T> : Arithmetic where T : INumber<T>
    {
        private protected override object? Apply(BuiltinTarget target, object? left, object? right)
        {
            var a = (T)left!;
            if (target.Operation == Builtin.neg)
                return target.Checked ? checked(-a) : unchecked(-a);
            return right is T b ? Binary(target, a, b) : null;
        }

        private static object? Binary(BuiltinTarget target, T a, T b) => target.Operation switch
        {
            Builtin.add => target.Checked ? checked(a + b) : unchecked(a + b),
            Builtin.sub => target.Checked ? checked(a - b) : unchecked(a - b),
            Builtin.mul => target.Checked ? checked(a * b) : unchecked(a * b),
            Builtin.floordiv or Builtin.truediv => a / b,
            Builtin.mod => a % b,
            Builtin.eq => a == b,
            Builtin.ne => a != b,
            Builtin.lt => a < b,
            Builtin.le => a <= b,
            Builtin.gt => a > b,
            Builtin.ge => a >= b,
            _ => null,
        };
    }

    private sealed class Integers<T> : Numbers<T> where T : IBinaryInteger<T>
    {
        private protected override object? Apply(BuiltinTarget target, object? left, object? right) => target.Operation switch
        {
            Builtin.invert => ~(T)left!,
            Builtin.and_ => (T)left! & (T)right!,
            Builtin.or_ => (T)left! | (T)right!,
            Builtin.xor => (T)left! ^ (T)right!,
            Builtin.lshift => (T)left! << (int)right!,
            Builtin.rshift => (T)left! >> (int)right!,
            _ => base.Apply(target, left, right),
        };
    }

    private sealed class Bools : Arithmetic
    {
        private protected override object? Apply(BuiltinTarget target, object? left, object? right) => target.Operation switch
        {
            Builtin.not_ => !(bool)left!,
            Builtin.and_ => (bool)left! & (bool)right!,
            Builtin.or_ => (bool)left! | (bool)right!,
            Builtin.xor or Builtin.ne => (bool)left! != (bool)right!,
            Builtin.eq => (bool)left! == (bool)right!,
            _ => null,
        };
    }

    private sealed class Objects : Arithmetic
    {
        private protected override object? Apply(BuiltinTarget target, object? left, object? right) => target.Operation switch
        {
            Builtin.eq => Structures.AreSame(left, right),
            Builtin.ne => !Structures.AreSame(left, right),
            _ => null,
        };
    }
}

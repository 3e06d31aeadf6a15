using System.Runtime.CompilerServices;

namespace TorchSharp.Fx.Tracing;

/// <summary>Arithmetic and comparisons: on numbers as ECMA-335 III.3 says, on symbols by recording a node.</summary>
internal sealed partial class Interpreter
{
    private void Binary(Frame f, Op op)
    {
        var right = f.Pop();
        var left = f.Pop();
        f.Push(Combine(op, left, right));
    }

    /// <summary>The result of a binary operation on numbers or symbols.</summary>
    internal Value Combine(Op op, Value left, Value right)
    {
        (left, right) = (Known(left), Known(right));
        return left.IsSymbol || right.IsSymbol ? SymbolicBinary(op, left, right)
            : left.Mark != Reading.Constant || right.Mark != Reading.Constant ? Calculated(op, left, right)
            : Concrete(op, left, right);
    }

    private void Unary(Frame f, Op op)
    {
        var value = Known(f.Pop());
        f.Push(value.IsSymbol
            ? Recorded(op == Op.Neg ? Builtin.neg : value.Symbol.type == typeof(bool)
                ? Builtin.not_ : Builtin.invert, value.Symbol.type, false, value)
            : value.Mark == Reading.Constant ? Unary(op, value)
            : Calculated(op == Op.Neg ? Builtin.neg : Builtin.invert, Unary(op, value), value));
    }

    private Value Unary(Op op, Value value) => value.Kind switch
    {
        ValueKind.Int32 => Value.Of(op == Op.Neg ? unchecked(-value.Int32) : ~value.Int32),
        ValueKind.Int64 => Value.Of(op == Op.Neg ? unchecked(-value.Int64) : ~value.Int64),
        ValueKind.NativeInt => Value.OfNative(op == Op.Neg ? unchecked(-value.Int64) : ~value.Int64),
        ValueKind.Single when op == Op.Neg => Value.Of(-value.Single),
        ValueKind.Double when op == Op.Neg => Value.Of(-value.Double),
        _ => throw Untraceable.Instruction(this, op),
    };

    private void Compare(Frame f, Op op)
    {
        var right = Known(f.Pop());
        var left = Known(f.Pop());
        f.Push(left.IsSymbol || right.IsSymbol ? SymbolicComparison(op, left, right) : Value.Of(Holds(op, left, right)));
    }

    /// <summary>Division by zero and overflow are the program's.</summary>
    private Value Concrete(Op op, Value left, Value right)
    {
        try
        {
            return Computed(op, left, right);
        }
        catch (ArithmeticException exception) when (ProgramFault.Note(exception))
        {
            throw;
        }
    }

    private Value Computed(Op op, Value left, Value right) => (left.Kind, right.Kind) switch
    {
        (ValueKind.Int32, ValueKind.Int32) => Value.Of(Of32(op, left.Int32, right.Int32)),
        (ValueKind.Int64, ValueKind.Int64 or ValueKind.Int32) => Value.Of(Of64(op, left.Int64, right.Int64)),
        // A shift's count may be another integer than what is shifted (III.1.5 table 6).
        (ValueKind.Int32, ValueKind.NativeInt or ValueKind.Int64)
            when op is Op.Shl or Op.Shr or Op.ShrUn => Value.Of(Of32(op, left.Int32, right.Int32)),
        (ValueKind.Int64, ValueKind.NativeInt) when op is Op.Shl or Op.Shr or Op.ShrUn => Value.Of(Of64(op, left.Int64, right.Int64)),
        (ValueKind.Int32, ValueKind.NativeInt)
            or (ValueKind.NativeInt, ValueKind.Int32 or ValueKind.NativeInt) =>
                Value.OfNative(Of64(op, Widened(op, left), Widened(op, right))),
        (ValueKind.Single, ValueKind.Single) => Value.Of(OfFloat(op, left.Single, right.Single)),
        (ValueKind.Double or ValueKind.Single, ValueKind.Double or ValueKind.Single) =>
            Value.Of(OfDouble(op, AsDouble(left), AsDouble(right))),
        _ => Moved(op, left, right),
    };

    /// <summary>
    /// An int32 beside a native integer, extended as the CLR does it: with zeros for checked unsigned arithmetic and unsigned branches,
    /// else with its sign.
    /// </summary>
    private static long Widened(Op op, Value value)
        => value.Kind == ValueKind.Int32
            && op is Op.AddOvfUn or Op.SubOvfUn or Op.MulOvfUn or Op.BneUn or Op.BgeUn or Op.BgtUn or Op.BleUn or Op.BltUn
                ? (uint)value.Int32 : value.Int64;

    private int Of32(Op op, int a, int b) => op switch
    {
        Op.Add => unchecked(a + b),
        Op.AddOvf => checked(a + b),
        Op.AddOvfUn => Wrapped(checked(Bits(a) + Bits(b))),
        Op.Sub => unchecked(a - b),
        Op.SubOvf => checked(a - b),
        Op.SubOvfUn => Wrapped(checked(Bits(a) - Bits(b))),
        Op.Mul => unchecked(a * b),
        Op.MulOvf => checked(a * b),
        Op.MulOvfUn => Wrapped(checked(Bits(a) * Bits(b))),
        Op.Div => a / b,
        Op.DivUn => unchecked((int)((uint)a / (uint)b)),
        // int.MinValue % -1 overflows on the CLR as well (ECMA-335 III.3.55 leaves it open).
        Op.Rem => a % b,
        Op.RemUn => unchecked((int)((uint)a % (uint)b)),
        Op.And => a & b,
        Op.Or => a | b,
        Op.Xor => a ^ b,
        Op.Shl => a << b,
        Op.Shr => a >> b,
        Op.ShrUn => a >>> b,
        _ => throw Untraceable.Instruction(this, op),
    };

    private long Of64(Op op, long a, long b) => op switch
    {
        Op.Add => unchecked(a + b),
        Op.AddOvf => checked(a + b),
        Op.AddOvfUn => Wrapped(checked(Bits(a) + Bits(b))),
        Op.Sub => unchecked(a - b),
        Op.SubOvf => checked(a - b),
        Op.SubOvfUn => Wrapped(checked(Bits(a) - Bits(b))),
        Op.Mul => unchecked(a * b),
        Op.MulOvf => checked(a * b),
        Op.MulOvfUn => Wrapped(checked(Bits(a) * Bits(b))),
        Op.Div => a / b,
        Op.DivUn => unchecked((long)((ulong)a / (ulong)b)),
        Op.Rem => a % b,
        Op.RemUn => unchecked((long)((ulong)a % (ulong)b)),
        Op.And => a & b,
        Op.Or => a | b,
        Op.Xor => a ^ b,
        Op.Shl => a << (int)b,
        Op.Shr => a >> (int)b,
        Op.ShrUn => a >>> (int)b,
        _ => throw Untraceable.Instruction(this, op),
    };

    // The bits of a number read as unsigned and back: casts that would throw within checked().
    private static uint Bits(int number) => unchecked((uint)number);

    private static ulong Bits(long number) => unchecked((ulong)number);

    private static int Wrapped(uint number) => unchecked((int)number);

    private static long Wrapped(ulong number) => unchecked((long)number);

    private float OfFloat(Op op, float a, float b) => op switch
    {
        Op.Add => a + b,
        Op.Sub => a - b,
        Op.Mul => a * b,
        Op.Div => a / b,
        Op.Rem => a % b,
        _ => throw Untraceable.Instruction(this, op),
    };

    private double OfDouble(Op op, double a, double b) => op switch
    {
        Op.Add => a + b,
        Op.Sub => a - b,
        Op.Mul => a * b,
        Op.Div => a / b,
        Op.Rem => a % b,
        _ => throw Untraceable.Instruction(this, op),
    };

    /// <summary>A comparison or compare-and-branch of two concrete values (ECMA-335 III.1.5 table 4, III.3.21–25).</summary>
    private bool Holds(Op op, Value left, Value right)
    {
        if (left.Kind is ValueKind.Single or ValueKind.Double)
            return HoldsFloating(op, AsDouble(left), AsDouble(right));
        if (!left.IsInteger || !right.IsInteger)
            return HoldsReference(op, left, right);
        var narrow = left.Kind == ValueKind.Int32 && right.Kind == ValueKind.Int32;
        var (a, b) = narrow ? (left.Int64, right.Int64) : (Widened(op, left), Widened(op, right));
        var (ua, ub) = narrow ? ((uint)a, (uint)b) : ((ulong)a, (ulong)b);
        return op switch
        {
            Op.Ceq or Op.Beq => a == b,
            Op.BneUn => a != b,
            Op.Cgt or Op.Bgt => a > b,
            Op.CgtUn or Op.BgtUn => ua > ub,
            Op.Clt or Op.Blt => a < b,
            Op.CltUn or Op.BltUn => ua < ub,
            Op.Bge => a >= b,
            Op.BgeUn => ua >= ub,
            Op.Ble => a <= b,
            _ => ua <= ub,
        };
    }

    /// <summary>The .un forms hold as well when a NaN is involved.</summary>
    private static bool HoldsFloating(Op op, double a, double b) => op switch
    {
        Op.Ceq or Op.Beq => a == b,
        Op.BneUn => a != b,
        Op.Cgt or Op.Bgt => a > b,
        Op.CgtUn or Op.BgtUn => !(a <= b),
        Op.Clt or Op.Blt => a < b,
        Op.CltUn or Op.BltUn => !(a >= b),
        Op.Bge => a >= b,
        Op.BgeUn => !(a < b),
        Op.Ble => a <= b,
        _ => !(a > b),
    };

    private bool HoldsReference(Op op, Value left, Value right)
    {
        if (left.Reference is null || right.Reference is null)
            Present(left.Reference ?? right.Reference);
        var same = left.Kind == ValueKind.Address && right.Kind == ValueKind.Address
            ? ReferenceEquals(Overlay.Current(left.Reference), Overlay.Current(right.Reference))
            : ReferenceEquals(left.Reference, right.Reference) && (left.IsInteger == right.IsInteger);
        return op is Op.Ceq or Op.Beq ? same : op is Op.BneUn or Op.CgtUn or Op.BgtUn
            ? !same : throw new InvalidProgramException($"{op} of references.");
    }

    private Value Convert(Value value, Cil.Conversion conversion)
        => value.IsSymbol ? SymbolicConversion(value.Symbol, conversion) : ConcreteConversion(value, conversion).MarkedAs(value);

    private Value ConcreteConversion(Value value, Cil.Conversion conversion)
    {
        var type = conversion.Target;
        if (value.Kind is ValueKind.Single or ValueKind.Double)
            return FromFloating(value, conversion);
        if (!value.IsInteger)
            return value.Kind == ValueKind.Address ? value : throw Untraceable.Instruction(this, Op.Conv);
        var bits = value.Int64;
        if (type == typeof(float))
            return Value.Of(conversion.Unsigned ? Unsigned(value) : (float)bits);
        if (type == typeof(double))
            return Value.Of(conversion.Unsigned ? Unsigned(value) : (double)bits);
        if (conversion.Overflow)
            return Checked(conversion.Unsigned ? (Int128)Unsigned(value) : bits, type);
        // conv.u8 and conv.u of an int32 extend with zeros, all others with the sign (ECMA-335 III.3.27).
        if (value.Kind == ValueKind.Int32 && (type == typeof(ulong) || type == typeof(nuint)))
            bits = (uint)bits;
        return OnStack(bits, type);
    }

    private static ulong Unsigned(Value value) => value.Kind == ValueKind.Int32 ? (uint)value.Int32 : (ulong)value.Int64;

    private static Value FromFloating(Value value, Cil.Conversion conversion)
    {
        var number = AsDouble(value);
        var type = conversion.Target;
        if (type == typeof(float))
            return Value.Of(value.Kind == ValueKind.Single ? value.Single : (float)number);
        if (type == typeof(double))
            return Value.Of(number);
        if (conversion.Overflow)
        {
            if (double.IsNaN(number) || Math.Abs(number) > 1e38)
                throw ProgramFault.Raise(new OverflowException());
            return Checked((Int128)number, type);
        }
        // Out of range the result is what this runtime's own conversion gives.
        return unchecked(Type.GetTypeCode(type) switch
        {
            TypeCode.SByte => Value.Of((sbyte)(int)number),
            TypeCode.Byte => Value.Of((byte)(int)number),
            TypeCode.Int16 => Value.Of((short)(int)number),
            TypeCode.UInt16 => Value.Of((ushort)(int)number),
            TypeCode.Int32 => Value.Of((int)number),
            TypeCode.UInt32 => Value.Of((int)(uint)number),
            TypeCode.Int64 => Value.Of((long)number),
            TypeCode.UInt64 => Value.Of((long)(ulong)number),
            _ => Value.OfNative(type == typeof(nuint) ? (long)(ulong)number : (long)number),
        });
    }

    private static Value Checked(Int128 number, Type type)
    {
        var (low, high) = Type.GetTypeCode(type) switch
        {
            TypeCode.SByte => ((Int128)sbyte.MinValue, (Int128)sbyte.MaxValue),
            TypeCode.Byte => (byte.MinValue, byte.MaxValue),
            TypeCode.Int16 => (short.MinValue, short.MaxValue),
            TypeCode.UInt16 => (ushort.MinValue, ushort.MaxValue),
            TypeCode.Int32 => (int.MinValue, int.MaxValue),
            TypeCode.UInt32 => (uint.MinValue, uint.MaxValue),
            TypeCode.UInt64 => (ulong.MinValue, ulong.MaxValue),
            _ when type == typeof(nuint) => (ulong.MinValue, ulong.MaxValue),
            _ => (long.MinValue, long.MaxValue),
        };
        if (number < low || number > high)
            throw ProgramFault.Raise(new OverflowException());
        return OnStack(unchecked((long)(ulong)(UInt128)number), type);
    }

    private static Value OnStack(long bits, Type type) => unchecked(Type.GetTypeCode(type) switch
    {
        TypeCode.SByte => Value.Of((sbyte)bits),
        TypeCode.Byte => Value.Of((byte)bits),
        TypeCode.Int16 => Value.Of((short)bits),
        TypeCode.UInt16 => Value.Of((ushort)bits),
        TypeCode.Int32 or TypeCode.UInt32 => Value.Of((int)bits),
        TypeCode.Int64 or TypeCode.UInt64 => Value.Of(bits),
        _ => Value.OfNative(bits),
    });

    private static double AsDouble(Value value) => value.Kind == ValueKind.Single ? value.Single : value.Double;

    private static Value CheckFinite(Value value)
        => double.IsFinite(AsDouble(value))
            ? value : throw ProgramFault.Raise(new OverflowException("Arithmetic operation resulted in an overflow."));

    internal static int SizeOf(Type type) => type.IsValueType ? (int)SizeOfMethod.MakeGenericMethod(type).Invoke(null, null)! : IntPtr.Size;

    private static readonly System.Reflection.MethodInfo SizeOfMethod = typeof(Unsafe).GetMethod(nameof(Unsafe.SizeOf))!;
}

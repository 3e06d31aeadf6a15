using System.Collections.Immutable;
using System.Reflection;

namespace TorchSharp.Fx.Tracing;

/// <summary>
/// Arithmetic on symbols: every operation becomes a node; comparisons and lengths wait until they are read (<see cref="Deferred"/>).
/// </summary>
internal sealed partial class Interpreter
{
    /// <summary>Records an operation on numbers and gives the symbol of its result.</summary>
    internal Proxy RecordBuiltin(Builtin operation, Type operands, Type result, bool isChecked, Value left, Value right)
    {
        var args = right.Kind == ValueKind.Object && right.Reference is null
            && operation is Builtin.neg or Builtin.invert or Builtin.not_ or Builtin.len
            ? ImmutableArray.Create(ToArgument(left, operands))
            : [ToArgument(left, operands), ToArgument(right, operands)];
        return tracer.create_proxy(Opcode.call_function, new BuiltinTarget(operation, operands, isChecked), args, result);
    }

    /// <summary>An element of a symbolic sequence or tuple.</summary>
    internal Value RecordItem(Proxy sequence, Argument index, Type type)
        => FromProxy(
            tracer.create_proxy(Opcode.call_function, new BuiltinTarget(Builtin.getitem, sequence.type), [sequence.Argument, index], type));

    /// <summary>A field or property of a symbolic object.</summary>
    internal Value RecordMember(Proxy owner, MemberInfo member)
        => FromProxy(
            tracer.create_proxy(Opcode.call_function, new MemberTarget(member), [owner.Argument],
                member is FieldInfo field ? field.FieldType : ((PropertyInfo)member).PropertyType));

    /// <summary>A node's result as the program sees it: an object without content, or a symbol.</summary>
    internal Value FromProxy(Proxy proxy)
    {
        if (proxy.type == typeof(void))
            return default;
        if (Examples is not null && !proxy.type.IsPrimitive && (!proxy.type.IsValueType || StructLayout.IsNullable(proxy.type)))
        {
            var example = Examples.Of(proxy.Argument);
            if (example is null)
                return Absent(proxy);
            if (IsOpen(proxy.type, example.GetType()))
                return Told(proxy, example.GetType());
            if (proxy.type.IsAbstract || proxy.type == typeof(string))
                proxy = new Proxy(proxy.Argument, example.GetType());
            if (proxy.type == typeof(string))
                return Specialise(proxy)!.Value;
        }
        if (Symbols.Placeholder(proxy) is { } placeholder)
            return Value.OfObject(placeholder);
        return proxy.type.IsValueType ? Value.Of(proxy) : throw Untraceable.ResultType(this, proxy);
    }

    /// <summary>The length of a symbolic sequence, as a deferred symbol.</summary>
    private Value SymbolicLength(object placeholder)
        => Value.Of(new Deferred(this, Builtin.len, placeholder.GetType(), typeof(int), Value.OfObject(placeholder)));

    private Value RecordTupleItem(Proxy tuple, FieldInfo field)
        => IsItem(field)
            ? RecordItem(tuple, new Literal(int.Parse(field.Name.AsSpan(4), null) - 1), field.FieldType) : RecordMember(tuple, field);

    /// <summary>The target that reads a field of a tuple or struct.</summary>
    internal static Target PartOf(Type owner, FieldInfo field, out ImmutableArray<Argument> index)
    {
        index = IsItem(field) ? [new Literal(int.Parse(field.Name.AsSpan(4), null) - 1)] : [];
        return IsItem(field) ? new BuiltinTarget(Builtin.getitem, owner) : new MemberTarget(field);
    }

    private static bool IsItem(FieldInfo field)
        => field.Name.StartsWith("Item", StringComparison.Ordinal) && int.TryParse(field.Name.AsSpan(4), out _);

    private Value Recorded(Builtin operation, Type type, bool isChecked, Value left, Value right = default)
        => IsDeferredLength(left) || IsDeferredLength(right)
            ? Value.Of(new Deferred(this, operation, type, type, left, right))
            : Value.Of(RecordBuiltin(operation, type, type, isChecked, left, right));

    private static bool IsDeferredLength(Value value) => value.IsSymbol && value.Symbol is Deferred { IsComparison: false };

    private Value SymbolicBinary(Op op, Value left, Value right)
    {
        if (op is not (Op.And or Op.Or or Op.Xor))
            (left, right) = (Number(left), Number(right));
        // The right operand of a shift is a count.
        var type = op is Op.Shl or Op.Shr or Op.ShrUn ? OperandType(left, left) : OperandType(left, right);
        if (IsZero(left) && op == Op.Add)
            return right;
        if (IsZero(right) && op is Op.Add or Op.Sub)
            return left;
        if (type == typeof(bool) && op is Op.And or Op.Or && (left.IsSymbol ? right : left) is { IsSymbol: false } flag)
            return (flag.Int32 != 0) == (op == Op.And) ? left.IsSymbol ? left : right : flag;
        var (operation, isChecked, unsigned) = OperationOf(op, IsFloating(type));
        return Recorded(operation, unsigned ? UnsignedOf(type) : type, isChecked, left, right);
    }

    /// <summary>
    /// Python's operation for an instruction, whether it throws when the result has no room, and whether it reads its operands without
    /// signs.
    /// </summary>
    private static (Builtin Operation, bool IsChecked, bool Unsigned) OperationOf(Op op, bool isFloating) => op switch
    {
        Op.Add => (Builtin.add, false, false),
        Op.AddOvf => (Builtin.add, true, false),
        Op.AddOvfUn => (Builtin.add, true, true),
        Op.Sub => (Builtin.sub, false, false),
        Op.SubOvf => (Builtin.sub, true, false),
        Op.SubOvfUn => (Builtin.sub, true, true),
        Op.Mul => (Builtin.mul, false, false),
        Op.MulOvf => (Builtin.mul, true, false),
        Op.MulOvfUn => (Builtin.mul, true, true),
        Op.Div => (isFloating ? Builtin.truediv : Builtin.floordiv, false, false),
        Op.DivUn => (Builtin.floordiv, false, true),
        Op.Rem => (Builtin.mod, false, false),
        Op.RemUn => (Builtin.mod, false, true),
        Op.And => (Builtin.and_, false, false),
        Op.Or => (Builtin.or_, false, false),
        Op.Xor => (Builtin.xor, false, false),
        Op.Shl => (Builtin.lshift, false, false),
        Op.Shr => (Builtin.rshift, false, false),
        _ => (Builtin.rshift, false, true),
    };

    /// <summary>
    /// An enum's constant as the number that CIL computes with: a difference of two is no constant, and its sign matters. Flags that are
    /// combined stay flags.
    /// </summary>
    private static Value Number(Value value) => value.IsSymbol && value.Symbol.type is { IsEnum: true } type
        ? Value.Of(new Proxy(new ConvertArgument(value.Symbol.Argument, StackType(type), false), StackType(type)))
        : value;

    /// <summary>
    /// ceq, cgt, clt: a deferred comparison. Comparing a comparison with false negates it: that is how C# writes <c>!=</c> and <c>!</c>.
    /// </summary>
    private Value SymbolicComparison(Op op, Value left, Value right)
    {
        if (op is Op.Ceq && AsCondition(left) is { } condition && right.Kind == ValueKind.Int32)
            return Value.Of(right.Int32 == 0 ? condition.Negated() : condition);
        // "Above zero" is how a Release compiler makes a flag of a bool.
        if (op is Op.CgtUn && AsCondition(left) is { } flag && IsZero(right))
            return Value.Of(flag);
        var type = OperandType(left, right);
        return Value.Of(op switch
        {
            Op.Ceq => Comparison(Builtin.eq, type, left, right),
            Op.Cgt => Comparison(Builtin.gt, type, left, right),
            Op.Clt => Comparison(Builtin.lt, type, left, right),
            // Unordered: for numbers with a NaN "not less or equal", else an unsigned comparison.
            Op.CgtUn when IsFloating(type) => Comparison(Builtin.le, type, left, right).Negated(),
            Op.CltUn when IsFloating(type) => Comparison(Builtin.ge, type, left, right).Negated(),
            Op.CgtUn when IsZero(right) => Comparison(Builtin.ne, type, left, right),
            Op.CgtUn => Comparison(Builtin.gt, UnsignedOf(type), left, right),
            _ => Comparison(Builtin.lt, UnsignedOf(type), left, right),
        });
    }

    /// <summary>Whether two numbers are equal.</summary>
    internal Value AreEqual(Value left, Value right)
    {
        (left, right) = (Known(left), Known(right));
        return left.IsSymbol || right.IsSymbol ? SymbolicComparison(Op.Ceq, left, right) : Value.Of(Holds(Op.Ceq, left, right));
    }

    /// <summary>The condition under which a compare-and-branch is taken.</summary>
    private Deferred BranchCondition(Op op, Value left, Value right)
    {
        if (op is Op.Beq or Op.BneUn && AsCondition(left) is { } condition && right.Kind == ValueKind.Int32)
            return (right.Int32 != 0) == (op == Op.Beq) ? condition : condition.Negated();
        var type = OperandType(left, right);
        var unordered = IsFloating(type);
        return op switch
        {
            Op.Beq => Comparison(Builtin.eq, type, left, right),
            Op.BneUn => Comparison(Builtin.ne, type, left, right),
            Op.Bge => Comparison(Builtin.ge, type, left, right),
            Op.Bgt => Comparison(Builtin.gt, type, left, right),
            Op.Ble => Comparison(Builtin.le, type, left, right),
            Op.Blt => Comparison(Builtin.lt, type, left, right),
            Op.BgeUn => unordered
                ? Comparison(Builtin.lt, type, left, right).Negated() : Comparison(Builtin.ge, UnsignedOf(type), left, right),
            Op.BgtUn => unordered
                ? Comparison(Builtin.le, type, left, right).Negated() : Comparison(Builtin.gt, UnsignedOf(type), left, right),
            Op.BleUn => unordered
                ? Comparison(Builtin.gt, type, left, right).Negated() : Comparison(Builtin.le, UnsignedOf(type), left, right),
            _ => unordered ? Comparison(Builtin.ge, type, left, right).Negated() : Comparison(Builtin.lt, UnsignedOf(type), left, right),
        };
    }

    /// <summary>A symbolic bool as a condition; a symbolic number is none.</summary>
    private Deferred? AsCondition(Value value) => !value.IsSymbol ? null
        : value.Symbol is Deferred { IsComparison: true } comparison ? comparison
        : value.Symbol.type == typeof(bool) ? Comparison(Builtin.ne, typeof(bool), value, Value.Of(0))
        : null;

    private Deferred Comparison(Builtin operation, Type type, Value left, Value right)
        => new(this, operation, type, typeof(bool), left, right);

    private Value SymbolicConversion(Proxy symbol, Cil.Conversion conversion)
    {
        var source = symbol.type.IsEnum ? Enum.GetUnderlyingType(symbol.type) : symbol.type;
        var target = conversion.Target;
        // Integers on the stack have no sign: the instruction reads one into them. conv.u8 and conv.u of an int32 extend with zeros, all
        // others with the sign.
        var zeros = conversion.Unsigned || (!conversion.Overflow && (target == typeof(ulong) || target == typeof(nuint)));
        var read = zeros ? UnsignedOf(StackType(source)) : StackType(source);
        if ((source == target && (read == source || !conversion.Overflow))
            || (symbol is Deferred && !symbol.type.IsEnum && IsDeferredLength(Value.Of(symbol))
                && (target == typeof(int) || target == typeof(long))))
            return Value.Of(symbol);
        var signMatters = conversion.Overflow || IsFloating(target) || (SizeOf(target) == 8 && StackType(source) == typeof(int));
        var argument = !signMatters || read == source || IsFloating(source) || Widens(source, read)
            ? symbol.Argument : new ConvertArgument(symbol.Argument, read, false);
        return Value.Of(new Proxy(new ConvertArgument(argument, target, conversion.Overflow), target));
    }

    /// <summary>Whether a small integer has the same value as an int: signed ones have, unsigned ones have as uint too.</summary>
    private static bool Widens(Type source, Type read) => Type.GetTypeCode(source) switch
    {
        TypeCode.Boolean or TypeCode.Char or TypeCode.Byte or TypeCode.UInt16 => true,
        TypeCode.SByte or TypeCode.Int16 => read == typeof(int),
        _ => false,
    };

    /// <summary>A symbol read as a number of another type, as when a slot of <c>int</c> held a <c>long</c>'s tag.</summary>
    private static Value Converted(Proxy symbol, Type type)
        => Value.Of(symbol.type == type || symbol.type.IsEnum
            || symbol is Deferred ? symbol : new Proxy(new ConvertArgument(symbol.Argument, type, false), type));

    /// <summary>
    /// The type in which CIL computes on two operands (ECMA-335 III.1.5): small integers as int, and signs are the instruction's.
    /// </summary>
    private static Type OperandType(Value left, Value right)
    {
        var (a, b) = (TypeOf(left), TypeOf(right));
        if (a is { IsEnum: true } || b is { IsEnum: true })
            return a is { IsEnum: true } ? a : b!;
        if ((a ?? b) == typeof(bool) && (b ?? a) == typeof(bool))
            return typeof(bool);
        if (IsFlag(left, b) || IsFlag(right, a))
            return typeof(bool);
        (a, b) = (StackType(a ?? b!), StackType(b ?? a!));
        return a == typeof(double) || b == typeof(double) ? typeof(double) : a == typeof(long) || b == typeof(long) ? typeof(long) : a;

        static bool IsFlag(Value value, Type? other) => other == typeof(bool) && value.Kind == ValueKind.Int32 && value.Int32 is 0 or 1;
    }

    /// <summary>The type of a number or symbol; null for an object.</summary>
    private static Type? TypeOf(Value value) => value.Kind switch
    {
        ValueKind.Symbol => value.Symbol.type,
        ValueKind.Int32 => typeof(int),
        ValueKind.Int64 => typeof(long),
        ValueKind.NativeInt => typeof(nint),
        ValueKind.Single => typeof(float),
        ValueKind.Double => typeof(double),
        _ => null,
    };

    /// <summary>The type that a number has on CIL's stack (ECMA-335 III.1.1.1); of a native integer the 64 bits.</summary>
    private static Type StackType(Type type) => Type.GetTypeCode(type) switch
    {
        TypeCode.Boolean or TypeCode.Char or TypeCode.SByte or TypeCode.Byte or TypeCode.Int16 or TypeCode.UInt16
            or TypeCode.UInt32 => typeof(int),
        TypeCode.UInt64 => typeof(long),
        _ when type == typeof(nint) || type == typeof(nuint) => typeof(long),
        _ => type,
    };

    private static Type UnsignedOf(Type type)
        => type == typeof(int) ? typeof(uint) : type == typeof(long) ? typeof(ulong) : type.IsEnum ? UnsignedOf(StackType(type)) : type;

    private static bool IsFloating(Type type) => type == typeof(float) || type == typeof(double);

    private static bool IsZero(Value value) => value.IsInteger && value.Int64 == 0;
}

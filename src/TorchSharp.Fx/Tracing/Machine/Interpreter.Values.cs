using System.Reflection;
using System.Runtime.CompilerServices;

namespace TorchSharp.Fx.Tracing;

/// <summary>Between the interpreter's slots and real memory: conversions, fields and array elements.</summary>
internal sealed partial class Interpreter
{
    /// <summary>The real object that stands for a value where code of type <paramref name="type"/> sees it.</summary>
    internal object? ToObject(Value value, Type type)
    {
        if (type.IsByRef)
            type = type.GetElementType()!;
        switch (value.Kind)
        {
            case ValueKind.Object:
                return value.Reference;
            case ValueKind.Struct:
                return value.Reference is Proxy proxy && type != typeof(object)
                    ? Written(proxy, Nullable.GetUnderlyingType(type) ?? type) : value.Copy().Reference;
            case ValueKind.Single:
                return Underlying(type) == typeof(double) ? (object)(double)value.Single : value.Single;
            case ValueKind.Double:
                return Underlying(type) == typeof(float) ? (object)(float)value.Double : value.Double;
            case ValueKind.Symbol:
                return type == typeof(object) || type.IsInterface ? value.Symbol : Written(value.Symbol, Underlying(type));
            case ValueKind.Address:
                return ToObject(value.Address.Load(), type);
            default:
                return Integer(value, Underlying(type));
        }
    }

    /// <summary>A real object as the value that a slot holds.</summary>
    internal Value ToValue(object? real, Type type)
    {
        if (type.IsByRef)
            type = type.GetElementType()!;
        if (!type.IsValueType)
            return Value.OfObject(Seen(real));
        if (StructLayout.IsNullable(type))
            return Value.OfStruct(real);
        if (type.IsEnum && Symbols.TryRead((Enum)real!, out var named))
            return Value.Of(named);
        if (type.IsEnum)
            return ToValue(System.Convert.ChangeType(real, Enum.GetUnderlyingType(type), null), Enum.GetUnderlyingType(type));
        return real switch
        {
            int number => Symbols.HasTags && Symbols.TryRead(number, out var symbol) ? Converted(symbol, typeof(int)) : Value.Of(number),
            long number => Symbols.HasTags && Symbols.TryRead(number, out var symbol) ? Converted(symbol, typeof(long)) : Value.Of(number),
            float number => Symbols.HasTags && Symbols.TryRead(number, out var symbol)
                ? Converted(symbol, typeof(float)) : Value.Of(number),
            double number => Symbols.HasTags && Symbols.TryRead(number, out var symbol)
                ? Converted(symbol, typeof(double)) : Value.Of(number),
            bool flag => Value.Of(flag),
            char c => Value.Of(c),
            byte number => Value.Of(number),
            sbyte number => Value.Of(number),
            short number => Value.Of(number),
            ushort number => Value.Of(number),
            uint number => Symbols.HasTags && Symbols.TryRead((int)number, out var symbol)
                ? Converted(symbol, typeof(uint)) : Value.Of((int)number),
            ulong number => Symbols.HasTags && Symbols.TryRead((long)number, out var symbol)
                ? Converted(symbol, typeof(ulong)) : Value.Of((long)number),
            nint number => Value.OfNative(number),
            nuint number => Value.OfNative((long)number),
            Proxy symbol => Value.Of(symbol),
            _ => Value.OfStruct(real),
        };
    }

    /// <summary>A field of an object, or a static one when <paramref name="target"/> is null.</summary>
    internal Value LoadField(object? target, FieldInfo field)
    {
        target = Overlay.Current(target);
        State?.IsRead(target, field);
        Look(target);
        if (Overlay.TryRead(target, field, out var written))
            return written.Copy();
        if (Symbols.TryGet(target, out var symbol))
            return RecordMember(symbol, field);
        var value = ToValue(field.GetValue(target), field.FieldType);
        return Recording is null || Recording.Marks.Field(target, field) is var reading && reading == Reading.Constant ? value
            : Part(reading, new MemberTarget(field), value, value, field.FieldType);
    }

    internal void StoreField(object? target, FieldInfo field, Value value)
    {
        target = Overlay.Current(target);
        State?.IsWritten(target, field);
        Recording?.Marks.Store(target, field, value.Mark != Reading.Constant);
        if (!Overlay.Owns(target))
        {
            Overlay.Write(target, field, value);
            return;
        }
        if (HasRoom(value, field.FieldType, out var real))
        {
            Overlay.Forget(target, field);
            field.SetValue(target, real);
        }
        else
        {
            Overlay.Write(target, field, value);
        }
    }

    /// <summary>A field of the struct in a slot: of the slot's own box, so that a write to it stays.</summary>
    internal Value LoadStructField(Value owner, FieldInfo field)
    {
        if (owner.IsSymbol)
            return RecordTupleItem(owner.Symbol, field);
        if (owner.Reference is RefStruct fields)
            return fields[field];
        if (owner.Reference is Array inline)
            return ToValue(inline.GetValue(0), field.FieldType);
        var value = ToValue(field.GetValue(owner.Reference), field.FieldType);
        return owner.Mark == Reading.Constant
            ? value : Part(owner.FieldMark(FieldNumbers.Of(field)), IsItem(field) ? GetItem : new MemberTarget(field), owner, value,
                field.FieldType);
    }

    internal Value LoadElement(Array array, int index)
    {
        array = (Array)Overlay.Current(array)!;
        var (value, element) = (array.GetValue(index), array.GetType().GetElementType()!);
        return Recording is null ? ToValue(value, element)
            : Part(Recording.Marks.Element(array, index), GetItem, Value.OfObject(array), ToValue(value, element), element);
    }

    /// <summary>An element that is copied with the others of its array: in a recorded run as in a trace, that is no operation.</summary>
    internal Value LoadSpread(Array array, int index) => Recording?.Marks.HasParts(array) is true
        ? ToValue(array.GetValue(index), array.GetType().GetElementType()!).Marked(Reading.Dependent) : LoadElement(array, index);

    internal void StoreElement(Array array, int index, Value value)
    {
        array = Overlay.ForChange(array);
        var element = array.GetType().GetElementType()!;
        var real = ToObject(value, element);
        if (real is not null && !element.IsValueType && !element.IsInstanceOfType(real))
            throw ProgramFault.Raise(new ArrayTypeMismatchException());
        array.SetValue(real, index);
        if (Recording is null)
            return;
        Tell(value.Length);
        Recording.Marks.Store(array, index, value.Mark != Reading.Constant);
    }

    private Value LoadFieldOf(Value owner, FieldInfo field) => owner.Kind switch
    {
        ValueKind.Object => LoadField(owner.Reference ?? throw ProgramFault.Raise(new NullReferenceException()), field),
        ValueKind.Address => owner.Address.Load() is { Kind: ValueKind.Object } held
            ? LoadField(held.Reference, field) : LoadStructField(owner.Address.Load(), field).Copy(),
        _ => LoadStructField(owner, field),
    };

    private void StoreFieldOf(Value owner, FieldInfo field, Value value)
    {
        if (owner.Kind == ValueKind.Address)
            owner.Address.Field(this, field).Store(value);
        else
            StoreField(owner.Reference ?? throw ProgramFault.Raise(new NullReferenceException()), field, value);
    }

    private Value FieldAddress(Value owner, FieldInfo field) => Value.Of(owner.Kind == ValueKind.Address
        ? owner.Address.Field(this, field)
        : new Address.ObjectField(this, owner.Reference ?? throw ProgramFault.Raise(new NullReferenceException()), field));

    private void Store(Value address, Value value) => address.Address.Store(value);

    /// <summary>Small integers are kept in their width (ECMA-335 I.12.1).</summary>
    private static Value Narrow(Value value, Type type) => value.Kind != ValueKind.Int32 ? value : InWidth(value, type).MarkedAs(value);

    private static Value InWidth(Value value, Type type) => Type.GetTypeCode(type) switch
    {
        TypeCode.SByte => Value.Of((sbyte)value.Int32),
        TypeCode.Byte or TypeCode.Boolean => Value.Of((byte)value.Int32),
        TypeCode.Int16 => Value.Of((short)value.Int32),
        TypeCode.UInt16 or TypeCode.Char => Value.Of((ushort)value.Int32),
        _ => value,
    };

    private bool HasRoom(Value value, Type type, out object? real)
    {
        if (value.IsSymbol && type != typeof(object) && !type.IsInterface)
        {
            real = value.Symbol.type.IsPrimitive || value.Symbol.type.IsEnum
                ? Symbols.Tag(value.Symbol, Underlying(type)) : Written(value.Symbol, type);
            return real is not null;
        }
        real = ToObject(value, type);
        return true;
    }

    /// <summary>
    /// A symbol in real memory: a tag for a number, a struct with the items or fields read out for a tuple or a struct of the user's.
    /// </summary>
    private object Written(Proxy symbol, Type type)
    {
        if (symbol is Deferred && type == typeof(bool))
            return ToObject(Specialise(symbol) ?? throw Untraceable.NoRoom(this, symbol, type), type)!;
        if (type.IsValueType && !type.IsEnum
            && (typeof(System.Runtime.CompilerServices.ITuple).IsAssignableFrom(type) || Homes.Of(type) == Home.User))
        {
            var boxed = RuntimeHelpers.GetUninitializedObject(type);
            foreach (var field in StructLayout.FieldsOf(type))
                field.SetValue(boxed, ToObject(RecordTupleItem(symbol, field), field.FieldType));
            return boxed;
        }
        return Symbols.Tag(symbol, type) ?? ToObject(Specialise(symbol) ?? throw Untraceable.NoRoom(this, symbol, type), type)!;
    }

    private static object Integer(Value value, Type type)
    {
        var bits = value.Int64;
        if (type.IsEnum)
            return Enum.ToObject(type, Integer(value, Enum.GetUnderlyingType(type)));
        return Type.GetTypeCode(type) switch
        {
            TypeCode.Boolean => (byte)bits != 0,
            TypeCode.Char => (char)bits,
            TypeCode.SByte => (sbyte)bits,
            TypeCode.Byte => (byte)bits,
            TypeCode.Int16 => (short)bits,
            TypeCode.UInt16 => (ushort)bits,
            TypeCode.Int32 => (int)bits,
            TypeCode.UInt32 => (uint)bits,
            TypeCode.Int64 => bits,
            TypeCode.UInt64 => (ulong)bits,
            _ when type == typeof(nuint) => (nuint)bits,
            _ when type == typeof(nint) => (nint)bits,
            _ => value.Kind switch { ValueKind.Int32 => (int)bits, ValueKind.Int64 => bits, _ => (object)(nint)bits },
        };
    }

    private static Type Underlying(Type type) => Nullable.GetUnderlyingType(type) ?? type;
}

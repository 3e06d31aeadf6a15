using System.Runtime.CompilerServices;

namespace TorchSharp.Fx.Tracing;

/// <summary>The value of a slot in the interpreted program: CIL's stack types (ECMA-335 I.12.3.2), and symbols.</summary>
internal enum ValueKind : byte
{
    /// <summary>An object reference or null. A symbolic tensor is one of these: see <see cref="Symbols"/>.</summary>
    Object,
    /// <summary>int32; also bool, char and the small integers and enums.</summary>
    Int32,
    Int64,
    NativeInt,
    Single,
    Double,
    /// <summary>
    /// A boxed struct that belongs to this slot alone; a model for the structs that can't be boxed (<see cref="SpanModel"/>).
    /// </summary>
    Struct,
    /// <summary>A managed pointer: an <see cref="Tracing.Address"/>.</summary>
    Address,
    /// <summary>A number, bool, enum or tuple that depends on an input: a <see cref="Proxy"/>.</summary>
    Symbol,
}

/// <summary>One value of the interpreted program.</summary>
internal readonly struct Value
{
    private readonly object? reference;
    private readonly long bits;

    private Value(ValueKind kind, object? reference, long bits) => (Kind, this.reference, this.bits) = (kind, reference, bits);

    internal ValueKind Kind { get; }

    internal static Value Null => default;

    /// <summary>
    /// How a trace would have come to this number, or to the parts of this struct, in a recorded run: a number's mark takes the place of
    /// its reference, a struct's that of its bits, with the fields that it is of above.
    /// </summary>
    internal Reading Mark => Kind switch
    {
        ValueKind.Struct => (Reading)(bits & ReadingBits),
        ValueKind.Object or ValueKind.Address or ValueKind.Symbol => Reading.Constant,
        _ => reference is null ? Reading.Constant : Reading.Dependent,
    };

    private const int ReadingBits = 3;
    private const int FirstField = 2;

    private static readonly object NumberMark = new();

    /// <summary>The same with a mark.</summary>
    internal Value Marked(Reading mark) => mark == Reading.Constant ? this : Kind switch
    {
        ValueKind.Struct => new(Kind, reference, (long)mark),
        ValueKind.Object or ValueKind.Address or ValueKind.Symbol => this,
        _ => new(Kind, NumberMark, bits),
    };

    /// <summary>A number that is an array's length, whose reading hasn't been told yet.</summary>
    internal Value Marked(UntoldLength length) => new(Kind, length, bits);

    /// <summary>The length that a number is, in a recorded run; null for others.</summary>
    internal UntoldLength? Length
        => Kind is ValueKind.Object or ValueKind.Address or ValueKind.Symbol or ValueKind.Struct ? null : reference as UntoldLength;

    /// <summary>A number with the mark of the one that it was converted from.</summary>
    internal Value MarkedAs(Value other) => other.Length is { } length ? Marked(length) : Marked(other.Mark);

    /// <summary>A struct of which one field is marked, or is no more.</summary>
    internal Value WithField(int number, bool isMarked)
    {
        // What an operation gave, or .NET's own code made, is marked as a whole.
        if (number + FirstField > 62 || (Mark != Reading.Constant && bits >> FirstField == 0))
            return isMarked ? Marked(Reading.Dependent) : this;
        var fields = isMarked ? bits | (1L << (number + FirstField)) : bits & ~(1L << (number + FirstField));
        fields &= ~(long)ReadingBits;
        return new(Kind, reference, fields == 0 ? 0 : fields | (long)Reading.Dependent);
    }

    /// <summary>How a field of a struct is read.</summary>
    internal Reading FieldMark(int number) => bits >> FirstField == 0 || (bits >> (number + FirstField) & 1) == 1 ? Mark : Reading.Constant;

    /// <summary>A number without its mark.</summary>
    internal Value Plain
        => Kind is ValueKind.Object or ValueKind.Address or ValueKind.Symbol or ValueKind.Struct ? this : new(Kind, null, bits);

    internal object? Reference => reference;

    internal int Int32 => (int)bits;

    internal long Int64 => bits;

    internal float Single => BitConverter.Int32BitsToSingle((int)bits);

    internal double Double => BitConverter.Int64BitsToDouble(bits);

    internal Address Address => (Address)reference!;

    internal Proxy Symbol => (Proxy)reference!;

    internal bool IsSymbol => Kind == ValueKind.Symbol;

    internal bool IsInteger => Kind is ValueKind.Int32 or ValueKind.Int64 or ValueKind.NativeInt;

    internal static Value Of(int value) => new(ValueKind.Int32, null, value);

    internal static Value Of(bool value) => new(ValueKind.Int32, null, value ? 1 : 0);

    internal static Value Of(long value) => new(ValueKind.Int64, null, value);

    internal static Value OfNative(long value) => new(ValueKind.NativeInt, null, value);

    internal static Value Of(float value) => new(ValueKind.Single, null, BitConverter.SingleToInt32Bits(value));

    internal static Value Of(double value) => new(ValueKind.Double, null, BitConverter.DoubleToInt64Bits(value));

    internal static Value OfObject(object? value) => new(ValueKind.Object, value, 0);

    internal static Value OfStruct(object? boxed) => new(ValueKind.Struct, boxed, 0);

    internal static Value Of(Address address) => new(ValueKind.Address, address, 0);

    internal static Value Of(Proxy symbol) => new(ValueKind.Symbol, symbol, 0);

    /// <summary>The value for a second slot: a struct is copied, so that no two slots share one.</summary>
    internal Value Copy() => Kind == ValueKind.Struct && reference is not null
        ? new(Kind, reference switch { Array inline => inline.Clone(), RefStruct fields => fields.Copy(),
            _ => RuntimeHelpers.GetObjectValue(reference) }, bits)
        : this;

    public override string ToString() => Kind switch
    {
        ValueKind.Int32 or ValueKind.Int64 or ValueKind.NativeInt => $"{Kind} {bits}",
        ValueKind.Single => $"Single {Single}",
        ValueKind.Double => $"Double {Double}",
        _ => $"{Kind} {reference ?? "null"}",
    };
}

using System.Reflection;
using System.Runtime.CompilerServices;

namespace TorchSharp.Fx.Tracing;

/// <summary>Pointers into memory that <c>stackalloc</c> gave; all others are refused.</summary>
internal sealed partial class Interpreter
{
    /// <summary>As much as a thread's stack has room for, more or less: who asks for more is lost outside of a trace too.</summary>
    private const int MostOnStack = 1 << 20;

    private Value Allocate(Value size)
    {
        size = Known(size);
        if (size.IsSymbol)
            size = Specialise(size.Symbol) ?? size;
        return size.IsInteger && size.Int64 is >= 0 and <= MostOnStack
            ? Value.Of(new Address.Pointer(this, new StackMemory((int)size.Int64), 0))
            : throw Untraceable.Instruction(this, Op.Localloc);
    }

    /// <summary>An address that can be read and written as a value of the type.</summary>
    private Address Place(Value address, Type type, Op op)
    {
        if (address.Address is not Address.Pointer pointer)
            return address.Address;
        return Elements(pointer, type, forSpan: false, out var index) is { } array && index >= 0 && index < array.Length
            ? new Address.Element(this, array, index)
            : throw Untraceable.Instruction(this, op);
    }

    /// <summary><c>new Span&lt;T>(pointer, length)</c>; null where the memory can't be that.</summary>
    internal Value? SpanOver(Address.Pointer pointer, Type element, int length)
        => Elements(pointer, element, forSpan: true, out var index) is { } array && index >= 0 && length >= 0
            && length <= array.Length - index
            ? Value.OfStruct(SpanModel.Over(array, index, length))
            : null;

    private Array? Elements(Address.Pointer pointer, Type type, bool forSpan, out int index)
    {
        index = 0;
        if (!type.IsPrimitive || pointer.Offset % SizeOf(type) != 0)
            return null;
        index = (int)(pointer.Offset / SizeOf(type));
        return pointer.Memory.As(this, type, forSpan);
    }

    /// <summary>A pointer and a number of bytes.</summary>
    private Value Moved(Op op, Value left, Value right) => (op, left.Reference, right.Reference) switch
    {
        (Op.Add, Address.Pointer pointer, null)
            when right.IsInteger => Value.Of(new Address.Pointer(this, pointer.Memory, pointer.Offset + right.Int64)),
        (Op.Add, null, Address.Pointer pointer)
            when left.IsInteger => Value.Of(new Address.Pointer(this, pointer.Memory, pointer.Offset + left.Int64)),
        (Op.Sub, Address.Pointer pointer, null)
            when right.IsInteger => Value.Of(new Address.Pointer(this, pointer.Memory, pointer.Offset - right.Int64)),
        _ => throw Untraceable.Instruction(this, op),
    };

    /// <summary>
    /// cpblk as the C# compiler writes it for <c>stackalloc[] { 1, 2, 3 }</c>: the numbers are the data of a static field, or of a span
    /// over it.
    /// </summary>
    private void CopyBlock(Value target, Value source, Value size)
    {
        var data = source.Reference switch
        {
            Address.Element { Index: 0, Array: var numbers } when numbers.GetType().GetElementType()!.IsPrimitive => numbers,
            Address.ObjectField { Member: { IsStatic: true } field } => DataOf(field),
            _ => throw Untraceable.Instruction(this, Op.Cpblk),
        };
        if (target.Reference is not Address.Pointer { Offset: 0 } pointer
            || pointer.Memory.As(this, typeof(byte), forSpan: false) is not { } bytes
            || size.Int64 != bytes.Length || size.Int64 > Buffer.ByteLength(data))
            throw Untraceable.Instruction(this, Op.Cpblk);
        Buffer.BlockCopy(data, 0, bytes, 0, bytes.Length);
    }

    private static byte[] DataOf(FieldInfo field)
    {
        var bytes = new byte[SizeOf(field.FieldType)];
        RuntimeHelpers.InitializeArray(bytes, field.FieldHandle);
        return bytes;
    }
}

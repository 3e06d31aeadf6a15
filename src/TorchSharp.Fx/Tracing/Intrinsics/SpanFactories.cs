using System.Collections;
using System.Reflection;
using System.Runtime.CompilerServices;

namespace TorchSharp.Fx.Tracing;

/// <summary>Where spans come from, and what the C# compiler makes of collection expressions and array literals.</summary>
internal static class SpanFactories
{
    private const string Compiled = "<PrivateImplementationDetails>.";

    internal static Dictionary<string, CallHandler> Table { get; } = new()
    {
        ["System.MemoryExtensions.AsSpan"] = AsSpan,
        ["System.MemoryExtensions.SequenceEqual"] = SequenceMembers.AreEqual,
        ["System.Runtime.InteropServices.CollectionsMarshal.AsSpan"] = OverList,
        ["System.Memory`1.get_Span"] = OverMemory,
        ["System.Runtime.InteropServices.MemoryMarshal.CreateSpan"] = OverReference,
        ["System.Runtime.InteropServices.MemoryMarshal.CreateReadOnlySpan"] = OverReference,
        [Compiled + "InlineArrayAsSpan"] = OverInlineArray,
        [Compiled + "InlineArrayAsReadOnlySpan"] = OverInlineArray,
        [Compiled + "InlineArrayElementRef"] = InlineElement,
        [Compiled + "InlineArrayElementRefReadOnly"] = InlineElement,
        [Compiled + "InlineArrayFirstElementRef"] = InlineElement,
        [Compiled + "InlineArrayFirstElementRefReadOnly"] = InlineElement,
        ["System.Runtime.CompilerServices.Unsafe.Add"] = AddToReference,
        ["System.Runtime.CompilerServices.Unsafe.As"] = AsReference,
        ["System.Runtime.CompilerServices.Unsafe.AsRef"] = (in Invocation call) => call.Arguments[0].Kind == ValueKind.Address
            ? call.Arguments[0] : null,
        ["System.Runtime.CompilerServices.RuntimeHelpers.InitializeArray"] = InitializeArray,
        ["System.Runtime.CompilerServices.RuntimeHelpers.CreateSpan"] = CreateSpan,
        ["System.Runtime.CompilerServices.RuntimeHelpers.GetSubArray"] = GetSubArray,
    };

    /// <summary>A span over what lies at an address: elements of an array, or one variable.</summary>
    internal static Value? OverAddress(Interpreter interpreter, Address address, int length) => address switch
    {
        Address.Element element => Value.OfStruct(SpanModel.Over(element.Array, element.Index, length)),
        _ when address.Load().Reference is Array inline
            && address.Load().Kind == ValueKind.Struct => Value.OfStruct(SpanModel.Over(inline, 0, length)),
        _ when length == 1 => OneElement(interpreter, address),
        _ => null,
    };

    /// <summary>A span over bytes in the assembly itself, as C# writes <c>"text"u8</c> and literals of bytes.</summary>
    internal static Value? OverData(Type element, Address address, int length)
    {
        if (address is not Address.ObjectField { Member: { IsStatic: true } data } || !data.Attributes.HasFlag(FieldAttributes.HasFieldRVA))
            return null;
        var array = Array.CreateInstance(element, length);
        RuntimeHelpers.InitializeArray(array, data.FieldHandle);
        return Value.OfStruct(SpanModel.Over(array, 0, length));
    }

    /// <summary>
    /// A read-only span of one: the C# compiler makes it of a temporary that nothing writes afterwards, so a copy serves.
    /// </summary>
    private static Value OneElement(Interpreter interpreter, Address address)
    {
        var array = Array.CreateInstance(address.Type, 1);
        interpreter.Overlay.Own(array);
        interpreter.StoreElement(array, 0, address.Load());
        return Value.OfStruct(SpanModel.Over(array, 0, 1));
    }

    private static Value? AsSpan(in Invocation call)
    {
        var interpreter = call.Interpreter;
        var whole = SpanMembers.Over(interpreter, call.Arguments[0]);
        var span = SpanMembers.Of(whole);
        return call.Arguments.Length switch
        {
            1 => whole,
            2 or 3 when call.Arguments[1].IsSymbol
                || (call.Arguments.Length == 3 && call.Arguments[2].IsSymbol) =>
                    AsSpan(call with { Arguments = Array.ConvertAll(call.Arguments, argument => Known(interpreter, argument)) }),
            2 when call.Arguments[1].Kind == ValueKind.Int32
                && !span.IsSymbolic => Value.OfStruct(span.Slice(call.Arguments[1].Int32, span.Length - call.Arguments[1].Int32)),
            3 when !span.IsSymbolic => Value.OfStruct(span.Slice(call.Arguments[1].Int32, call.Arguments[2].Int32)),
            2 or 3 when span.IsSymbolic =>
                AsSpan(call with { Arguments = [call.Interpreter.Walked(call.Arguments[0], isChanged: true), .. call.Arguments[1..]] }),
            _ => null,
        };
    }

    private static Value Known(Interpreter interpreter, Value number)
        => number.IsSymbol ? interpreter.Specialise(number.Symbol) ?? throw Untraceable.SymbolicIndex(interpreter, number.Symbol) : number;

    private static Value? OverList(in Invocation call)
    {
        var list = call.Arguments[0].Reference is { } given ? call.Interpreter.Overlay.ForChange(given) : null;
        if (list is null)
            return StructLayout.Zero(call.Traits.ReturnType);
        var items = (Array)list.GetType().GetField("_items", BindingFlags.Instance | BindingFlags.NonPublic)!.GetValue(list)!;
        if (call.Interpreter.Overlay.Owns(list))
            call.Interpreter.Overlay.Own(items);
        return Value.OfStruct(SpanModel.Over(items, 0, ((ICollection)list).Count));
    }

    /// <summary>Of an array; other memory is asked for what it holds.</summary>
    private static Value? OverMemory(in Invocation call)
    {
        if (call.Arguments[0].Address.Load().Reference is not { } memory || Field("_object") is not Array array)
            return null;
        return Value.OfStruct(SpanModel.Over(array, (int)Field("_index")!, (int)Field("_length")!));

        object? Field(string name) => memory.GetType().GetField(name, BindingFlags.Instance | BindingFlags.NonPublic)!.GetValue(memory);
    }

    private static Value? OverReference(in Invocation call)
        => call.Arguments[1].IsSymbol ? null : OverAddress(call.Interpreter, call.Arguments[0].Address, call.Arguments[1].Int32);

    private static Value? OverInlineArray(in Invocation call)
        => Value.OfStruct(SpanModel.Over(Inline(call), 0, call.Arguments[1].Int32));

    private static Value? InlineElement(in Invocation call)
        => Value.Of(new Address.Element(call.Interpreter, Inline(call), call.Arguments.Length == 2 ? call.Arguments[1].Int32 : 0));

    private static Array Inline(in Invocation call)
    {
        var inline = (Array)call.Arguments[0].Address.Load().Reference!;
        call.Interpreter.Overlay.Own(inline);
        return inline;
    }

    private static Value? AddToReference(in Invocation call)
        => call.Arguments[0] is { Kind: ValueKind.Address, Reference: Address.Element element } && call.Arguments[1].IsInteger
            ? Value.Of(new Address.Element(call.Interpreter, element.Array, element.Index + (int)call.Arguments[1].Int64))
            : null;

    /// <summary>The reference to an inline array's first element; the object itself for the cast of a class.</summary>
    private static Value? AsReference(in Invocation call)
    {
        if (call.Arguments[0].Kind == ValueKind.Object)
            return call.Arguments[0];
        if (call.Arguments[0].Address.Load() is not { Kind: ValueKind.Struct, Reference: Array inline })
            return null;
        call.Interpreter.Overlay.Own(inline);
        return Value.Of(new Address.Element(call.Interpreter, inline, 0));
    }

    private static Value? InitializeArray(in Invocation call)
    {
        if (call.Arguments[1].Reference is not Interpreter.FieldToken token)
            return null;
        RuntimeHelpers.InitializeArray((Array)call.Arguments[0].Reference!, token.Field.FieldHandle);
        return default(Value);
    }

    private static Value? CreateSpan(in Invocation call)
    {
        if (call.Arguments[0].Reference is not Interpreter.FieldToken token)
            return null;
        var element = call.Method.GetGenericArguments()[0];
        var array = Array.CreateInstance(element, Interpreter.SizeOf(token.Field.FieldType) / Interpreter.SizeOf(element));
        RuntimeHelpers.InitializeArray(array, token.Field.FieldHandle);
        return Value.OfStruct(SpanModel.Over(array, 0, array.Length));
    }

    /// <summary><c>array[range]</c></summary>
    private static Value? GetSubArray(in Invocation call)
    {
        var interpreter = call.Interpreter;
        if (interpreter.Symbols.TryGet(call.Arguments[0].Reference, out var symbol))
            return interpreter.RecordItem(symbol, interpreter.ToArgument(call.Arguments[1].Reference),
                call.Arguments[0].Reference!.GetType());
        call.Arguments[1] = interpreter.Used(call.Arguments[1], Use.Look, call.Method);
        var array = (Array)interpreter.Overlay.Current(call.Arguments[0].Reference
            ?? throw ProgramFault.Raise(new NullReferenceException()))!;
        if (Interpreter.SliceRecorded(call, array) is { } recorded)
            return recorded;
        var range = (Range)call.Arguments[1].Reference!;
        var (offset, length) = ProgramFault.Of(() => range.GetOffsetAndLength(array.Length));
        var copy = SpanModel.Over(array, offset, length).ToArray();
        interpreter.Overlay.Own(copy);
        return Value.OfObject(copy);
    }
}

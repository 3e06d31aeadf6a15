using System.Reflection;
using System.Runtime.CompilerServices;

namespace TorchSharp.Fx.Tracing;

/// <summary>Objects, casts, boxes and arrays.</summary>
internal sealed partial class Interpreter
{
    private Value NewObject(Frame f, Cil.CallSite site)
    {
        var constructor = (ConstructorInfo)site.Method;
        var type = constructor.DeclaringType!;
        var arguments = f.Pop(site.ArgumentCount);
        if (typeof(Delegate).IsAssignableFrom(type))
            return Value.OfObject(Recording is null
                ? Delegates.Plain(Delegates.Create(this, type, arguments[0].Reference, (MethodInfo)arguments[1].Reference!))
                : Delegates.Real(type, arguments[0].Reference, (MethodInfo)arguments[1].Reference!));
        if (Intrinsics.TryConstruct(this, constructor, arguments, out var model))
            return model;
        return Construct(constructor, arguments);
    }

    /// <summary>Makes an object: the user's own by interpreting the constructor, all others by running it.</summary>
    internal Value Construct(ConstructorInfo constructor, Value[] arguments)
    {
        var type = constructor.DeclaringType!;
        var isReal = typeof(Exception).IsAssignableFrom(type) || typeof(torch.nn.Module).IsAssignableFrom(type);
        // How many elements a list is to have room for is only a hint.
        if (arguments is [{ IsSymbol: true }] && type.IsGenericType && type.GetGenericTypeDefinition() == typeof(List<>))
            return Construct(type.GetConstructor(Type.EmptyTypes)!, []);
        if (Traits.Of(constructor).Home != Home.User
            || (isReal && !arguments.Any(argument => DependsOnInput(argument) || Texts.IsSymbolic(argument.Reference))))
        {
            if (Recording is not null)
                return RecordedCalls.Construct(new(this, constructor, arguments),
                    () => ToValue(HostCall(constructor, null, arguments, null), type));
            if (TensorOperations.Construct(new(this, constructor, arguments)) is { } recorded)
                return recorded;
            Value[] prepared = [default, .. arguments];
            var uses = TensorOperations.OnlyCarries(constructor) ? [] : HostCode.Prepare(new(this, constructor, prepared));
            HostState.Guard(new(this, constructor, prepared));
            var made = HostCall(constructor, null, prepared[1..], uses);
            Overlay.Own(made!);
            if (made is Random && arguments.Length == 0)
                unseeded.Add(made);
            return ToValue(made, type);
        }
        if (type.IsByRefLike)
        {
            Value[] slot = [StructLayout.Zero(type)];
            Run(constructor, [Value.Of(new Address.Slot(slot, 0, type)), .. arguments]);
            return slot[0];
        }
        var target = RuntimeHelpers.GetUninitializedObject(type);
        Overlay.Own(target);
        var self = type.IsValueType ? Value.Of(new Address.Box(target)) : Value.OfObject(target);
        Run(constructor, [self, .. arguments]);
        return type.IsValueType ? Value.OfStruct(target) : Value.OfObject(target);
    }

    private Value CastClass(Value value, Type type)
    {
        if (value.Reference is null
            || (value.Kind == ValueKind.Object && (type.IsInstanceOfType(value.Reference) || value.Reference is Proxy)))
            return value;
        if (MayBe(value, type, out var symbol))
            return Told(symbol, type);
        throw ProgramFault.Raise(
            new InvalidCastException($"Unable to cast object of type '{value.Reference.GetType()}' to type '{type}'."));
    }

    private Value IsInstance(Value value, Type type) => value.Reference switch
    {
        _ when MayBe(value, Nullable.GetUnderlyingType(type) ?? type, out var unknown) => throw Untraceable.TypeTest(this, unknown, type),
        Proxy boxed => (Nullable.GetUnderlyingType(type) ?? type).IsAssignableFrom(boxed.type) ? value : Value.Null,
        { } real when (Nullable.GetUnderlyingType(type) ?? type).IsInstanceOfType(real) => value,
        _ => Value.Null,
    };

    private Value Box(Value value, Type type)
    {
        if (!type.IsValueType)
            return value;
        if (value.IsSymbol)
            return Value.OfObject(InType(Boxed(value.Symbol, type), Underlying(type)));
        if (StructLayout.IsNullable(type))
            return Value.OfObject(value.Reference is Proxy held ? InType(held, Nullable.GetUnderlyingType(type)!) : value.Reference);
        if (type.IsByRefLike)
            throw Untraceable.Instruction(this, Op.Box);
        var boxed = ToObject(value, type)!;
        Overlay.Own(boxed);
        return Value.OfObject(boxed);
    }

    /// <summary>A number in a box has the type of the box.</summary>
    private static Proxy InType(Proxy symbol, Type type)
        => symbol.type == type || symbol is Deferred || !HoldsNumber(symbol.type) || !HoldsNumber(type)
            ? symbol : new Proxy(new ConvertArgument(symbol.Argument, type, false), type);

    /// <summary>A nullable is boxed as what it holds, or as null.</summary>
    private Proxy Boxed(Proxy symbol, Type type)
    {
        if (!StructLayout.IsNullable(type))
            return symbol;
        AssertPresent(symbol);
        return new Proxy(symbol.Argument, Underlying(type));
    }

    private Value Unbox(Value value, Type type)
    {
        if (value.Reference is Proxy symbol)
            return Value.Of(new Address.Slot([Value.Of(symbol)], 0, type));
        if (value.Reference is null)
            throw ProgramFault.Raise(new NullReferenceException());
        return Value.Of(type.IsInstanceOfType(value.Reference)
            ? new Address.Box(Overlay.ForChange(value.Reference)!)
            : throw ProgramFault.Raise(
                new InvalidCastException($"Unable to cast object of type '{value.Reference.GetType()}' to type '{type}'.")));
    }

    private Value UnboxAny(Value value, Type type)
    {
        if (!type.IsValueType)
            return CastClass(value, type);
        if (StructLayout.IsNullable(type))
            return Value.OfStruct(IsInstance(value, type).Reference is { } held ? held : value.Reference is null
                ? null : throw ProgramFault.Raise(new InvalidCastException()));
        if (value.Reference is Proxy symbol)
            return symbol.type == type || symbol is Deferred || !SameKind(symbol.type, type)
                ? Value.Of(symbol)
                    : throw ProgramFault.Raise(
                        new InvalidCastException($"Unable to cast object of type '{symbol.type}' to type '{type}'."));
        if (value.Reference is null)
            throw ProgramFault.Raise(new NullReferenceException());
        if (MayBe(value, type, out var told))
            return UnboxAny(Told(told, type), type);
        if (!type.IsInstanceOfType(value.Reference) && !SameUnderlying(value.Reference.GetType(), type))
            throw ProgramFault.Raise(
                new InvalidCastException($"Unable to cast object of type '{value.Reference.GetType()}' to type '{type}'."));
        return ToValue(Overlay.Current(value.Reference), value.Reference.GetType()).Copy();
    }

    private static bool SameKind(Type a, Type b) => a.IsPrimitive && b.IsPrimitive;

    private static bool HoldsNumber(Type type) => type.IsPrimitive || type.IsEnum;

    /// <summary>A boxed enum may be unboxed as its number and the other way round (ECMA-335 III.4.33).</summary>
    private static bool SameUnderlying(Type a, Type b)
        => (a.IsEnum ? Enum.GetUnderlyingType(a) : a) == (b.IsEnum ? Enum.GetUnderlyingType(b) : b);

    private Value NewArray(Value length, Type element)
    {
        // A shape that is put together stays symbolic; any other array has as many elements as the model or the example says.
        // So does one that a loop fills.
        if (length.IsSymbol && !(element == typeof(torch.Tensor) && tracer.MapsAllLoops)
            && ((element != typeof(long) && element != typeof(int)) || (length.Symbol is not Deferred && IsFixed(length))))
            length = Specialise(length.Symbol) ?? length;
        if (length.IsSymbol)
            return Value.OfObject(Fresh(Sequences.New(element, length)));
        if (length.Int64 < 0)
            throw ProgramFault.Raise(new OverflowException("Arithmetic operation resulted in an overflow."));
        var array = Array.CreateInstance(element, length.Int64);
        Overlay.Own(array);
        return Value.OfObject(array);
    }

    private Array Fresh(Array made)
    {
        foreach (var loop in loops)
            loop.Made(made);
        return made;
    }

    internal Value Length(Value array)
    {
        if (Sequences.TryGet(array.Reference, out var sequence))
            return sequence.Length;
        if (Symbols.TryGet(array.Reference, out _))
            return SymbolicLength(array.Reference!);
        var real = (Array)Overlay.Current(array.Reference ?? throw ProgramFault.Raise(new NullReferenceException()))!;
        var length = Value.OfNative(real.Length);
        return Recording?.Marks.HasParts(real) is true ? length.Marked(new UntoldLength(real)) : length;
    }

    private Value LoadElementOf(Value array, Value index)
    {
        index = Known(index);
        array = Value.OfObject(Overlay.Current(array.Reference));
        Look(array.Reference);
        if (Sequences.TryGet(array.Reference, out var sequence))
            return sequence.IsComplete && IndexArgument(array.Reference!, index) is Literal { Value: int position }
                ? sequence.Item(this, position) : LoadElementOf(Walked(array, isChanged: true), index);
        if (Symbols.TryGet(array.Reference, out var symbol))
            return RecordItem(symbol, IndexArgument(array.Reference!, index), array.Reference!.GetType().GetElementType()!);
        if (Recording is not null && index.Length is { } length && length.Array != array.Reference)
            Tell(length);
        index = Indexable(index);
        return LoadElement(Elements(array, index), (int)index.Int64).Copy();
    }

    private void StoreElementOf(Value array, Value index, Value value)
    {
        array = Value.OfObject(Overlay.Current(array.Reference));
        var element = array.Reference?.GetType().GetElementType()!;
        if (Loop is { } loop && (Sequences.TryGet(array.Reference, out _) || Symbols.TryGet(array.Reference, out _))
            && loop.Knows(array.Reference!))
        {
            loop.Fill((Array)array.Reference!, index, value);
            return;
        }
        if (Symbols.TryGet(array.Reference, out var symbol) && Examples is not null && Materialise(array.Reference!) is { } elements)
        {
            NoteChange(array.Reference!, symbol!);
            array = Value.OfObject(Overlay.Replace(array.Reference!, elements));
        }
        else if (IsRewritable(array.Reference) && IndexArgument(array.Reference!, index) is Literal { Value: int position })
        {
            Parts((Array)array.Reference!).Replace(this, position, ToArgument(value, element));
            return;
        }
        else if (Sequences.TryGet(array.Reference, out var sequence))
        {
            if (Examples is null || sequence.IsNext(index))
            {
                sequence.Write(this, index, ToArgument(value, element), Value.Of(1));
                return;
            }
            array = Walked(array, isChanged: true);
        }
        else if (symbol is not null)
        {
            throw Untraceable.UnknownLength(this, symbol);
        }
        index = Indexable(index);
        StoreElement(Elements(array, index), (int)index.Int64, value);
    }

    /// <summary>
    /// Notes that the program changes a collection, if that is an input: the graph doesn't. A part of an input is another object each time
    /// that it is read, and so it can't be changed.
    /// </summary>
    internal void NoteChange(object collection, Proxy symbol)
    {
        if (Overlay.Owns(collection) || InputOf(symbol.Argument) is not { } input)
            return;
        ChangedInputs.Add(input.target.name);
        if (symbol.Argument is not NodeArgument { Node: var changed } || changed != input)
            throw Untraceable.ChangesInput(this, symbol, input);
        Overlay.Drop($"an element of the input '{input.target.name}'");
    }

    /// <summary>
    /// The input that something is, or is a part of; null for what a tensor tells of itself, which is made anew each time.
    /// </summary>
    internal static Node? InputOf(Argument argument) => argument switch
    {
        NodeArgument { Node: { op: Opcode.placeholder } input } => input,
        NodeArgument { Node: { target: FunctionTarget { Method: var told } } held }
            when told.DeclaringType == typeof(Casts) => InputOf(held.args[0]),
        NodeArgument { Node: { op: Opcode.call_function, target.name: "getitem" or "getattr" } part }
            when part.args[0] is NodeArgument { Node: var whole } && !TensorTypes.IsTensor(whole.type) => InputOf(part.args[0]),
        _ => null,
    };

    /// <summary>An index as a number.</summary>
    private Value Indexable(Value index)
    {
        index = Known(index);
        return index.IsSymbol ? Specialise(index.Symbol) ?? throw Untraceable.SymbolicIndex(this, index.Symbol) : index;
    }

    /// <summary>
    /// Whether a symbolic array's elements can be exchanged: an operation gave it, so that it belongs to the program, unlike an input.
    /// </summary>
    private bool IsRewritable(object? array)
        => Sequences.TryGet(array, out var known) ? known.IsComplete : array is Array && Symbols.TryGet(array, out var symbol)
            && symbol.node.op != Opcode.placeholder;

    /// <summary>A rewritable array as a list of parts.</summary>
    private Sequences Parts(Array array)
    {
        if (Sequences.TryGet(array, out var known))
            return known;
        Symbols.TryGet(array, out var symbol);
        Symbols.Unbind(array);
        return Sequences.Of(array, SymbolicLength(array), new SpreadArgument(symbol.Argument));
    }

    private Value ElementAddress(Value array, Value index)
        => (array = Sequences.TryGet(array.Reference, out _)
            ? Walked(array, isChanged: true) : Value.OfObject(Overlay.Current(array.Reference))) is var _
                && Symbols.TryGet(array.Reference, out var symbol)
            ? Value.Of(new Address.Slot(
                [RecordItem(symbol, IndexArgument(array.Reference!, index), array.Reference!.GetType().GetElementType()!)], 0,
                array.Reference!.GetType().GetElementType()!))
            : Indexable(index) is var at ? Value.Of(new Address.Element(this, Elements(array, at), (int)at.Int64)) : default;

    private Array Elements(Value array, Value index)
    {
        var elements = (Array)(array.Reference ?? throw ProgramFault.Raise(new NullReferenceException()));
        if ((ulong)index.Int64 >= (ulong)((Array)Overlay.Current(elements)!).LongLength)
            throw ProgramFault.Raise(new IndexOutOfRangeException());
        return elements;
    }

    /// <summary>
    /// An index into a symbolic sequence. C# writes <c>shape[^1]</c> as <c>shape[shape.Length - 1]</c>; here it becomes −1, as Python
    /// writes it.
    /// </summary>
    internal Argument IndexArgument(object sequence, Value index)
    {
        if (!index.IsSymbol)
            return new Literal(index.Int64 is >= int.MinValue and <= int.MaxValue ? (object)(int)index.Int64 : index.Int64);
        var form = LinearForm.Of(index);
        return form.IsLengthOf(sequence, out var fromEnd) && fromEnd < 0 ? new Literal((int)fromEnd) : index.Symbol.Argument;
    }

    private static Value Token(object token) => Value.OfStruct(token switch
    {
        Type type => type.TypeHandle,
        FieldInfo field => new FieldToken(field),
        MethodBase method => method.MethodHandle,
        Unresolved missing => throw ProgramFault.Raise(missing.ToException()),
        _ => throw new InvalidProgramException("ldtoken of something unknown."),
    });

    /// <summary>A field named by ldtoken: the data of an array or span literal.</summary>
    internal sealed record FieldToken(FieldInfo Field);
}

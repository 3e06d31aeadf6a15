using System.Collections;
using System.Collections.Immutable;
using System.Reflection;
using System.Runtime.CompilerServices;

namespace TorchSharp.Fx.Tracing;

/// <summary>Values of the program as arguments of the graph.</summary>
internal sealed partial class Interpreter
{
    /// <summary>
    /// Whether a value is a symbol, or holds one, or is a parameter or buffer of the model: then what is computed with it belongs into the
    /// graph.
    /// </summary>
    internal bool DependsOnInput(Value value) => value.Kind switch
    {
        ValueKind.Symbol => true,
        ValueKind.Address => DependsOnInput(value.Address.Load()),
        ValueKind.Object or ValueKind.Struct => value.Mark != Reading.Constant
            || Structures.Any(value.Reference, Recording is null ? IsOfInput : IsRecorded),
        _ => value.Mark != Reading.Constant,
    };

    private bool? IsOfInput(object part)
    {
        if (part is string or Type or torch.nn.Module or Delegate)
            return false;
        // A constant of the trace's own is still one when the graph reads it.
        if (part is Proxy
            || (Symbols.TryGet(part, out var known) && !(part is torch.Tensor && known.node.op == Opcode.get_attr && Overlay.Owns(part))))
            return true;
        return Overlay.Current(part) switch
        {
            torch.Tensor tensor => tracer.Attributes.Owns(tensor) || (!Overlay.Owns(tensor) && tracer.Attributes.Shares(tensor)),
            long number => Symbols.HasTags && IsTag(number),
            int number => Symbols.HasTags && IsTag(number),
            double number => Symbols.HasTags && Symbols.TryRead(number, out _),
            float number => Symbols.HasTags && Symbols.TryRead(number, out _),
            Enum tagged => Symbols.TryRead(tagged, out _),
            long[] numbers => Sequences.TryGet(numbers, out _) || (Symbols.HasTags && Array.Exists(numbers, IsTag)),
            Array array when array.GetType().GetElementType()!.IsPrimitive => Symbols.HasTags
                && array.Cast<object>().Any(item => IsOfInput(item) is true),
            Array array => Sequences.TryGet(array, out _) ? true : null,
            SpanModel { IsSymbolic: true } => true,
            _ => null,
        };
    }

    /// <summary>Nested values as the traced program sees them, with what it wrote to them.</summary>
    private sealed class SeenStructure(Interpreter interpreter) : Structure
    {
        protected override object? See(object? value) => interpreter.Overlay.Current(value is SpanModel span ? span.Array : value);

        protected override object? Read(object owner, FieldInfo field)
            => interpreter.Overlay.TryRead(owner, field, out var written)
                ? interpreter.ToObject(written, typeof(object)) : field.GetValue(owner);
    }

    private SeenStructure Structures => field ??= new(this);

    /// <inheritdoc cref="Structure.Any"/>
    internal bool Holds(object? value, Func<object, bool?> decide) => Structures.Any(value, decide);

    private bool IsTag(long number) => Symbols.TryRead(number, out _);

    private bool IsTag(int number) => Symbols.TryRead(number, out _);

    /// <summary>The argument that stands for a value in a node, where the callee takes a <paramref name="type"/>.</summary>
    internal Argument ToArgument(Value value, Type type) => value.Kind switch
    {
        // A flag that the program uses as a number: the type of a tensor operation's result depends on which of the two it gets.
        ValueKind.Symbol when value.Symbol.type == typeof(bool) && type.IsPrimitive
            && type != typeof(bool) => new ConvertArgument(value.Symbol.Argument, type, false),
        ValueKind.Symbol => value.Symbol.Argument,
        ValueKind.Address => ToArgument(value.Address.Load(), type.IsByRef ? type.GetElementType()! : type),
        ValueKind.Object or ValueKind.Struct => ToArgument(value.Reference),
        _ => ToArgument(ToObject(value, type.IsPrimitive || type.IsEnum || StructLayout.IsNullable(type) ? type : typeof(object))),
    };

    /// <summary>The same for a real object, whatever it holds.</summary>
    internal Argument ToArgument(object? real)
    {
        real = Overlay.Current(real);
        Look(real);
        if (real is Proxy boxed)
            return boxed.Argument;
        if (Symbols.TryGet(real, out var symbol))
            return symbol.Argument;
        return real switch
        {
            Enum tagged when Symbols.TryRead(tagged, out var named) => named.Argument,
            string text when Texts.IsSymbolic(text) => new Literal(Looked(Value.OfObject(text), TextMethod).Reference),
            null or string or bool or Enum or torch.Device => new Literal(real),
            torch.Tensor tensor => new NodeArgument(tracer.Attributes.NodeFor(this, tensor)),
            long or int or double or float => Number(real),
            Scalar scalar => new Literal(ScalarValue(scalar)),
            torch.TensorIndex index => Index(index),
            SpanModel span => ToArgument(span.IsSymbolic ? span.Array : span.ToArray()),
            Array { Rank: > 1, Length: 0 } => new Literal(real),
            Array { Rank: > 1 } rectangle => Nested(rectangle, []),
            Array array => Sequences.TryGet(array, out var sequence)
                ? sequence.ToArgument(this, array) : List(array, array.GetType().GetElementType()!, null),
            ITuple tuple => new TupleArgument([.. Enumerable.Range(0, tuple.Length).Select(i => ToArgument(tuple[i]))], real.GetType()),
            IDictionary dictionary => Dictionary(dictionary),
            IList list => List(list, ElementType(list.GetType()), list.GetType()),
            _ when Structure.KindOf(real.GetType()) == StructureKind.Collection
                && Homes.Of(real.GetType()) != Home.TorchSharp => List((IEnumerable)real, ElementType(real.GetType()), real.GetType()),
            _ when InterpretedEnumerable.IsLazy(real) => ToArgument(InterpretedEnumerable.ToArray(this, real)),
            Range range => new SliceArgument(Bound(range.Start), Bound(range.End), null),
            Index index => Bound(index) ?? new Literal(null),
            _ when real.GetType().IsPrimitive || real is Half or BFloat16 or System.Numerics.Complex or decimal => new Literal(real),
            torch.Generator => new Literal(real),
            _ when real.GetType() is var type
                && type.FullName == "TorchSharp.torch+Size" =>
                    ToArgument(((IEnumerable)real).Cast<object>().Select(System.Convert.ToInt64).ToArray()),
            _ when Homes.Of(real.GetType()) == Home.User && !typeof(Delegate).IsInstanceOfType(real)
                && real is not torch.nn.Module => Record(real),
            _ => throw Untraceable.ArgumentType(this, real.GetType()),
        };
    }

    /// <summary>
    /// The same for a value that the caller fixes: its tensors stay what they are to the program. An object that no graph writes down
    /// stands for itself.
    /// </summary>
    internal Argument ToConstant(object? real)
    {
        Symbols.IsClosed = true;
        try
        {
            return ToArgument(real);
        }
        catch (TraceException)
        {
            return new Literal(real);
        }
        finally
        {
            Symbols.IsClosed = false;
        }
    }

    private Argument Number(object number)
        => ToValue(number, number.GetType()) is { IsSymbol: true } value ? value.Symbol.Argument : new Literal(number);

    /// <summary>For an interface C# makes a class without a name of <c>[a, b]</c>: an array does as well.</summary>
    private ListArgument List(IEnumerable items, Type element, Type? collection)
        => new([.. items.Cast<object?>().Select(ToArgument)],
            element) { CollectionType = collection?.IsDefined(typeof(CompilerGeneratedAttribute), false) is true ? null : collection };

    /// <summary>
    /// An array of several dimensions as the lists of lists that Python writes; <paramref name="at"/> is the row to go on from.
    /// </summary>
    private ListArgument Nested(Array array, int[] at)
    {
        var element = array.GetType().GetElementType()!;
        var items = Enumerable.Range(0, array.GetLength(at.Length)).Select(i => (int[])[.. at, i]);
        if (at.Length == array.Rank - 1)
            return new([.. items.Select(cell => ToArgument(array.GetValue(cell)))], element);
        var row = Enumerable.Range(at.Length + 1, array.Rank - at.Length - 1).Aggregate(element, (type, _) => type.MakeArrayType());
        return new([.. items.Select(inner => Nested(array, inner))], row) { CollectionType = at.Length == 0 ? array.GetType() : null };
    }

    private DictArgument Dictionary(IDictionary dictionary)
    {
        var entries = ImmutableArray.CreateBuilder<KeyValuePair<Argument, Argument>>();
        foreach (DictionaryEntry entry in dictionary)
            entries.Add(new(ToArgument(entry.Key), ToArgument(entry.Value)));
        return new(entries.ToImmutable(), dictionary.GetType());
    }

    private ObjectArgument Record(object real)
    {
        var type = real.GetType();
        return new(type,
            [.. StructLayout.FieldsOf(type)
                .Select(field => new KeyValuePair<FieldInfo, Argument>(field, ToArgument(LoadField(real, field), field.FieldType)))]);
    }

    private Argument? Bound(Index index)
    {
        // An Index from the end holds the complement of its number, also of a tag.
        var raw = index.IsFromEnd ? ~RawIndex(index) : RawIndex(index);
        if (Symbols.HasTags && Symbols.TryRead(raw, out var symbol))
            return index.IsFromEnd
                ? RecordBuiltin(Builtin.neg, typeof(int), typeof(int), false, Value.Of(symbol), default).Argument : symbol.Argument;
        return index.IsFromEnd ? raw == 0 ? null : new Literal(-raw) : new Literal(raw);
    }

    /// <summary>A bound of a TensorIndex: it writes one from the end as a negative number, also a tag.</summary>
    private Argument Bound(long number)
        => Symbols.HasTags && number < 0 && Symbols.TryRead(-number, out var symbol)
            ? RecordBuiltin(Builtin.neg, typeof(int), typeof(int), false, Value.Of(symbol), default).Argument
            : Number(number);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_value")]
    private static extern ref int IndexValue(ref Index index);

    private static int RawIndex(Index index) => IndexValue(ref index);

    private static Type ElementType(Type collection)
        => collection.GetInterfaces()
            .FirstOrDefault(type => type.IsGenericType && type.GetGenericTypeDefinition() == typeof(IEnumerable<>))?.GenericTypeArguments[0]
                ?? typeof(object);

    private static object ScalarValue(Scalar scalar) => scalar.Type switch
    {
        torch.ScalarType.Bool => scalar.ToBoolean(),
        torch.ScalarType.Float64 or torch.ScalarType.Float32 or torch.ScalarType.Float16 or torch.ScalarType.BFloat16 => scalar.ToDouble(),
        torch.ScalarType.ComplexFloat64 or torch.ScalarType.ComplexFloat32 => scalar.ToComplexFloat64(),
        _ => scalar.ToInt64(),
    };

    private Argument Index(torch.TensorIndex index)
    {
        object? Part(string name) => TensorIndexFields[name].GetValue(index);
        Argument? Number(string name) => Part(name) is long number ? Bound(number) : null;
        return Part("kind")!.ToString() switch
        {
            "None" or "Null" => new Literal(null),
            "Ellipsis" => new EllipsisArgument(),
            "Bool" => new Literal((long)Part("startIndexOrBoolOrSingle")! != 0),
            "Single" => Number("startIndexOrBoolOrSingle")!,
            "Tensor" => ToArgument(Part("tensor")
                ?? throw ProgramFault.Raise(new NullReferenceException("The index of a tensor is a tensor that is null."))),
            _ => new SliceArgument(Number("startIndexOrBoolOrSingle"), Number("stopIndex"), Number("step")),
        };
    }

    private static readonly Dictionary<string, FieldInfo> TensorIndexFields = StructLayout.FieldsOf(typeof(torch.TensorIndex))
        .ToDictionary(field => field.Name);
}

using System.Collections;
using System.Reflection;
using System.Runtime.CompilerServices;

namespace TorchSharp.Fx.Tracing;

/// <summary>
/// The symbolic numbers, collections and texts that .NET's code could reach from a value: in arrays, structs, collections, queries and the
/// user's own objects. Tensors don't count (their content can't be read), nor does what a delegate gives (that is looked at when it gives
/// it).
/// </summary>
internal sealed class Contents(Interpreter interpreter)
{
    private static readonly Memo<Type, bool> Holders = new(MayHold);

    private HashSet<object> Seen => field ??= new(ReferenceEqualityComparer.Instance);

    private Func<object, Proxy?, object?> answer = (real, _) => real;
    private bool stopped;

    /// <summary>The first symbol that a value is or holds; null if there is none.</summary>
    internal Proxy? Find(Value value)
    {
        Proxy? found = null;
        answer = (real, symbol) =>
        {
            (found, stopped) = (found ?? symbol ?? interpreter.Texts.SymbolOf(real), true);
            return real;
        };
        Visit(value);
        return found;
    }

    /// <summary>The same value with what the example says in the place of each symbol, also within the objects that it refers to.</summary>
    internal Value Replace(Value value, Func<object, Proxy?, object?> byExample)
    {
        answer = byExample;
        return Visit(value);
    }

    private Value Visit(Value value) => value.Kind switch
    {
        ValueKind.Symbol => answer(value.Symbol, value.Symbol) is var real and not Proxy
            ? interpreter.ToValue(real, real!.GetType()) : value,
        ValueKind.Object => Visit(value.Reference) is var real && ReferenceEquals(real, value.Reference) ? value : Value.OfObject(real),
        ValueKind.Struct when value.Reference is SpanModel span => Visit(span, value),
        ValueKind.Struct => Visit(value.Reference) is var real && ReferenceEquals(real, value.Reference) ? value : Value.OfStruct(real),
        _ => value,
    };

    private Value Visit(SpanModel span, Value value)
    {
        if (span.IsSymbolic)
        {
            answer(span.Array, (span.SymbolicLength.IsSymbol ? span.SymbolicLength : span.SymbolicOffset).Symbol);
            return stopped ? value : interpreter.Walked(value, isChanged: false);
        }
        Visit(span.Array);
        return value;
    }

    private object? Visit(object? real)
    {
        real = interpreter.Overlay.Current(real);
        if (stopped || real is null or torch.Tensor)
            return real;
        switch (real)
        {
            case Proxy symbol: return answer(symbol, symbol);
            case string text: return interpreter.Texts.IsSymbolic(text) ? answer(text, null) : text;
            case long or int or double or float or uint or ulong: return interpreter.Symbols.HasTags
                && interpreter.ToValue(real, real.GetType()) is { IsSymbol: true } tag ? Same(answer(tag.Symbol, tag.Symbol), real) : real;
            case Index { IsFromEnd: true } fromEnd: return interpreter.Symbols.HasTags
                && interpreter.Symbols.TryRead(fromEnd.Value, out var end) ? answer(end, end) is IConvertible number
                    ? new Index(System.Convert.ToInt32(number, null), true) : real : real;
            case Enum tagged: return interpreter.Symbols.TryRead(tagged, out var named) ? Same(answer(named, named), real) : real;
        }
        if (interpreter.Symbols.TryGet(real, out var hollow))
            return answer(real, hollow);
        if (Sequences.TryGet(real, out var sequence))
            return answer(real, sequence.Length.IsSymbol ? sequence.Length.Symbol : null);
        if (interpreter.Texts.IsSymbolic(real))
            return answer(real, null);
        var type = real.GetType();
        if (!Holders.Of(type))
            return real;
        if (type.IsValueType)
            return VisitFields(real, type, isBox: true);
        if (!Seen.Add(real))
            return real;
        return real is Array array ? VisitItems(array) : VisitFields(real, type, isBox: false);
    }

    /// <summary>A number in the type of the place that it is read from.</summary>
    private static object? Same(object? number, object place)
        => number is Proxy ? place : place is Enum && number is not Enum
            ? Enum.ToObject(place.GetType(), number!) : number is IConvertible and not Enum && number.GetType() != place.GetType()
            ? System.Convert.ChangeType(number, place.GetType(), null) : number;

    private Array VisitItems(Array array)
    {
        if (array.Length == 0 || (array.GetType().GetElementType() is { IsPrimitive: true } && !interpreter.Symbols.HasTags))
            return array;
        var at = new int[array.Rank];
        for (var i = 0; i < array.Length && !stopped; i++)
        {
            var item = array.Rank == 1 ? array.GetValue(i) : array.GetValue(Place(array, i, at));
            if (Visit(item) is var seenItem && ReferenceEquals(seenItem, item))
                continue;
            if (array.Rank == 1)
                array.SetValue(seenItem, i);
            else
                array.SetValue(seenItem, at);
        }
        return array;
    }

    private static int[] Place(Array array, int index, int[] at)
    {
        for (var dimension = array.Rank - 1; dimension >= 0; dimension--)
        {
            at[dimension] = index % array.GetLength(dimension);
            index /= array.GetLength(dimension);
        }
        return at;
    }

    private object VisitFields(object owner, Type type, bool isBox)
    {
        var target = owner;
        foreach (var field in StructLayout.FieldsOf(type))
        {
            if (stopped || field.FieldType.IsPointer || !Holders.Of(field.FieldType))
                continue;
            var held = field.GetValue(target);
            if (Visit(held) is var changed && ReferenceEquals(changed, held))
                continue;
            if (isBox && ReferenceEquals(target, owner))
                target = RuntimeHelpers.GetObjectValue(owner);
            field.SetValue(target, changed);
        }
        return target;
    }

    /// <summary>
    /// Whether objects of a type can hold symbols. Of .NET's classes only those can that a member which carries puts something into:
    /// collections, queries, tuples and the like.
    /// </summary>
    private static bool MayHold(Type type)
    {
        if (type.IsPrimitive)
            return Type.GetTypeCode(type) is TypeCode.Int32 or TypeCode.UInt32 or TypeCode.Int64 or TypeCode.UInt64 or TypeCode.Single
                or TypeCode.Double;
        if (type.IsEnum || type == typeof(string) || type == typeof(object) || type.IsInterface || type == typeof(ValueType)
            || type == typeof(Enum) || type == typeof(Array))
            return true;
        if (type.IsArray)
            return Holders.Of(type.GetElementType()!);
        if (typeof(torch.Tensor).IsAssignableFrom(type) || typeof(torch.nn.Module).IsAssignableFrom(type)
            || typeof(Delegate).IsAssignableFrom(type) || typeof(MemberInfo).IsAssignableFrom(type) || type.IsByRefLike
            || type.Assembly == typeof(Contents).Assembly)
            return type == typeof(Proxy);
        return Homes.Of(type) switch
        {
            Home.User => true,
            Home.TorchSharp => type.IsValueType || type == typeof(Scalar) || type.Name == "Device",
            _ => type.IsValueType ? type.IsGenericType || type == typeof(DictionaryEntry) || type == typeof(Index)
                || type == typeof(Range) : IsCarrier(type),
        };
    }

    private static bool IsCarrier(Type type)
    {
        var isKeeper = type.Namespace?.StartsWith("System.Collections", StringComparison.Ordinal) is true || type.Namespace is "System.Linq"
            || typeof(ITuple).IsAssignableFrom(type)
            || type.Name is "Lazy`1" or "StrongBox`1" or "WeakReference`1" or "ThreadLocal`1" or "AsyncLocal`1" or "StringBuilder"
            || typeof(Exception).IsAssignableFrom(type)
            || type.DeclaringType == typeof(Array) || type.Name is "GenericArrayEnumerator`1";
        return isKeeper && !typeof(System.Collections.IComparer).IsAssignableFrom(type) && !typeof(IEqualityComparer).IsAssignableFrom(type)
            && !type.Name.EndsWith("Comparer`1", StringComparison.Ordinal);
    }
}

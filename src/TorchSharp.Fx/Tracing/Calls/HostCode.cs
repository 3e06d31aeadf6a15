using System.Collections;
using System.Collections.Frozen;
using System.Reflection;

namespace TorchSharp.Fx.Tracing;

/// <summary>
/// Code that runs as it is. It may carry symbols around, but not look into them: a parameter whose declared type is a type parameter can't,
/// by parametricity, so collections, tuples and LINQ work on symbols; anything that would need a value is refused.
/// </summary>
internal static class HostCode
{
    /// <summary>Generic methods that do look into what they hold: they compare or hash.</summary>
    private static readonly FrozenSet<string> Comparing = """
        Contains ContainsKey ContainsValue TryGetValue IndexOf LastIndexOf Remove Sort BinarySearch Equals GetHashCode CompareTo Compare SequenceEqual Distinct Union Intersect Except
        Max Min Order OrderBy OrderByDescending GroupBy ToHashSet ToLookup
        """.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).ToFrozenSet(StringComparer.Ordinal);

    /// <summary>Methods that change an array they are given.</summary>
    private static readonly FrozenSet<string> Filling = "Reverse Sort Fill Clear Copy CopyTo BlockCopy".Split(' ').ToFrozenSet(StringComparer.Ordinal);

    /// <summary>Methods whose result is a collection that nobody else has.</summary>
    private static readonly FrozenSet<string> Making = "ToList ToArray ToDictionary ToHashSet ConvertAll FindAll GetRange Split".Split(' ').ToFrozenSet(StringComparer.Ordinal);

    internal static Value? Handle(in Invocation call)
    {
        var (interpreter, method, arguments) = call;
        Concretise(call);
        Check(call);
        if (Filling.Contains(method.Name))
            foreach (ref var argument in arguments.AsSpan(method.IsStatic ? 0 : 1))
                if (argument.Reference is Array array)
                    argument = Value.OfObject(interpreter.Overlay.ForChange(array));
        if (!method.IsStatic && arguments[0].Kind == ValueKind.Object && interpreter.Overlay.IsChange(method, interpreter.Overlay.Current(arguments[0].Reference)))
            arguments[0] = Value.OfObject(interpreter.Overlay.ForChange(arguments[0].Reference!));
        var result = interpreter.RunOnHost(method, arguments);
        if (method.DeclaringType == typeof(Array) && method.Name == nameof(Array.Resize))
            interpreter.Overlay.Own(arguments[0].Address.Load().Reference!);
        if (result.Reference is ICollection collection && Making.Contains(method.Name) && call.Traits.Home == Home.Platform)
            interpreter.Overlay.Own(collection);
        return result;
    }

    /// <summary>The arguments of a constructor that runs as it is.</summary>
    internal static Value[] Prepared(in Invocation construction)
    {
        Concretise(construction);
        Check(construction);
        return construction.Arguments[1..];
    }

    /// <summary>With example inputs: numbers that the callee needs, and collections that it goes through, as the example has them.</summary>
    private static void Concretise(in Invocation call)
    {
        var (interpreter, method, arguments) = call;
        if (interpreter.Examples is null)
            return;
        for (var i = 0; i < arguments.Length; i++)
        {
            var position = i - (method.IsStatic ? 0 : 1);
            var declared = position < 0 ? method.DeclaringType! : call.Traits.OpenParameters[position].ParameterType;
            if (arguments[i].IsSymbol && (!CarriesOnly(declared) || Compares(method)))
                arguments[i] = interpreter.Specialise(arguments[i].Symbol) ?? arguments[i];
            else if (arguments[i] is { Kind: ValueKind.Struct, Reference: ValueType } && (!CarriesOnly(declared) || Compares(method)) && interpreter.Numbers(arguments[i]) is not null)
                arguments[i] = Value.OfStruct(interpreter.Specialise(arguments[i].Reference!));
            else if (arguments[i].Reference is ICollection collection && !declared.IsGenericParameter && declared != typeof(object) && interpreter.Symbols.TryGet(collection, out _))
                arguments[i] = Value.OfObject(interpreter.Materialise(collection) ?? collection);
        }
    }

    /// <summary>Refuses a call that would look into a symbol.</summary>
    internal static void Check(in Invocation call)
    {
        var (interpreter, method, _) = call;
        var comparing = Compares(method);
        var operands = call.Operands;
        if (!method.IsStatic && IsWithoutContent(interpreter, call.Arguments[0], out var owner))
            throw Untraceable.NeedsValue(interpreter, method, owner);
        for (var i = 0; i < operands.Length; i++)
        {
            var declared = call.Traits.OpenParameters[i].ParameterType;
            if (IsWithoutContent(interpreter, operands[i], out var hollow) && !CarriesOnly(declared))
                throw Untraceable.NeedsValue(interpreter, method, hollow);
            if (interpreter.Numbers(operands[i]) is not { } symbol)
                continue;
            // A sequence of unknown length may be carried as an object, but not gone through.
            if (operands[i].Reference is SpanModel { IsSymbolic: true } || (operands[i].Reference is IEnumerable && interpreter.Symbols.TryGet(operands[i].Reference, out _)))
            {
                if (!declared.IsGenericParameter && declared != typeof(object))
                    throw Untraceable.UnknownLength(interpreter, symbol);
            }
            else if (comparing || !CarriesOnly(declared))
            {
                throw Untraceable.NeedsValue(interpreter, method, symbol);
            }
        }
        if (comparing && !method.IsStatic && interpreter.Numbers(call.Arguments[0]) is { } held)
            throw Untraceable.NeedsValue(interpreter, method, held);
    }

    private static bool Compares(MethodBase method)
        => Comparing.Contains(method.Name) || method.DeclaringType is { IsGenericType: true, Name: "HashSet`1" or "SortedSet`1" };

    /// <summary>An object that only stands for a symbol, other than a tensor or a collection: .NET's code would read zeros and nulls from it.</summary>
    private static bool IsWithoutContent(Interpreter interpreter, Value value, out Proxy symbol)
        => interpreter.Symbols.TryGet(value.Reference, out symbol) && value.Reference is not (torch.Tensor or IEnumerable);

    /// <summary>A bare type parameter, a collection of one, an object, or a delegate: the callee passes the value on.</summary>
    private static bool CarriesOnly(Type declared)
    {
        if (declared.IsByRef || declared.IsArray)
            return CarriesOnly(declared.GetElementType()!);
        if (declared.IsGenericParameter)
            return declared.Name is not "TKey" && declared.GetGenericParameterConstraints().Length == 0;
        return declared == typeof(object) || declared == typeof(Array) || typeof(Delegate).IsAssignableFrom(declared)
            || (declared.IsGenericType && Array.TrueForAll(declared.GenericTypeArguments, CarriesOnly));
    }
}

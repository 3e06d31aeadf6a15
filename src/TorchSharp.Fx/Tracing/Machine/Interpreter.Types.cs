using System.Reflection;

namespace TorchSharp.Fx.Tracing;

/// <summary>The types of symbols whose declared type says little: an object, an interface, a class that others derive from.</summary>
internal sealed partial class Interpreter
{
    private static readonly MethodInfo CastMethod =
        typeof(Casts).GetMethod(nameof(Casts.cast), BindingFlags.Static | BindingFlags.NonPublic)!;

    /// <summary>
    /// Whether the example tells more of a value than its declared type, so that the graph has to hold other values to the example's
    /// type.
    /// </summary>
    private static bool IsOpen(Type declared, Type actual)
        => declared != actual
            && (declared == typeof(object) || declared == typeof(ValueType) || declared.Namespace == "System.Collections"
                || (!declared.IsValueType && Homes.Of(declared) == Home.User));

    /// <summary>The symbol as one of a narrower type, to which a node holds it.</summary>
    private Proxy Narrowed(Proxy symbol, Type type)
        => tracer.create_proxy(Opcode.call_function, new FunctionTarget(CastMethod.MakeGenericMethod(type)), [symbol.Argument], type);

    /// <summary>
    /// A value of a type that was told by an example or a cast: numbers and structs are in a box, as the declared type is none of
    /// theirs.
    /// </summary>
    private Value Told(Proxy symbol, Type type)
    {
        var value = FromProxy(Narrowed(symbol, type));
        return value.IsSymbol ? Value.OfObject(value.Symbol) : value.Kind == ValueKind.Object ? value : Box(value, type);
    }

    /// <summary>The symbol of a value that may well have a type, for all that is known without an example.</summary>
    private bool MayBe(Value value, Type type, out Proxy symbol)
    {
        symbol = null!;
        return Examples is null && value.Kind == ValueKind.Object && value.Reference is not Proxy
            && Symbols.TryGet(value.Reference, out symbol)
            && IsOpen(symbol.type, type) && symbol.type.IsAssignableFrom(type) && !symbol.type.IsSealed && Symbols.CanStandFor(type);
    }
}

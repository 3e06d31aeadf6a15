using System.Collections.Immutable;
using System.Reflection;

namespace TorchSharp.Fx.Evaluation;

/// <summary>The type that each argument of a call must have.</summary>
internal static class ParameterTypes
{
    /// <summary>The arguments beside the types they are for; a parameter that the node leaves out takes its default.</summary>
    internal static IEnumerable<(Argument Argument, Type Type)> Arguments(MethodBase method, ImmutableArray<Argument> args, Node node)
    {
        var parameters = method.GetParameters();
        if (args.Length > parameters.Length)
            throw new InvalidOperationException(
                $"Node '{node.name}' gives {args.Length} arguments to {method.DeclaringType?.Name}.{method.Name}, which takes "
                    + $"{parameters.Length}.");
        return parameters.Select(parameter =>
            (parameter.Position < args.Length ? args[parameter.Position] : Default(parameter, method, node), parameter.ParameterType));
    }

    /// <summary>The elements' type of the array that a list argument becomes first.</summary>
    internal static Type ElementType(ListArgument list, Type to)
        => to.IsByRefLike ? ValueConversion.SpanElement(to) : to.IsArray && to.GetArrayRank() > 1
            ? list.ElementType : ValueConversion.ElementOf(to) ?? list.ElementType;

    /// <summary>The types of a tuple's items, the eighth and later ones in a nested tuple.</summary>
    internal static ConstructorInfo TupleConstructor(Type tuple) => tuple.GetConstructor(tuple.GetGenericArguments())!;

    /// <summary>The class to make where only an interface says what dictionary it is.</summary>
    internal static Type DictionaryClass(Type type)
        => type.IsInterface ? typeof(Dictionary<,>).MakeGenericType(type.GetGenericArguments()) : type;

    private static Literal Default(ParameterInfo parameter, MethodBase method, Node node) => parameter.HasDefaultValue
        ? new Literal(parameter.DefaultValue)
        : throw new InvalidOperationException(
            $"Node '{node.name}' gives no argument for the parameter '{parameter.Name}' of {method.DeclaringType?.Name}.{method.Name}.");
}

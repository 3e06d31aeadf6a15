using System.Reflection;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.Operations;

/// <summary>
/// TorchSharp's public operations: every method, property, operator, indexer and constructor that takes a tensor, as its receiver or as an argument, and every
/// static function that makes one of numbers. Modules and optimizers are none: a module is called as a leaf, an optimizer is no part of a forward.
/// </summary>
internal static class PublicOperations
{
    private const BindingFlags Own = BindingFlags.Public | BindingFlags.Static | BindingFlags.Instance | BindingFlags.DeclaredOnly;

    /// <summary>By their signatures, generics closed with a type of number.</summary>
    internal static IReadOnlyDictionary<string, MethodBase> All { get; } = typeof(torch).Assembly.GetExportedTypes().Where(Counts).SelectMany(Members).OrderBy(Signature, StringComparer.Ordinal)
        .ToDictionary(Signature, StringComparer.Ordinal);

    /// <summary><c>Tensor.sum(ReadOnlySpan&lt;long>, bool, ScalarType?)</c></summary>
    internal static string Signature(MethodBase method)
    {
        var name = method.IsConstructor ? $"new {Owner(method)}" : $"{Owner(method)}.{method.Name}";
        var generics = method.IsGenericMethod ? $"<{string.Join(", ", method.GetGenericArguments().Select(CSharpNames.OfType))}>" : "";
        var result = method.Name is "op_Implicit" or "op_Explicit" ? " → " + CSharpNames.OfType(((MethodInfo)method).ReturnType) : "";
        return $"{name}{generics}({string.Join(", ", method.GetParameters().Select(Parameter))}){result}";
    }

    internal static bool IsTensor(Type type) => typeof(Tensor).IsAssignableFrom(type);

    /// <summary>Whether a value of the type is a tensor or a structure of tensors.</summary>
    internal static bool HoldsTensor(Type type)
        => IsTensor(type) || (type.GetElementType() is { } element && HoldsTensor(element))
            || (type.IsGenericType && !typeof(Delegate).IsAssignableFrom(type) && type.GetGenericArguments().Any(HoldsTensor));

    private static string Owner(MethodBase method) => CSharpNames.OfType(method.DeclaringType!);

    private static string Parameter(ParameterInfo parameter)
        => (parameter.IsOut ? "out " : parameter.ParameterType.IsByRef ? "ref " : "") + CSharpNames.OfType(parameter.ParameterType);

    private static bool Counts(Type type)
        => !typeof(nn.Module).IsAssignableFrom(type) && type != typeof(nn) && !Outer(type).Any(level => level == typeof(optim) || typeof(optim.Optimizer).IsAssignableFrom(level) || level.Name.StartsWith("ParamGroup", StringComparison.Ordinal))
            && !type.IsInterface && !typeof(Delegate).IsAssignableFrom(type) && !type.IsGenericTypeDefinition;

    private static IEnumerable<Type> Outer(Type type)
    {
        for (var level = type; level is not null; level = level.DeclaringType)
            yield return level;
    }

    private static IEnumerable<MethodBase> Members(Type type)
        => type.GetMethods(Own).Select(Closed).Concat<MethodBase>(type.IsAbstract ? [] : type.GetConstructors()).Where(IsOperation);

    private static bool IsOperation(MethodBase method)
    {
        if (method.DeclaringType == typeof(object) || method.IsAbstract)
            return false;
        var parameters = method.GetParameters();
        return (!method.IsStatic && !method.IsConstructor && IsTensor(method.DeclaringType!)) || parameters.Any(parameter => HoldsTensor(parameter.ParameterType))
            || (method is MethodInfo { IsStatic: true } made && HoldsTensor(made.ReturnType) && parameters.Any(parameter => SymbolicCall.CanBeSymbol(parameter.ParameterType)));
    }

    private static MethodInfo Closed(MethodInfo method)
        => method.IsGenericMethodDefinition ? method.MakeGenericMethod([.. method.GetGenericArguments().Select(Argument)]) : method;

    private static Type Argument(Type parameter)
        => parameter.GenericParameterAttributes.HasFlag(GenericParameterAttributes.NotNullableValueTypeConstraint) || parameter.GetGenericParameterConstraints() is [] ? typeof(float)
            : Array.Find([typeof(Tensor), typeof(TorchSharp.Modules.Linear)], type => Array.TrueForAll(parameter.GetGenericParameterConstraints(), constraint => constraint.IsAssignableFrom(type))) ?? typeof(object);
}

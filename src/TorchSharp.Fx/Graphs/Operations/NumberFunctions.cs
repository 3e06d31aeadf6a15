using System.Reflection;
using System.Runtime.CompilerServices;

namespace TorchSharp.Fx.Graphs;

/// <summary>
/// .NET's functions of numbers, <c>Math.Max</c> and <c>long.Clamp</c>: what they give is decided by the numbers that they are given.
/// </summary>
internal static class NumberFunctions
{
    /// <summary>The classes that have them; none has another way to a result than its arguments.</summary>
    internal static readonly Type[] Classes =
        [typeof(Math), typeof(MathF), typeof(Convert), typeof(int), typeof(long), typeof(float), typeof(double)];

    internal static bool Has(MethodBase method)
        => method is MethodInfo { IsStatic: true, IsPublic: true, ContainsGenericParameters: false } function
            && Array.IndexOf(Classes, function.DeclaringType) >= 0
            && IsNumber(function.ReturnType) && Array.TrueForAll(function.GetParameters(), parameter => IsNumber(parameter.ParameterType));

    /// <summary>A number, a bool, an enum, or a tuple of such.</summary>
    private static bool IsNumber(Type type)
        => type.IsPrimitive || type.IsEnum
            || (typeof(ITuple).IsAssignableFrom(type) && Array.TrueForAll(type.GenericTypeArguments, IsNumber));
}

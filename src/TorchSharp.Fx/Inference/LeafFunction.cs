using System.Linq.Expressions;
using System.Reflection;

namespace TorchSharp.Fx;

/// <summary>A function of the user's that a graph calls as one node.</summary>
internal static class LeafFunction
{
    /// <summary>The function that a node calls; null for a node that calls none, or one of the platform's or a library's.</summary>
    internal static MethodInfo? Of(Node node)
        => node.target is FunctionTarget { Method: MethodInfo { IsStatic: true, IsGenericMethod: false } function } && IsUsers(function.DeclaringType?.Assembly) ? function : null;

    /// <summary>The function as the tracer takes it.</summary>
    internal static Delegate Delegate(MethodInfo function)
        => function.CreateDelegate(Expression.GetDelegateType([.. function.GetParameters().Select(parameter => parameter.ParameterType), function.ReturnType]));

    private static bool IsUsers(Assembly? assembly) => assembly is not null && assembly != TensorTypes.TorchSharp && assembly != typeof(Graph).Assembly && assembly != typeof(Math).Assembly;
}

using System.Reflection;

namespace TorchSharp.Fx.Tracing;

/// <summary>Calls by reflection: what they call is known, so that it is followed as if the program had written it.</summary>
internal static class ReflectionMembers
{
    internal static Dictionary<string, CallHandler> Table { get; } = new()
    {
        ["System.Reflection.MethodBase.Invoke"] = (in Invocation call) => call.Arguments.Length == 3
            ? Called(call, call.This as MethodInfo, call.Arguments[2].Reference as object?[] ?? []) : null,
        ["System.Reflection.PropertyInfo.GetValue"] = (in Invocation call) => call.Arguments.Length == 2
            ? Called(call, (call.This as PropertyInfo)?.GetMethod, []) : null,
    };

    /// <summary>Null where .NET has to say what is wrong with the call.</summary>
    private static Value? Called(in Invocation call, MethodInfo? method, object?[] arguments)
    {
        if (method is null || method.ContainsGenericParameters || method.GetParameters().Length != arguments.Length
            || Array.Exists(method.GetParameters(), parameter => parameter.ParameterType.IsByRef))
            return null;
        return method.IsStatic || method.DeclaringType!.IsInstanceOfType(call.Arguments[1].Reference)
            ? call.Interpreter.Reflected(method, call.Arguments[1], arguments) : null;
    }
}

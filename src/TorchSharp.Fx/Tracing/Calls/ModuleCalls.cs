using System.Collections.Concurrent;
using System.Reflection;

namespace TorchSharp.Fx.Tracing;

/// <summary>Submodules: a leaf becomes one node, any other is followed under its qualified name.</summary>
internal static class ModuleCalls
{
    private const BindingFlags Members = BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;
    private static readonly Memo<Type, ConcurrentDictionary<MethodBase, MethodBase>> Forwards = new(_ => new());
    private static readonly Memo<Type, ConcurrentDictionary<MethodInfo, MethodInfo>> Calls = new(_ => new());

    internal static Value? Handle(in Invocation call)
    {
        if (!call.Traits.IsModuleCall || call.This is not torch.nn.Module module)
            return null;
        var (interpreter, method, arguments) = call;
        // base.forward(x), and forward called by call, are part of the same call.
        if (ReferenceEquals(module, interpreter.Tracer.CurrentModule))
            return Follow(interpreter, module, Body(module, method), arguments);
        var operands = call.Operands.ToArray();
        return interpreter.Tracer.CallModule(module, (MethodInfo)method, operands,
            inputs => Follow(interpreter, module, Body(module, method), [arguments[0], .. inputs]));
    }

    private static Value Follow(Interpreter interpreter, torch.nn.Module module, MethodBase body, Value[] arguments)
        => Replay.Is(module, body) ? new Replay(interpreter, module).Nested(arguments[1..]) : interpreter.Run(body, arguments);

    /// <summary>The method to follow: forward itself where call would only add hooks, and there are none.</summary>
    internal static MethodBase Body(torch.nn.Module module, MethodBase method)
    {
        if (method.Name != "call" || Traits.Of(method).Home != Home.TorchSharp || ModuleHooks.On(module))
            return method;
        return Forwards.Of(module.GetType()).GetOrAdd(method, static (method, type) =>
            method.DeclaringType!.GetMethod("forward", Members, ParametersOf(method)) is { } forward
                ? Overrides.Find(forward, type) : method, module.GetType());
    }

    /// <summary>The <c>call</c> beside a <c>forward</c>, which runs the hooks around it.</summary>
    internal static MethodInfo WithHooks(torch.nn.Module module, MethodInfo method)
        => Calls.Of(module.GetType()).GetOrAdd(method, static (method, type) =>
        type.GetMethod("call", ParametersOf(method)) is { } call && call.ReturnType == method.ReturnType ? call : method, module.GetType());

    private static Type[] ParametersOf(MethodBase method)
        => Array.ConvertAll(Traits.Of(method).Parameters, parameter => parameter.ParameterType);
}

using System.Runtime.CompilerServices;

namespace TorchSharp.Fx.Tracing;

/// <summary>
/// Who disposes what, is decided when the graph runs. While it is traced, disposing and moving between scopes does nothing to a symbol, and
/// nothing to what the model owned before.
/// </summary>
internal static class DisposeScopes
{
    internal static Value? Handle(in Invocation call)
    {
        var interpreter = call.Interpreter;
        if (call.Method is { Name: "Dispose", IsStatic: false } && call.Operands.Length == 0)
            return call.This is { } target && (Release(interpreter, target) || IsModels(interpreter, target)) ? default(Value) : null;
        if (call.Traits.Home != Home.TorchSharp || !IsScoping(call.Method) || !Array.Exists(call.Arguments, interpreter.DependsOnInput))
            return null;
        if (call.Traits.ReturnType == typeof(void))
            return default(Value);
        // MoveToOuter(a, b) returns (a, b); MoveToOuterDisposeScope(a), MoveToOther(scope, a) and a.MoveToOtherDisposeScope(b) return a.
        var moved = call.Arguments.Where(argument => argument.Reference is not DisposeScope).ToArray();
        if (moved.Length == 1 || !typeof(ITuple).IsAssignableFrom(call.Traits.ReturnType))
            return moved[0];
        var type = call.Traits.ReturnType;
        var tuple = RuntimeHelpers.GetUninitializedObject(type);
        foreach (var (field, value) in StructLayout.FieldsOf(type).Zip(moved))
            field.SetValue(tuple, interpreter.ToObject(value, field.FieldType));
        return Value.OfStruct(tuple);
    }

    private static bool Release(Interpreter interpreter, object target)
    {
        if (!interpreter.Symbols.TryGet(target, out var symbol))
            return false;
        if (symbol.node.op != Opcode.get_attr)
            interpreter.Examples?.Release(symbol.node);
        return true;
    }

    internal static bool IsScoping(System.Reflection.MethodBase method)
        => method.DeclaringType == typeof(DisposeScope) || method.Name.EndsWith("DisposeScope", StringComparison.Ordinal);

    /// <summary>A tensor or module that was there before the trace: the traced program may not take it away.</summary>
    private static bool IsModels(Interpreter interpreter, object target)
        => target is torch.Tensor or torch.nn.Module && !interpreter.Overlay.Owns(target);
}

using System.Reflection;

namespace TorchSharp.Fx.Tracing;

/// <summary>
/// Reads and writes by reflection: they go the way of those in code. Locks: one thread runs the trace, and it must not keep one if it ends
/// early.
/// </summary>
internal static class StateMembers
{
    internal static Dictionary<string, CallHandler> Table { get; } = new()
    {
        ["System.Reflection.FieldInfo.SetValue"] = SetField,
        ["System.Reflection.FieldInfo.GetValue"] = GetField,
        ["System.Reflection.PropertyInfo.SetValue"] = SetProperty,
        ["System.Threading.Monitor.Enter"] = Lock,
        ["System.Threading.Monitor.TryEnter"] = Lock,
        ["System.Threading.Monitor.Exit"] = static (in call) => call.Interpreter.Recording is null ? default(Value) : null,
    };

    private static Value? SetField(in Invocation call)
    {
        if (call.This is not FieldInfo field || call.Operands.Length != 2)
            return null;
        call.Interpreter.StoreField(field.IsStatic ? null : call.Operands[0].Reference ?? throw ProgramFault.Raise(new TargetException()),
            field, call.Interpreter.ToValue(call.Operands[1].Reference, field.FieldType));
        return default(Value);
    }

    private static Value? GetField(in Invocation call) => call.This is FieldInfo { IsLiteral: false } field
        ? Boxed(call.Interpreter,
            call.Interpreter.LoadField(field.IsStatic ? null : call.Operands[0].Reference
                ?? throw ProgramFault.Raise(new TargetException()), field), field.FieldType)
        : null;

    private static Value? SetProperty(in Invocation call) => call.This is PropertyInfo { SetMethod: { } setter } && HasNoIndex(call, 2)
        ? Made(call.Interpreter, setter, call.Operands[0], call.Operands[1].Reference)
        : null;

    private static bool HasNoIndex(in Invocation call, int operands)
        => call.Operands.Length == operands
            || (call.Operands.Length == operands + 1 && call.Operands[operands].Reference is null or Array { Length: 0 });

    private static Value Made(Interpreter interpreter, MethodInfo method, Value target, params object?[] given)
    {
        var values = given.Zip(method.GetParameters(), (value, parameter) => interpreter.ToValue(value, parameter.ParameterType));
        if (method.IsStatic)
            return Boxed(interpreter, interpreter.Dispatch(method, [.. values]), method.ReturnType);
        var real = target.Reference ?? throw ProgramFault.Raise(new TargetException());
        var receiver = real is ValueType ? Value.Of(new Address.Box(real)) : target;
        return Boxed(interpreter, interpreter.Dispatch(Overrides.Find(method, real.GetType()), [receiver, .. values]), method.ReturnType);
    }

    private static Value Boxed(Interpreter interpreter, Value value, Type type)
        => type == typeof(void) ? Value.Null : !type.IsValueType ? value : value.IsSymbol
            ? Value.OfObject(value.Symbol) : Value.OfObject(interpreter.ToObject(value, type));

    private static Value? Lock(in Invocation call)
    {
        if (call.Interpreter.Recording is not null)
            return null;
        foreach (var argument in call.Operands)
            if (argument.Kind == ValueKind.Address)
                argument.Address.Store(Value.Of(1));
        return call.Traits.ReturnType == typeof(bool) ? Value.Of(1) : default(Value);
    }
}

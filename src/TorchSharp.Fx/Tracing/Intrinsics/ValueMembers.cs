namespace TorchSharp.Fx.Tracing;

/// <summary>Nullable, Index and the functions on numbers, where a number may be a symbol.</summary>
internal static class ValueMembers
{
    internal static Dictionary<string, CallHandler> Table { get; } = new()
    {
        ["System.Nullable`1..ctor"] = (in Invocation call) => Held(call, call.Arguments[1]),
        ["System.Nullable`1.op_Implicit"] = (in Invocation call) => Held(call, call.Arguments[0]),
        ["System.Nullable`1.get_HasValue"] = (in Invocation call) => Value.Of(call.Interpreter.Present(Self(call).Reference)),
        ["System.Nullable`1.get_Value"] = (in Invocation call) => Content(call)
            ?? throw ProgramFault.Raise(new InvalidOperationException("Nullable object must have a value.")),
        ["System.Nullable`1.op_Explicit"] = (in Invocation call) => Content(call)
            ?? throw ProgramFault.Raise(new InvalidOperationException("Nullable object must have a value.")),
        ["System.Nullable`1.GetValueOrDefault"] = (in Invocation call) => Content(call)
            ?? (call.Arguments.Length == 2 ? call.Arguments[1] : StructLayout.Zero(call.Traits.ReturnType)),

        ["System.Index..ctor"] = (in Invocation call) =>
            SymbolicIndex(call, call.Arguments[1], call.Arguments.Length > 2 && call.Arguments[2].Int32 != 0),
        ["System.Index.op_Implicit"] = (in Invocation call) => SymbolicIndex(call, call.Arguments[0], false),
        ["System.Index.FromStart"] = (in Invocation call) => SymbolicIndex(call, call.Arguments[0], false),
        ["System.Index.FromEnd"] = (in Invocation call) => SymbolicIndex(call, call.Arguments[0], true),

        ["System.ArgumentOutOfRangeException.ThrowIfEqual"] = (in Invocation call) => Asserted(call, Builtin.ne),
        ["System.ArgumentOutOfRangeException.ThrowIfNotEqual"] = (in Invocation call) => Asserted(call, Builtin.eq),
        ["System.ArgumentOutOfRangeException.ThrowIfLessThan"] = (in Invocation call) => Asserted(call, Builtin.ge),
        ["System.ArgumentOutOfRangeException.ThrowIfLessThanOrEqual"] = (in Invocation call) => Asserted(call, Builtin.gt),
        ["System.ArgumentOutOfRangeException.ThrowIfGreaterThan"] = (in Invocation call) => Asserted(call, Builtin.le),
        ["System.ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual"] = (in Invocation call) => Asserted(call, Builtin.lt),
        ["System.ArgumentOutOfRangeException.ThrowIfNegative"] = (in Invocation call) => Asserted(call, Builtin.ge),
        ["System.ArgumentOutOfRangeException.ThrowIfNegativeOrZero"] = (in Invocation call) => Asserted(call, Builtin.gt),
        ["System.ArgumentOutOfRangeException.ThrowIfZero"] = (in Invocation call) => Asserted(call, Builtin.ne),

        ["System.ArgumentNullException.ThrowIfNull"] = (in Invocation call) => RequiresPresent(call),
        ["System.Object.ReferenceEquals"] = (in Invocation call) => AsksForNull(call),
        ["System.Object.Equals"] = (in Invocation call) => call.Method.IsStatic ? AsksForNull(call) : null,

        ["System.Delegate.op_Equality"] = (in Invocation call) =>
            Delegates.AreSame(call.Arguments[0].Reference, call.Arguments[1].Reference) is { } same ? Value.Of(same) : null,
        ["System.Delegate.op_Inequality"] = (in Invocation call) =>
            Delegates.AreSame(call.Arguments[0].Reference, call.Arguments[1].Reference) is { } same ? Value.Of(!same) : null,
        ["System.TupleExtensions.Deconstruct"] = SymbolicMembers.Deconstruct,
    };

    private static Value Self(in Invocation call)
        => call.Arguments[0].Kind == ValueKind.Address ? call.Arguments[0].Address.Load() : call.Arguments[0];

    private static Value? Held(in Invocation call, Value value) => value.IsSymbol
        ? Value.OfStruct(value.Symbol)
        : Value.OfStruct(call.Interpreter.ToObject(value, call.Method.DeclaringType!.GenericTypeArguments[0])).Marked(value.Mark);

    private static Value? Content(in Invocation call)
    {
        var self = Self(call);
        var type = call.Method.DeclaringType!.GenericTypeArguments[0];
        call.Interpreter.Present(self.Reference);
        if (self.IsSymbol)
            return Value.Of(new Proxy(self.Symbol.Argument, type));
        return self.Reference switch
        {
            null => null,
            Proxy symbol => Value.Of(symbol),
            var real => call.Interpreter.ToValue(real, type).Copy().Marked(self.Mark),
        };
    }

    /// <summary>A check of a symbol becomes an assertion; its other operand is the next number argument, or zero.</summary>
    private static Value? Asserted(in Invocation call, Builtin holds)
    {
        if (!Array.Exists(call.Arguments, argument => argument.IsSymbol))
            return null;
        var type = call.Traits.Parameters[0].ParameterType;
        var bound = call.Arguments.Length == 3 ? call.Arguments[1] : StructLayout.Zero(type);
        var name = call.Arguments[^1].Reference as string;
        call.Interpreter.Assert(new Deferred(call.Interpreter, holds, type, typeof(bool), call.Arguments[0], bound),
            $"{call.Method.Name}({name})");
        return default(Value);
    }

    /// <summary>A check for null becomes an assertion; null itself is left to the method, which throws.</summary>
    private static Value? RequiresPresent(in Invocation call)
        => call.Interpreter.Present(call.Arguments[0].Reference, $"{call.Method.Name}({call.Arguments[^1].Reference as string})")
            ? default(Value) : null;

    /// <summary>Whether two references are the same, where one is null.</summary>
    private static Value? AsksForNull(in Invocation call)
        => call.Arguments[0].Reference is null || call.Arguments[1].Reference is null
            ? Value.Of(!call.Interpreter.Present(call.Arguments[0].Reference ?? call.Arguments[1].Reference))
            : null;

    private static Value? SymbolicIndex(in Invocation call, Value number, bool fromEnd)
    {
        if (!number.IsSymbol)
            return null;
        var tag = (int)call.Interpreter.Symbols.Tag(number.Symbol, typeof(int))!;
        return Value.OfStruct(new Index(tag, fromEnd));
    }
}

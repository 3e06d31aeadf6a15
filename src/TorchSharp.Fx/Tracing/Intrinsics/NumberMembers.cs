namespace TorchSharp.Fx.Tracing;

/// <summary>Members of numbers and enums that may be symbols, boxed or not, and functions of numbers.</summary>
internal static class NumberMembers
{
    internal static Dictionary<string, CallHandler> Table { get; } =
        new(NumberFunctions.Classes.Select(type => KeyValuePair.Create<string, CallHandler>($"{type.FullName}.*", Function)))
    {
        ["System.Object.Equals"] = (in Invocation call) => call.Method.IsStatic
            ? AreEqual(call, call.Arguments[0], call.Arguments[1]) : null,
        ["System.Collections.Generic.EqualityComparer`1.Equals"] = (in Invocation call) => call.Operands.Length == 2
            ? AreEqual(call, call.Operands[0], call.Operands[1]) : null,
    };

    /// <summary>The members that every number has; all others need its value.</summary>
    internal static Value? Handle(in Invocation call)
    {
        if (call.Traits.Home != Home.Platform || call.Method.Name is not ("ToString" or "Equals" or "GetType"))
            return null;
        var self = Self(call);
        if (call.Method.Name == "ToString" && call.Operands.Length == 0 && TextOf(call.Interpreter, self) is { } text)
            return text;
        if (!self.IsSymbol)
            return call.Method.Name == "Equals" && call.Operands is [var symbol] && Unboxed(symbol).IsSymbol
                && TypeOf(call, self) is { IsPrimitive: true } or { IsEnum: true } ? AreEqual(call, self, symbol) : null;
        return call.Method.Name switch
        {
            "ToString" => TextMembers.Shown(call, self, self.Symbol.type),
            "Equals" => call.Operands is [var other] ? AreEqual(call, self, other) : null,
            _ => Value.OfObject(self.Symbol.type),
        };
    }

    /// <summary>The text that an object of .NET's own writes of the symbols that it holds.</summary>
    private static Value? TextOf(Interpreter interpreter, Value self) => self.Reference switch
    {
        string => self,
        System.Text.StringBuilder builder => Value.OfObject(interpreter.Texts.TextOf(builder)),
        System.Runtime.CompilerServices.ITuple tuple
            when interpreter.Numbers(self) is not null =>
                Value.OfObject(interpreter.Texts.Make([interpreter.Texts.Part(self, tuple.GetType())])),
        _ => null,
    };

    private static Value Self(in Invocation call)
        => Unboxed(call.Arguments[0] is { Kind: ValueKind.Address, Reference: not Address.Pointer } at
            ? at.Address.Load() : call.Arguments[0]);

    /// <summary>A symbol in a box or a nullable, as the symbol.</summary>
    private static Value Unboxed(Value value)
        => value is { Kind: ValueKind.Object or ValueKind.Struct, Reference: Proxy symbol } ? Value.Of(symbol) : value;

    /// <summary>
    /// Whether two whole numbers, enums or bools are equal, as the program's own <c>==</c> would ask; null where they aren't symbols, and
    /// for floating-point numbers, whose NaN equals itself here.
    /// </summary>
    private static Value? AreEqual(in Invocation call, Value left, Value right)
    {
        (left, right) = (Unboxed(left), Unboxed(right));
        if (!left.IsSymbol && !right.IsSymbol)
            return null;
        var (a, b) = (TypeOf(call, left), TypeOf(call, right));
        if (a is null || b is null || a != b)
            return Value.Of(false);
        if (!a.IsEnum && (!a.IsPrimitive || a == typeof(float) || a == typeof(double)))
            return null;
        return call.Interpreter.AreEqual(Number(call, left), Number(call, right));
    }

    /// <summary>The type of an operand: a boxed one's own, else what the method takes.</summary>
    private static Type? TypeOf(in Invocation call, Value value)
    {
        var declared = call.Traits.Parameters[^1].ParameterType;
        return value.IsSymbol ? value.Symbol is Deferred && declared.IsPrimitive ? declared : value.Symbol.type
            : value.Kind is ValueKind.Object or ValueKind.Struct ? value.Reference?.GetType() : declared;
    }

    private static Value Number(in Invocation call, Value value)
        => value is { Kind: ValueKind.Object or ValueKind.Struct, Reference: { } boxed }
            ? call.Interpreter.ToValue(boxed, boxed.GetType()) : value;

    /// <summary>A function of numbers is a node when one is a symbol; an operator of generic code is followed.</summary>
    private static Value? Function(in Invocation call)
    {
        if (!call.Method.IsStatic || !Array.Exists(call.Arguments, argument => argument.IsSymbol))
            return null;
        if (call.Traits.ReturnType == typeof(string) && call.Operands.Length == 1)
            return TextMembers.Shown(call, call.Arguments[0], call.Arguments[0].Symbol.type);
        if (!call.Method.IsPublic)
            return call.Method.Name.Contains(".op_", StringComparison.Ordinal) && call.Traits.Code is not null
                ? call.Interpreter.Run(call.Traits, call.Arguments) : null;
        return NumberFunctions.Has(call.Method) ? TensorOperations.Record(call) : null;
    }
}

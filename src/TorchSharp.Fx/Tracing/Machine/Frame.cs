using System.Collections.Immutable;

namespace TorchSharp.Fx.Tracing;

/// <summary>One call of an interpreted method.</summary>
internal sealed class Frame
{
    private readonly Value[] stack;
    private int depth;

    internal Frame(Traits method, MethodIL code, Value[] arguments, Frame? caller, string modulePath)
        : this(method, code, arguments, code.Locals.Length == 0 ? [] : new Value[code.Locals.Length], caller, modulePath)
    {
        for (var i = 0; i < Locals.Length; i++)
            if (code.Locals[i].IsValueType)
                Locals[i] = StructLayout.Zero(code.Locals[i]);
    }

    private Frame(Traits method, MethodIL code, Value[] arguments, Value[] locals, Frame? caller, string modulePath)
    {
        Method = method;
        Code = code;
        ModulePath = modulePath;
        Arguments = arguments;
        Locals = locals;
        Caller = caller;
        stack = new Value[code.MaxStack + 1];
    }

    /// <summary>A frame that goes its own way from an instruction on, with what this one holds.</summary>
    internal Frame Fork(int at) => new(Method, Code, [.. Arguments], [.. Locals], Caller, ModulePath) { Next = at };

    /// <summary>A frame that runs beside this one from an instruction on, with the same arguments and locals.</summary>
    internal Frame Beside(int at) => new(Method, Code, Arguments, Locals, Caller, ModulePath) { Next = at };

    internal Traits Method { get; }

    internal MethodIL Code { get; }

    internal Value[] Arguments { get; }

    internal Value[] Locals { get; }

    internal Frame? Caller { get; }

    /// <summary>The module whose code it is.</summary>
    internal string ModulePath { get; }

    /// <summary>The instruction that runs.</summary>
    internal int At { get; set; }

    /// <summary>The instruction that runs next.</summary>
    internal int Next { get; set; }

    /// <summary>The finally and fault blocks that are running, and what follows each.</summary>
    internal Stack<(ExceptionRegion Block, Action Then)> Continuations => field ??= new();

    /// <summary>The parts of a guard that were asked already and let the program pass.</summary>
    internal ImmutableArray<Deferred> Alternatives { get; set; } = [];

    /// <summary>The exceptions whose handlers are running, for <c>rethrow</c>.</summary>
    internal Stack<Exception> Caught => field ??= new();

    /// <summary>How many values are on the stack.</summary>
    internal int Depth => depth;

    internal void Push(Value value) => stack[depth++] = value;

    internal Value Pop() => stack[--depth];

    internal Value[] Pop(int count)
    {
        depth -= count;
        return stack.AsSpan(depth, count).ToArray();
    }

    internal Value Peek() => stack[depth - 1];

    internal void ClearStack() => depth = 0;

    internal Type ArgumentType(int index)
    {
        if (Code.Method.IsStatic)
            return Code.Parameters[index].ParameterType;
        return index == 0 ? Code.Method.DeclaringType! : Code.Parameters[index - 1].ParameterType;
    }
}

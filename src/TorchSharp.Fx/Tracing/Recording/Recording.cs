namespace TorchSharp.Fx.Tracing;

/// <summary>
/// A run of a program with the caller's own values in place of symbols. The model's code has all the effects that it has without; what a
/// trace would make a node of is told to who derives from this.
/// </summary>
internal abstract class Recording
{
    private readonly int thread = Environment.CurrentManagedThreadId;
    private bool isOver;

    internal Marks Marks { get; } = new();

    /// <summary>The modules whose own code has changed their buffers in this run.</summary>
    internal HashSet<string> Updated { get; } = new(StringComparer.Ordinal);

    /// <summary>The parameters that the program has read in this run.</summary>
    internal HashSet<torch.Tensor> Read { get; } = new(ReferenceEqualityComparer.Instance);

    /// <summary>Whether code ran that can't be followed: tensors of unknown origin may come from there.</summary>
    internal bool RanAside { get; set; }

    /// <summary>
    /// Whether the calling thread is the one that runs the program, and the run isn't over. Code on another thread is not seen.
    /// </summary>
    internal bool IsHere => !isOver && Environment.CurrentManagedThreadId == thread;

    internal void Close() => isOver = true;

    /// <summary>An operation is about to run.</summary>
    /// <param name="operation">What a trace's node would have for a target.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <returns>What <see cref="End"/> is given back; null where nobody asks for the value.</returns>
    internal abstract object? Begin(in Recorded operation, ReadOnlySpan<Value> arguments);

    /// <summary>The operation has run.</summary>
    /// <param name="begun">What <see cref="Begin"/> gave.</param>
    /// <param name="value">Its value; an operation that has none isn't told of.</param>
    internal abstract void End(object begun, object? value);

    /// <summary>Whether the values that are asked for are all there, and nothing after them is needed.</summary>
    internal virtual bool IsDone => false;

    /// <summary>Whether the program is being left.</summary>
    internal bool IsEnding { get; set; }

    /// <summary>A tensor is about to be overwritten.</summary>
    internal abstract void BeforeWrite(torch.Tensor written);

    /// <summary>Code is about to run of which nobody knows what it writes to.</summary>
    internal abstract void BeforeUnknown();
}

/// <summary>An operation of a recorded run.</summary>
/// <param name="Op">The kind of node that a trace makes of it.</param>
/// <param name="Target">The node's target.</param>
/// <param name="Path">The module whose code it is, or the leaf module that it calls.</param>
/// <param name="Type">The type of its value.</param>
internal readonly record struct Recorded(Opcode Op, Target Target, string Path, Type Type);

/// <summary>Ends a run whose values are all there. The program's finally blocks run on the way out, its handlers don't see it.</summary>
internal sealed class RecordingEnded : Exception;

/// <summary>Runs with real values.</summary>
internal sealed partial class Interpreter
{
    /// <summary>Null where the program runs on symbols.</summary>
    internal Recording? Recording { get; init; }

    private static readonly BuiltinTarget[] Builtins =
        [.. Enum.GetValues<Builtin>().Select(operation => new BuiltinTarget(operation, typeof(long)))];

    internal static readonly BuiltinTarget GetItem = Builtins[(int)Builtin.getitem];

    /// <summary>Runs an operation and tells of it.</summary>
    internal Value Recorded(in Recorded operation, Value[] arguments, Func<Interpreter, Value[], Value> run)
    {
        foreach (var argument in arguments)
            Tell(argument.Length);
        var begun = Recording!.Begin(operation, arguments);
        var result = Whole(run(this, arguments));
        if (begun is not null && operation.Type != typeof(void))
            Tell(begun, ToObject(result, operation.Type));
        return result;
    }

    /// <summary>Tells of a length, and of what was computed with it, once an operation is given it.</summary>
    private void Tell(UntoldLength? length)
    {
        if (length is null or { IsTold: true })
            return;
        length.IsTold = true;
        if (length.Made is not { } made)
        {
            Tell(Builtin.len, Value.Of(length.Array.Length), Value.OfObject(length.Array));
            return;
        }
        Tell(made.Of);
        Tell(made.Operation, made.Result, made.Left, made.Right);
    }

    private void Tell(Builtin operation, Value result, params ReadOnlySpan<Value> operands)
    {
        if (Recording!.Begin(new(Opcode.call_function, Builtins[(int)operation], tracer.CurrentPath, typeof(object)), operands)
            is { } begun)
            Tell(begun, ToObject(result, typeof(object)));
    }

    private void Tell(object begun, object? value)
    {
        Recording!.End(begun, value);
        // What .NET's own code calls back may be kept by it, as a Lazy keeps an exception: the run ends outside of that.
        if (!Recording.IsDone || Recording.IsEnding || callBacks > 0)
            return;
        Recording.IsEnding = true;
        throw ProgramFault.Raise(new RecordingEnded());
    }

    /// <summary>A result that a trace has a symbol for.</summary>
    internal Value Whole(Value value)
    {
        switch (value)
        {
            case { Kind: ValueKind.Object, Reference: null or string or Type or torch.nn.Module or Delegate }:
                return value;
            case { Kind: ValueKind.Object, Reference: torch.Tensor tensor }:
                Recording!.Marks.Add(tensor);
                return value;
            case { Kind: ValueKind.Object or ValueKind.Struct, Reference: { } whole }:
                foreach (var tensor in Structure.Tensors(whole))
                    Recording!.Marks.Add(tensor);
                if (value.Kind == ValueKind.Struct)
                    return value.Marked(Reading.Operation);
                Recording!.Marks.AddWhole(whole);
                return value;
            default:
                return value.Marked(Reading.Operation);
        }
    }

    /// <summary>A value that .NET's own code made of others, of which one depends on an input. Tensors keep their marks.</summary>
    internal Value Dependent(Value value)
    {
        if (value.Kind != ValueKind.Object)
            return value.Marked(Reading.Dependent);
        if (value.Reference is not (null or string or Type or torch.Tensor or torch.nn.Module or Delegate)
            && Recording!.Marks.Find(value.Reference) is null)
            Recording.Marks.Add(value.Reference);
        return value;
    }

    private Value Calculated(Op op, Value left, Value right)
    {
        var result = Concrete(op, left.Plain, right.Plain);
        if (!left.IsInteger && left.Kind is not (ValueKind.Single or ValueKind.Double))
            return result;
        // A zero that depends on an input is added as any other number.
        if ((left.Mark == Reading.Constant && IsZero(left) && op == Op.Add)
            || (right.Mark == Reading.Constant && IsZero(right) && op is Op.Add or Op.Sub))
            return result.Marked(Reading.Dependent);
        var (operation, _, _) = OperationOf(op, result.Kind is ValueKind.Single or ValueKind.Double);
        if ((left.Length ?? right.Length) is { IsTold: false } length
            && (left.Mark == Reading.Constant || right.Mark == Reading.Constant))
            return result.Marked(new UntoldLength(length.Array) { Made = (length, operation, left, right, result) });
        return Calculated(operation, result, left, right);
    }

    private Value Calculated(Builtin operation, Value result, params ReadOnlySpan<Value> operands)
    {
        foreach (var operand in operands)
            Tell(operand.Length);
        Tell(operation, result, operands);
        return result.Marked(Reading.Dependent);
    }

    /// <summary>A part of a value as a recording sees it: reading it may be an operation.</summary>
    private Value Part(Reading reading, Target operation, Value owner, Value part, Type type)
    {
        if (reading == Reading.Constant)
            return part;
        if (reading == Reading.Dependent)
            return part.Kind == ValueKind.Object ? part : part.Marked(Reading.Dependent);
        return Recorded(new(Opcode.call_function, operation, tracer.CurrentPath, type), [owner, part], static (_, given) => given[1]);
    }

    /// <summary>Whether a trace would have a symbol for an object.</summary>
    private bool? IsRecorded(object part) => part switch
    {
        string or Type or torch.nn.Module or Delegate => false,
        torch.Tensor tensor => IsRecorded(tensor),
        SpanModel span => IsRecorded(span.Array),
        _ when Recording!.Marks.Find(part) is true => true,
        Array array when array.GetType().GetElementType()!.IsPrimitive => false,
        _ when part.GetType().IsPrimitive => false,
        _ => null,
    };

    private bool IsRecorded(torch.Tensor tensor)
    {
        if (Recording!.Marks.Find(tensor) is { } known)
            return known;
        if (tensor is TorchSharp.Modules.Parameter parameter && ReadParameter(parameter))
            return true;
        if (Recording.Updated.Count > 0 && tracer.Attributes.NameOf(tensor) is { } name)
            return Recording.Updated.Contains(name) || Recording.Updated.Contains(ModuleHierarchy.Split(name).Prefix);
        return Recording.RanAside && !tracer.Attributes.Owns(tensor);
    }

    /// <summary>A parameter is a node where the program reads it first; false for one that the root doesn't have.</summary>
    private bool ReadParameter(TorchSharp.Modules.Parameter parameter)
    {
        if (Recording!.Marks.Find(parameter) is { } known)
            return known;
        if (tracer.Attributes.NameOf(parameter) is not { } name)
            return false;
        Recording.Marks.Add(parameter);
        if (Recording.Read.Add(tracer.Attributes.Registered(parameter))
            && Recording.Begin(new(Opcode.get_attr, new AttributeTarget(name), tracer.CurrentPath, typeof(torch.Tensor)), []) is { } begun)
            Tell(begun, parameter);
        return true;
    }
}

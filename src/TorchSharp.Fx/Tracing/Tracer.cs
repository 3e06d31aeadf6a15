using System.Collections.Immutable;
using System.Reflection;

namespace TorchSharp.Fx;

/// <summary>
/// Captures what a module's <c>forward</c> does as a <see cref="Graph"/>, by interpreting its compiled code with symbolic inputs. Override
/// its virtual methods to choose the leaf modules, to change how submodules are entered and to see each new node. A tracer traces one
/// module at a time and does not change it. Counterpart: <c>torch.fx.Tracer</c>.
/// </summary>
public partial class Tracer
{
    private static readonly Memo<Type, bool> Leaves =
        new(type => type.Assembly == typeof(Tracer).Assembly || (Homes.Of(type) == Home.TorchSharp && !Registry.IsContainer(type)));

    private readonly HashSet<MethodBase> leafFunctions;
    private readonly Stack<(torch.nn.Module Module, string Path)> scopes = new();
    private readonly HashSet<MethodIL> shown = [];
    private Graph? traced;
    private Interpreter? interpreter;
    private ModuleAttributes? attributes;

    /// <summary>A tracer with the given leaf functions.</summary>
    /// <param name="autowrap_functions">Leaf functions: a call becomes one node when one of its arguments depends on an input.</param>
    public Tracer(IEnumerable<Delegate>? autowrap_functions = null)
        => leafFunctions = [.. (autowrap_functions ?? []).Select(function => Definition(function.Method))];

    /// <summary>The graph of the trace that is running, or of the last one.</summary>
    /// <exception cref="InvalidOperationException">Nothing was traced yet.</exception>
    public Graph graph => traced ?? throw new InvalidOperationException("Nothing was traced yet: call trace first.");

    /// <summary>The module that is or was traced.</summary>
    public torch.nn.Module root => Interpreter.Root;

    /// <summary>
    /// The tensors that the graph reads as <c>_tensor_constantN</c>: computed during the trace, or held by the model without being
    /// registered. Each is a separate handle on the tensor's memory; the user of the graph disposes it.
    /// </summary>
    public IReadOnlyDictionary<string, torch.Tensor> tensor_constants
        => attributes?.Constants ?? ImmutableDictionary<string, torch.Tensor>.Empty;

    /// <summary>
    /// Receives the code that a trace interprets: each method's CIL, when it is first entered, with the C# lines it was compiled from. Null
    /// writes nothing.
    /// </summary>
    public TextWriter? CodeWriter { get; set; }

    /// <summary>The number of the first <c>_tensor_constantN</c>, where two traces share one hierarchy.</summary>
    internal int FirstConstant { get; set; }

    /// <summary>
    /// The mode that the root is traced in, as its <c>train()</c> or <c>eval()</c> would set it; its present one where null. The modules'
    /// own flags stay as they are.
    /// </summary>
    internal bool? Training { get; init; }

    /// <summary>The modes that a trace around this one is in; the modules' own where null.</summary>
    internal ModuleModes? Modes { get; init; }

    /// <summary>The inputs that every trace of this tracer goes by where nothing else is given; null for traces by symbols alone.</summary>
    internal ExampleInputs? Examples { get; init; }

    /// <summary>The report on the last trace, also when it failed with a <see cref="TraceException"/>.</summary>
    public TraceReport report => new(graph, Interpreter, Attributes);

    /// <summary>Whether a node that is made now holds the graph to the example, and is no part of the program.</summary>
    internal bool IsAssuming { get; set; }

    /// <summary>Whether the report has assumptions; asked at every trace, so without making one.</summary>
    internal bool AssumesSomething => Interpreter.Asked.Count + Interpreter.Overlay.Dropped.Count + Interpreter.TakenAsPresent.Count > 0;

    internal Interpreter Interpreter => interpreter ?? throw new InvalidOperationException("Nothing was traced yet: call trace first.");

    internal ModuleAttributes Attributes => attributes!;

    internal torch.nn.Module? CurrentModule => scopes.TryPeek(out var scope) ? scope.Module : null;

    internal string CurrentPath => scopes.TryPeek(out var scope) ? scope.Path : "";

    /// <summary>
    /// Whether a call of a module becomes one node instead of being followed. By default TorchSharp's own modules do, except containers.
    /// Counterpart: <c>torch.fx.Tracer.is_leaf_module</c>.
    /// </summary>
    /// <param name="m">The module that is called.</param>
    /// <param name="module_qualified_name">Its path in the root.</param>
    public virtual bool is_leaf_module(torch.nn.Module m, string module_qualified_name)
        => Leaves.Of(m.GetType());

    /// <summary>
    /// The qualified name of a module: its registered name, or else its path through fields and collections. Counterpart:
    /// <c>torch.fx.Tracer.path_of_module</c>.
    /// </summary>
    /// <exception cref="TraceException">FX009: the root does not reach the module.</exception>
    public virtual string path_of_module(torch.nn.Module mod) => Attributes.PathOf(mod) ?? throw Untraceable.NotInHierarchy(this, mod);

    /// <summary>
    /// Called for every call of a submodule. Records a leaf as one node and follows any other module. Counterpart:
    /// <c>torch.fx.Tracer.call_module</c>.
    /// </summary>
    /// <param name="m">The module that is called.</param>
    /// <param name="forward">Traces the module's own code and returns its result.</param>
    /// <param name="args">The arguments: symbolic numbers and tuples as <see cref="Proxy"/>, everything else as itself.</param>
    public virtual object? call_module(torch.nn.Module m, Func<object?[], object?> forward, object?[] args)
    {
        ArgumentNullException.ThrowIfNull(forward);
        return is_leaf_module(m, CurrentPath) && !Attributes.IsMade(m) ? RecordLeaf(args) : forward(args);
    }

    /// <summary>
    /// Makes a node and the proxy of its value. The tracer makes all nodes by this method. Counterpart:
    /// <c>torch.fx.Tracer.create_proxy</c>.
    /// </summary>
    /// <param name="op">The node's kind.</param>
    /// <param name="target">The operation that it does, or the thing that it names.</param>
    /// <param name="args">Its arguments.</param>
    /// <param name="type">The C# type of its value.</param>
    public virtual Proxy create_proxy(Opcode op, Target target, ImmutableArray<Argument> args, Type type)
    {
        var node = graph.create_node(op, target, args, type);
        node.origin = Interpreter.Here();
        node.gradient_mode = Interpreter.Gradients.ModeOf(node);
        if (op != Opcode.placeholder)
            Interpreter.ComputeExample(node);
        return new Proxy(node, type);
    }

    /// <summary>Traces a module. Counterpart: <c>torch.fx.Tracer.trace</c>.</summary>
    /// <param name="root">The module; its parameters and mode stay as they are.</param>
    /// <param name="concrete_args">Fixed values for arguments of <c>forward</c>, by name; these are no inputs of the graph.</param>
    /// <exception cref="TraceException">The program can't be written as a graph; the message says where and what to do.</exception>
    /// <exception cref="TracedProgramException">The program threw an exception of its own.</exception>
    /// <exception cref="InterpreterFault">The tracer itself failed.</exception>
    public Graph trace(torch.nn.Module root, IReadOnlyDictionary<string, object?>? concrete_args = null)
    {
        ArgumentNullException.ThrowIfNull(root);
        return Trace(EntryPoint.Of(root), concrete_args, Examples);
    }

    /// <summary>
    /// Traces a module with example inputs. A branch, loop bound or length that depends on an input follows the example. The graph asserts
    /// each such decision, so that an input for which it would be another fails with a clear message. Everything that decided nothing stays
    /// symbolic.
    /// </summary>
    /// <param name="root">The module; it is not changed.</param>
    /// <param name="example_inputs">A value for each input, in order, or an <see cref="InputShape"/> where only sizes matter; inputs left
    /// out take their defaults.</param>
    /// <param name="concrete_args">Fixed values for arguments of <c>forward</c>, by name; these are no inputs of the graph.</param>
    /// <param name="allow_value_specialization">Whether a number read out of a tensor may decide a branch, too.</param>
    /// <exception cref="TraceException">The program can't be written as a graph; the message says where and what to do.</exception>
    public Graph trace(
        torch.nn.Module root, IReadOnlyList<object?> example_inputs, IReadOnlyDictionary<string, object?>? concrete_args = null,
        bool allow_value_specialization = false)
    {
        ArgumentNullException.ThrowIfNull(root);
        ArgumentNullException.ThrowIfNull(example_inputs);
        return Trace(EntryPoint.Of(root), concrete_args, new(example_inputs, allow_value_specialization));
    }

    /// <summary>
    /// Traces a function: a lambda, a local function, any method. Its parameters become the inputs, under their names; a module that it
    /// captured is called by the variable's name, and a method of a module has that module as the root. Counterpart:
    /// <c>torch.fx.Tracer.trace</c>.
    /// </summary>
    /// <param name="function">The function; the objects that it captured are not changed.</param>
    /// <param name="concrete_args">Fixed values for its arguments, by name; these are no inputs of the graph.</param>
    /// <exception cref="TraceException">The program can't be written as a graph; the message says where and what to do.</exception>
    /// <exception cref="TracedProgramException">The program threw an exception of its own.</exception>
    public Graph trace(Delegate function, IReadOnlyDictionary<string, object?>? concrete_args = null)
    {
        ArgumentNullException.ThrowIfNull(function);
        return Trace(EntryPoint.Of(function), concrete_args, Examples);
    }

    /// <summary>
    /// Traces a function with example inputs; they decide branches, loop bounds and lengths, and the graph asserts each decision.
    /// </summary>
    /// <param name="function">The function; the objects that it captured are not changed.</param>
    /// <param name="example_inputs">A value for each input, in order; inputs left out take their defaults.</param>
    /// <param name="concrete_args">Fixed values for its arguments, by name; these are no inputs of the graph.</param>
    /// <param name="allow_value_specialization">Whether a number read out of a tensor may decide a branch, too.</param>
    /// <exception cref="TraceException">The program can't be written as a graph; the message says where and what to do.</exception>
    public Graph trace(
        Delegate function, IReadOnlyList<object?> example_inputs, IReadOnlyDictionary<string, object?>? concrete_args = null,
        bool allow_value_specialization = false)
    {
        ArgumentNullException.ThrowIfNull(function);
        ArgumentNullException.ThrowIfNull(example_inputs);
        return Trace(EntryPoint.Of(function), concrete_args, new(example_inputs, allow_value_specialization));
    }

    /// <summary>The modes alone.</summary>
    internal ModuleModes ModesOf(torch.nn.Module module)
    {
        Start(module);
        ModeCalls.Switch(Interpreter, Training is true);
        return Interpreter.Modes;
    }

    private void Start(torch.nn.Module root, Recording? recording = null)
    {
        traced = new Graph();
        interpreter = new Interpreter(this, traced, root) { Recording = recording };
        attributes = new ModuleAttributes(root, FirstConstant);
        shown.Clear();
        scopes.Clear();
        scopes.Push((root, ""));
    }

    /// <summary>The loops that do more than to collect: these are followed turn by turn.</summary>
    private readonly HashSet<(MethodIL, int)> unrolled = [];

    /// <summary>
    /// Whether a loop that only collects tensors, and whose number of iterations depends on an input, becomes one node
    /// (<see cref="MapTarget"/>). The graph then holds for any number of iterations. Otherwise the loop is unrolled as often as the example
    /// runs it. True by default; a feature extractor with example inputs unrolls loops, so that nodes of single iterations can be
    /// requested.
    /// </summary>
    public bool map_loops { get; init; } = true;

    /// <summary>Whether this trace does so.</summary>
    internal virtual bool MapsLoops => map_loops;

    internal bool MapsLoop(MethodIL code, int at) => MapsLoops && !unrolled.Contains((code, at));

    /// <summary>Whether none was found that does more.</summary>
    internal bool MapsAllLoops => MapsLoops && unrolled.Count == 0 && Interpreter.Recording is null;

    /// <summary>Told which nodes are taken out of the graph again, as one of another graph stands for them.</summary>
    internal virtual void Forget(IReadOnlyList<Node> nodes) { }

    private Graph Once(EntryPoint entry, IReadOnlyDictionary<string, object?> concrete_args, ExampleInputs? examples, StatePlan plan)
    {
        while (true)
            try
            {
                return Attempted(entry, concrete_args, examples, plan);
            }
            catch (Exception) when (interpreter?.OpenAt is not null)
            {
                unrolled.Add(interpreter.OpenAt.Value);
                DisposeConstants();
            }
    }

    private Graph Attempted(EntryPoint entry, IReadOnlyDictionary<string, object?> concrete_args, ExampleInputs? examples, StatePlan plan)
    {
        Start(entry.Root);
        interpreter!.Examples = examples is null ? null : ExampleValues.Of(interpreter, examples, concrete_args);
        var finished = false;
        try
        {
            if (Training is { } mode && entry.Root is not TracedFunction)
                ModeCalls.Switch(interpreter, mode);
            var inputs = Opened(entry.Inputs(interpreter, concrete_args), plan);
            var result = entry.Run(interpreter, inputs);
            if (interpreter.Loop is not null)
                throw new LoopRefusal("it was left by an exception");
            Close(result, entry.ReturnType);
            interpreter.Gradients.CheckRestored();
            finished = true;
            return graph;
        }
        catch (Exception exception)
            when (!ProgramFault.IsOurs(exception)
                && exception is not ArgumentException { ParamName: nameof(concrete_args) or ExampleValues.Parameter })
        {
            throw ProgramFault.Is(exception) ? interpreter.Faulted(exception) : interpreter.OwnFault(exception);
        }
        finally
        {
            interpreter.Close(finished);
        }
    }

    /// <summary>Gives up the handles of <see cref="tensor_constants"/>.</summary>
    internal void DisposeConstants()
    {
        foreach (var constant in tensor_constants.Values)
            constant.Dispose();
    }

    internal void WriteCode(MethodIL code)
    {
        if (CodeWriter is { } writer && shown.Add(code))
            writer.WriteLine(CodeText.Of(code));
    }

    internal bool IsLeafFunction(MethodBase method)
        => leafFunctions.Count > 0 && leafFunctions.Contains(Definition(method)) || IsMarkedLeaf(method);

    /// <summary>Whether a function is a leaf although nobody listed it.</summary>
    internal virtual bool IsMarkedLeaf(MethodBase method)
        => method.DeclaringType == typeof(quantized_decomposed) || (method.DeclaringType == typeof(aten) && method.IsPublic)
            || LeafMark.Of(method) is { Always: true };

    internal Value CallModule(torch.nn.Module module, MethodInfo method, Value[] operands, Func<Value[], Value> forward)
    {
        if (Interpreter.Overlay.Owns(module)
            || (CurrentModule is { } caller && Attributes.IsMade(caller) && Attributes.PathOf(module) is null))
            Attributes.Made(module, CurrentPath);
        scopes.Push((module, path_of_module(module)));
        call = (module, method);
        try
        {
            var parameters = Traits.Of(method).Parameters;
            var result = call_module(module, inputs => ToObject(forward(Unwrap(inputs, parameters))), Array.ConvertAll(operands, ToObject));
            return FromObject(result, method.ReturnType);
        }
        finally
        {
            scopes.Pop();
        }

        Value[] Unwrap(object?[] inputs, ParameterInfo[] parameters)
            => [.. inputs.Select((input, i) => FromObject(input, parameters[i].ParameterType))];
    }

    private (torch.nn.Module Module, MethodInfo Method) call;

    private object? RecordLeaf(object?[] args)
    {
        var parameters = Traits.Of(call.Method).Parameters;
        Interpreter.Constants.BeforeSharing(() => Operations.Of(call.Module, call.Method, training: null), args);
        var arguments = new Argument[args.Length];
        for (var i = 0; i < args.Length; i++)
            arguments[i] = Interpreter.ToArgument(FromObject(args[i], parameters[i].ParameterType), parameters[i].ParameterType);
        recorded = create_proxy(Opcode.call_module, new ModuleTarget(CurrentPath, call.Method), [.. arguments], call.Method.ReturnType);
        return ToObject(Interpreter.FromProxy(recorded));
    }

    private Proxy? recorded;

    /// <summary>Records the call of a module that was a leaf already, whatever is one now.</summary>
    internal Proxy CallLeaf(torch.nn.Module module, MethodInfo method, Value[] operands)
    {
        CallModule(module, method, operands, inputs => FromObject(RecordLeaf(Array.ConvertAll(inputs, ToObject)), method.ReturnType));
        return recorded!;
    }

    private static object? ToObject(Value value) => value.Kind switch
    {
        ValueKind.Object or ValueKind.Struct or ValueKind.Symbol => value.Reference,
        ValueKind.Int32 => value.Int32,
        ValueKind.Int64 => value.Int64,
        ValueKind.Single => value.Single,
        ValueKind.Double => value.Double,
        _ => throw new NotSupportedException("A module can't take or return a reference or a pointer."),
    };

    private Value FromObject(object? value, Type type) => value switch
    {
        Proxy symbol => type.IsValueType ? Value.Of(symbol) : Value.OfObject(symbol),
        int number => Value.Of(number),
        long number => Value.Of(number),
        _ when type == typeof(void) => default,
        _ when type.IsByRefLike => Value.OfStruct(value),
        _ => Interpreter.ToValue(value, type),
    };

    private static MethodBase Definition(MethodBase method)
        => method is MethodInfo { IsGenericMethod: true } generic ? generic.GetGenericMethodDefinition() : method;
}

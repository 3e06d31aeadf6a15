using System.Collections.Immutable;
using System.Reflection;
using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>
/// Runs a graph node by node. It is slow and simple, and the reference that compiled graphs are tested against. It disposes no tensors.
/// Override a method to change what a kind of node does. Counterpart: <c>torch.fx.Interpreter</c>.
/// </summary>
/// <param name="module">The hierarchy whose modules, parameters and buffers the graph names.</param>
/// <param name="graph">The graph to run.</param>
/// <param name="tensor_constants">The tensors that belong to the graph itself, <c>_tensor_constant0</c> and so on.</param>
public class GraphInterpreter(nn.Module module, Graph graph, IReadOnlyDictionary<string, Tensor>? tensor_constants = null)
{
    private readonly Dictionary<Node, object?> values = [];
    private readonly Queue<object?> inputs = [];

    /// <summary>An interpreter of a graph module's present graph.</summary>
    public GraphInterpreter(IGraphModule module) : this((nn.Module)module, module.graph, module.Program.Constants) { }

    /// <summary>The graph that runs.</summary>
    public Graph graph { get; } = graph;

    /// <summary>The values computed so far. Counterpart: <c>torch.fx.Interpreter.env</c>.</summary>
    public IReadOnlyDictionary<Node, object?> env => values;

    /// <summary>
    /// Whether <see cref="env"/> drops a value after its last use; otherwise it has all values after a run. A dropped value is not
    /// disposed. Counterpart: <c>torch.fx.Interpreter.garbage_collect_values</c>.
    /// </summary>
    public bool garbage_collect_values { get; init; } = true;

    /// <summary>Runs the whole graph and returns its result. Counterpart: <c>torch.fx.Interpreter.run</c>.</summary>
    /// <exception cref="NodeExecutionException">A node threw.</exception>
    /// <exception cref="GraphAssertionException">An input breaks an assumption of the trace.</exception>
    public object? run(params object?[] args) => run(ImmutableDictionary<Node, object?>.Empty, args);

    /// <summary>
    /// Runs the graph with given values for some nodes. Counterpart: <c>torch.fx.Interpreter.run</c> with <c>initial_env</c>.
    /// </summary>
    /// <param name="initial_env">The given values. These nodes do not run.</param>
    /// <param name="args">The inputs, without those that <paramref name="initial_env"/> has.</param>
    /// <exception cref="NodeExecutionException">A node threw.</exception>
    public object? run(IReadOnlyDictionary<Node, object?> initial_env, params object?[] args)
    {
        ArgumentNullException.ThrowIfNull(initial_env);
        var bound = GraphInputs.Bind(graph, args, initial_env);
        values.Clear();
        inputs.Clear();
        foreach (var (node, value) in initial_env)
            values[node] = value;
        foreach (var input in bound)
            inputs.Enqueue(input);
        var lastUses = garbage_collect_values ? LastUses() : [];
        foreach (var node in graph.nodes)
        {
            if (!values.ContainsKey(node))
                values[node] = Located(node);
            foreach (var finished in lastUses.GetValueOrDefault(node, []))
                values.Remove(finished);
        }
        return values[graph.output_node()];
    }

    /// <summary>
    /// Runs the graph on the inputs in a list and empties the list, so that it doesn't keep inputs alive after their last use. Counterpart:
    /// <c>torch.fx.Interpreter.boxed_run</c>.
    /// </summary>
    public object? boxed_run(IList<object?> args_list)
    {
        ArgumentNullException.ThrowIfNull(args_list);
        var args = GraphInputs.Bind(graph, [.. args_list]);
        args_list.Clear();
        return run(args);
    }

    /// <summary>Runs one node on the values computed so far. Counterpart: <c>torch.fx.Interpreter.run_node</c>.</summary>
    public virtual object? run_node(Node node) => node.op switch
    {
        Opcode.placeholder => placeholder(node),
        Opcode.get_attr => get_attr(node),
        Opcode.call_function => call_function(node),
        Opcode.call_method => call_method(node),
        Opcode.call_module => call_module(node),
        Opcode.output => output(node),
        _ => throw new InvalidOperationException($"Node '{node.name}' is of no known kind."),
    };

    /// <summary>The next input.</summary>
    protected virtual object? placeholder(Node node) => ValueConversion.Apply(inputs.Dequeue(), node.type);

    /// <summary>A parameter, buffer or constant.</summary>
    protected virtual object? get_attr(Node node) => Hierarchy.Attribute(node.target.name)();

    /// <summary>The result of a static method, an operator, or an operation on numbers and sequences.</summary>
    protected virtual object? call_function(Node node) => node.target switch
    {
        { Callee: { } callee } => Call(node, callee.Method, callee.Receivers > 0 ? node.args[0] : null, callee.Receivers),
        MemberTarget { Member: FieldInfo field } => field.GetValue(Value(node.args[0])),
        BuiltinTarget builtin => Evaluate(builtin, node),
        StateTarget { IsWritten: false } read => get_state(read),
        StateTarget put => set_state(node, put),
        MapTarget map => Turns(node, map, []),
        _ => throw new InvalidOperationException($"Node '{node.name}' can't call a {node.target.GetType().Name}."),
    };

    /// <summary>The model's state at a path.</summary>
    private protected virtual object? get_state(StateTarget place) => KeptState.Read(Hierarchy, place.Path);

    /// <summary>Puts a value where the model, or an input, keeps it.</summary>
    private protected virtual object? set_state(Node node, StateTarget place)
    {
        KeptState.Write(Hierarchy, Value(node.args[0]), place, Builder([]).Build(node.args[1], place.Type));
        return null;
    }

    /// <summary>The result of an instance method on the first argument.</summary>
    protected virtual object? call_method(Node node) => Call(node, ((MethodTarget)node.target).Method, node.args[0], 1);

    /// <summary>The result of a submodule.</summary>
    protected virtual object? call_module(Node node) => CallModule(node, Hierarchy.Module(node.target.name));

    /// <summary>The result of a module in the place of the one that a node names.</summary>
    private protected object? CallModule(Node node, nn.Module module)
        => Call(node, ((ModuleTarget)node.target).Method, new Literal(module), 0);

    /// <summary>The graph's result.</summary>
    protected virtual object? output(Node node)
    {
        var copies = OutputCopies.Of(graph, graph.Aliases(Hierarchy), Hierarchy).Nodes;
        var given = copies.ToDictionary(copied => copied, copied => OutputCopies.Copy(values[copied]));
        return new ArgumentBuilder(read => given.TryGetValue(read, out var copy) ? copy : values[read], []).Build(node.args[0], node.type);
    }

    /// <summary>The values of a node's arguments. Counterpart: <c>torch.fx.Interpreter.fetch_args_kwargs_from_env</c>.</summary>
    protected object?[] fetch_args(Node node) => [.. node.args.Select(map_nodes_to_values)];

    /// <summary>The module or tensor at a qualified name. Counterpart: <c>torch.fx.Interpreter.fetch_attr</c>.</summary>
    protected object fetch_attr(string target) => Hierarchy.Find(target) as nn.Module ?? (object)Hierarchy.Attribute(target)();

    /// <summary>
    /// The value of an argument, from the values computed so far. Counterpart: <c>torch.fx.Interpreter.map_nodes_to_values</c>.
    /// </summary>
    protected virtual object? map_nodes_to_values(Argument argument) => Value(argument);

    /// <summary>The modules and tensors that the graph names.</summary>
    private protected ModuleHierarchy Hierarchy { get; init; } = new(module, tensor_constants);

    /// <summary>Gives a placeholder its value.</summary>
    internal void Set(Node node, object? value) => values[node] = value;

    /// <summary>The values that a loop collects.</summary>
    /// <param name="node">The node.</param>
    /// <param name="map">Its target.</param>
    /// <param name="done">What the first turns gave that were run already.</param>
    internal object? Turns(Node node, MapTarget map, List<Tensor[]> done)
    {
        var count = (long)Builder([]).Build(node.args[0], typeof(long))!;
        object?[] operands = [.. map.Operands.Select((operand, i) => Builder([]).Build(node.args[i + 1], operand.type))];
        var number = map.Body.nodes.First().type;
        for (long turn = done.Count; turn < count; turn++)
            done.Add((Tensor[])RunnerOf(map.Body).run([Convert.ChangeType(turn, number, null), .. operands])!);
        return Collections.Of(done, node.type);
    }

    /// <summary>The interpreter of a graph that a node of this one holds.</summary>
    private protected virtual GraphInterpreter RunnerOf(Graph body) => new(Hierarchy.Root, body) { Hierarchy = Hierarchy };

    /// <summary>Runs one node and keeps its value.</summary>
    internal object? Step(Node node) => values[node] = Located(node);

    /// <summary>An argument's value by the values computed so far.</summary>
    internal object? Of(Argument argument) => Value(argument);

    /// <summary>The values that each node is the last to read.</summary>
    private Dictionary<Node, List<Node>> LastUses()
    {
        var last = new Dictionary<Node, Node>();
        foreach (var node in graph.nodes)
            foreach (var input in node.all_input_nodes)
                last[input] = node;
        return last.GroupBy(entry => entry.Value, entry => entry.Key).ToDictionary(group => group.Key, group => group.ToList());
    }

    /// <summary>Enters the gradient mode that a node runs in.</summary>
    private protected virtual IDisposable? EnterMode(Node node) => node.gradient_mode?.Enter();

    private object? Located(Node node)
    {
        using var mode = EnterMode(node);
        try
        {
            return run_node(node);
        }
        catch (Exception error) when (error is not GraphAssertionException)
        {
            throw new NodeExecutionException(node, error);
        }
    }

    private object? Call(Node node, MethodBase method, Argument? receiver, int skipped)
    {
        var temporaries = new List<IDisposable>();
        var builder = Builder(temporaries);
        var self = receiver is null || method.IsStatic ? null : builder.Build(receiver, method.DeclaringType!);
        if (self is null && method is { IsStatic: false, IsConstructor: false })
            throw new NullReferenceException();
        var args = ParameterTypes.Arguments(method, node.args[skipped..], node).Select(pair => builder.Build(pair.Argument, pair.Type))
            .ToArray();
        if (Structures.Indexes(method))
            Array.ForEach(args, argument => Structures.Indexing(argument));
        var result = Thunks.Invoke(method, self, args);
        foreach (var temporary in temporaries)
            if (!ReferenceEquals(temporary, result))
                temporary.Dispose();
        return result;
    }

    private object? Evaluate(BuiltinTarget target, Node node) => target.Operation switch
    {
        Builtin.getitem when node.args[1] is SliceArgument slice => Slice(Value(node.args[0])!, slice),
        Builtin.getitem
            when node.args[1] is Literal { Value: int and < 0 and var position } => Structures.FromEnd(Value(node.args[0])!, position),
        Builtin.getitem => Structures.Item(Value(node.args[0])!, Value(node.args[1])),
        Builtin.len => Structures.Length(Value(node.args[0])!),
        Builtin._assert => Assert(node),
        _ => Arithmetic.Evaluate(target, Value(node.args[0]), node.args.Length > 1 ? Value(node.args[1]) : null),
    };

    private object? Slice(object sequence, SliceArgument slice)
    {
        var builder = Builder([]);
        var element = ValueConversion.ElementOf(sequence.GetType())!;
        return typeof(Structures).GetMethod(nameof(Structures.Slice), BindingFlags.Static | BindingFlags.NonPublic)!
            .MakeGenericMethod(element)
            .Invoke(null, BindingFlags.DoNotWrapExceptions, null,
                [ValueConversion.Apply(sequence, element.MakeArrayType()), builder.Bound(slice.Start), builder.Bound(slice.Stop),
                    builder.Bound(slice.Step)], null);
    }

    private object? Assert(Node node)
    {
        Structures.Assert((bool)ValueConversion.Apply(Value(node.args[0]), typeof(bool))!, (string)Value(node.args[1])!);
        return null;
    }

    private object? Value(Argument argument) => Builder([]).Build(argument, typeof(object));

    private ArgumentBuilder Builder(List<IDisposable> temporaries) => new(node => values[node], temporaries);
}

using System.Linq.Expressions;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Evaluation;

/// <summary>
/// A graph as one compiled method with a local variable for each value. Intermediate tensors are disposed right after their last use,
/// also when a node throws. All state is in locals, so several threads may run it at once.
/// </summary>
internal sealed class CompiledGraph
{
    private readonly ModuleHierarchy modules;
    private readonly AliasAnalysis aliases;
    private readonly Lifetimes lifetimes;
    private readonly Node[] nodes;
    private readonly Dictionary<Node, ParameterExpression> values = [];
    private readonly List<ParameterExpression> temporaries = [];
    private readonly ParameterExpression inputs = Expression.Parameter(typeof(object[]), "inputs");
    private readonly ParameterExpression turn = Expression.Variable(typeof(int), "turn");
    private readonly ParameterExpression? mode;
    private GradientMode? lastMode;

    // What a failure has to dispose. Only this one variable lives on into the handler: with all of them the JIT takes seconds.
    private readonly ParameterExpression made = Expression.Variable(typeof(object[]), "made");
    private readonly ParameterExpression owners = Expression.Variable(typeof(Owners), "owners");
    private readonly OutputCopies copies;
    private readonly NodeClock? clock;
    private readonly Func<object?[], object?> run;

    /// <param name="graph">The graph; later edits have no effect.</param>
    /// <param name="modules">The hierarchy it names.</param>
    /// <param name="result">What to return instead of the output's own argument.</param>
    /// <param name="type">The type of that.</param>
    /// <param name="clock">What to tell when a node is done; calls then have to come one after the other.</param>
    internal CompiledGraph(Graph graph, ModuleHierarchy modules, Argument? result = null, Type? type = null, NodeClock? clock = null)
    {
        (this.modules, this.clock) = (modules, clock);
        aliases = graph.Aliases(modules);
        copies = OutputCopies.Of(graph, aliases, modules);
        lifetimes = new Lifetimes(graph, aliases, graph.nodes.Where(MayKeep), copies.Nodes);
        nodes = [.. graph.nodes];
        mode = Array.Exists(nodes, node => node.gradient_mode is not null) ? Expression.Variable(typeof(GradientModeSwitch), "mode") : null;
        foreach (var node in nodes.Where(node => node.op != Opcode.output && node.type != typeof(void)))
            values[node] = Expression.Variable(node.type, node.name);
        run = Compile(result ?? graph.output_node().args[0], type ?? graph.output_node().type);
    }

    /// <summary>Runs the graph; one input for each placeholder.</summary>
    internal object? Run(object?[] given) => run(given);

    private Func<object?[], object?> Compile(Argument result, Type type)
    {
        var steps = new List<Expression>();
        foreach (var node in nodes.Where(node => node.op == Opcode.placeholder))
            steps.Add(Expression.Assign(values[node], Input(node, steps.Count)));
        steps.AddRange(nodes.Where(node => node.op == Opcode.placeholder && lifetimes.IsCounted(node))
            .Select(node => Owners(nameof(Evaluation.Owners.Hold), values[node])));
        for (var i = 0; i < nodes.Length; i++)
            if (nodes[i].op is not (Opcode.placeholder or Opcode.output))
                steps.AddRange(Step(nodes[i], i));
        steps.Add(Expression.Assign(turn, Expression.Constant(nodes.Length - 1)));
        steps.AddRange(Output(result, type));

        var error = Expression.Parameter(typeof(Exception));
        var failure = Expression.Call(Expression.Constant(this), nameof(Failed), null, error, turn, made, inputs);
        var body = Expression.TryCatch(Expression.Block(typeof(object), steps),
            Expression.Catch(error, Expression.Throw(failure, typeof(object))));
        var slots = Expression.Assign(made, Expression.NewArrayBounds(typeof(object), Expression.Constant(nodes.Length)));
        var counting =
            Expression.Assign(owners,
                Array.Exists(nodes, lifetimes.IsCounted) ? Expression.New(typeof(Owners)) : Expression.Constant(null, typeof(Owners)));
        return Expression.Lambda<Func<object?[], object?>>(
            Expression.Block([.. values.Values, .. temporaries, turn, made, owners], slots, counting, InCallersMode(body)), inputs)
                .Compile();
    }

    /// <summary>Gives the caller its gradient mode back after the nodes, where one has a mode of its own.</summary>
    private Expression InCallersMode(Expression body) => mode is null ? body : Expression.Block(
        [mode],
        Expression.Assign(mode, Expression.New(typeof(GradientModeSwitch))),
        Expression.TryFinally(body, Expression.Call(mode, nameof(GradientModeSwitch.Dispose), null)));

    /// <summary>The call that enters a node's gradient mode, where the node before has another.</summary>
    private IEnumerable<Expression> EnterMode(Node node)
    {
        if (mode is null || node.gradient_mode == lastMode || !GradientMode.Matters(node))
            yield break;
        lastMode = node.gradient_mode;
        yield return Expression.Call(mode, nameof(GradientModeSwitch.To), null, Expression.Constant(lastMode, typeof(GradientMode)));
    }

    private Expression Input(Node node, int position)
    {
        var input = Expression.ArrayIndex(inputs, Expression.Constant(position));
        return node.type.IsValueType ? ValueConversion.Emit(input, node.type) : Expression.Convert(input, node.type);
    }

    /// <summary>The result, with a copy of what is the graph's own.</summary>
    private IEnumerable<Expression> Output(Argument result, Type type)
    {
        var given = new Dictionary<Node, ParameterExpression>();
        foreach (var node in copies.Nodes)
        {
            temporaries.Add(given[node] = Expression.Variable(node.type, node.name + "_copy"));
            yield return Expression.Assign(given[node],
                Expression.Convert(
                    Expression.Call(typeof(OutputCopies), nameof(OutputCopies.Copy), null,
                        Expression.Convert(values[node], typeof(object))), node.type));
        }
        var returned = Expression.Variable(typeof(object), "returned");
        temporaries.Add(returned);
        yield return Expression.Assign(returned,
            ValueConversion.Emit(new ArgumentEmitter(node => given.GetValueOrDefault(node) ?? values[node], false).Emit(result, type),
                typeof(object)));
        foreach (var ended in Ended(nodes[^1]))
            yield return ended;
        yield return returned;
    }

    /// <summary>One node: compute it, then dispose what only it needed.</summary>
    private IEnumerable<Expression> Step(Node node, int position)
    {
        yield return Expression.Assign(turn, Expression.Constant(position));
        foreach (var enter in EnterMode(node))
            yield return enter;
        var (value, arguments) = new NodeEmitter(modules, input => values[input]).Emit(node);
        temporaries.AddRange(arguments);
        var variable = values.GetValueOrDefault(node);
        yield return variable is null ? value : Expression.Assign(variable, ValueConversion.Emit(value, node.type));
        if (variable is not null && TensorTypes.MayHold(node.type))
            yield return Remember(variable, position);
        foreach (var temporary in arguments)
        {
            yield return temporary.Type == typeof(Scalar)
                ? Expression.Call(temporary, nameof(IDisposable.Dispose), null)
                : Release(temporary, variable is null ? [] : [variable]);
        }
        if (variable is not null && lifetimes.IsCounted(node))
            yield return Owners(nameof(Evaluation.Owners.Hold), variable);
        if (MayKeep(node))
            yield return Expression.Call(owners, nameof(Evaluation.Owners.Keep), null,
                Expression.Constant(modules.Module(node.target.name), typeof(nn.Module)),
                Objects(node.all_input_nodes.Append(node).Where(values.ContainsKey).Select(passed => values[passed])));
        foreach (var ended in Ended(node))
            yield return ended;
        if (clock is not null)
            yield return Expression.Call(Expression.Constant(clock), nameof(NodeClock.Stop), null, Expression.Constant(position));
    }

    private BinaryExpression Remember(Expression value, int slot)
        => Expression.Assign(Expression.ArrayAccess(made, Expression.Constant(slot)), Expression.Convert(value, typeof(object)));

    /// <summary>The calls that dispose the values that were needed for the last time.</summary>
    private IEnumerable<Expression> Ended(Node node)
    {
        foreach (var (dead, live) in lifetimes.After(node))
            if (lifetimes.IsCounted(dead))
                yield return Expression.Call(owners, nameof(Evaluation.Owners.Release), null,
                    Expression.Convert(values[dead], typeof(object)), Expression.Constant(Lifetimes.IsOwned(dead)));
            else if (Lifetimes.IsOwned(dead))
                yield return Release(values[dead], [.. live.Select(other => values[other])]);
    }

    private MethodCallExpression Owners(string method, Expression value)
        => Expression.Call(owners, method, null, Expression.Convert(value, typeof(object)));

    /// <summary>
    /// Whether a node calls a module of the user's own: it may keep what it is given, and return what it keeps, a cached table say.
    /// </summary>
    private bool MayKeep(Node node) => node.op == Opcode.call_module && LeafCalls.IsUsers(node, modules.Module);

    private static Expression Release(Expression dead, Expression[] live) => live switch
    {
        [] when TensorTypes.IsTensor(dead.Type) => Expression.Call(typeof(Disposal), nameof(Disposal.Release), null, dead),
        [var one] when TensorTypes.IsTensor(dead.Type)
            && TensorTypes.IsTensor(one.Type) => Expression.Call(typeof(Disposal), nameof(Disposal.Release), null, dead, one),
        _ => Expression.Call(typeof(Disposal), nameof(Disposal.Release), null, Expression.Convert(dead, typeof(object)), Objects(live)),
    };

    private static NewArrayExpression Objects(IEnumerable<Expression> values)
        => Expression.NewArrayInit(typeof(object), values.Select(value => Expression.Convert(value, typeof(object))));

    private Exception Failed(Exception error, int at, object?[] values, object?[] given)
    {
        var attributes = values.Where((_, slot) => IsModels(nodes[slot]));
        var modulesThatKeep = nodes.Where(MayKeep).Select(node => modules.Module(node.target.name)).Distinct();
        var kept = new HashSet<object>(Disposal.Live([.. given, .. attributes, .. modulesThatKeep]), ReferenceEqualityComparer.Instance);
        foreach (var item in values.Where((_, slot) => !IsModels(nodes[slot])).SelectMany(Disposal.TensorsIn))
            if (!kept.Contains(item))
                item.Dispose();
        return error is GraphAssertionException ? error : new NodeExecutionException(nodes[at], error);
    }

    /// <summary>Whether the model has a value, or may have it by now.</summary>
    private static bool IsModels(Node node)
        => node.op == Opcode.get_attr || node.target is StateTarget || node.users.Any(user => user.target is StateTarget);
}

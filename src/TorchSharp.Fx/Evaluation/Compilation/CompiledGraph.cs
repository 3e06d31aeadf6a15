using System.Linq.Expressions;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Evaluation;

/// <summary>
/// A graph as compiled code, a step for each node. Intermediate tensors are disposed right after their last use, also when a node throws.
/// All state of a run is its own, so several threads may run it at once.
/// </summary>
internal sealed class CompiledGraph
{
    private readonly ModuleHierarchy modules;
    private readonly Lifetimes lifetimes;
    private readonly Node[] nodes;
    private readonly int[] placeholders;
    private readonly Dictionary<Node, ParameterExpression> values = [];
    private readonly OutputCopies copies;
    private readonly NodeClock? clock;
    private readonly bool counts;
    private readonly bool hasModes;
    private readonly Step?[] steps;

    /// <param name="graph">The graph; later edits have no effect.</param>
    /// <param name="modules">The hierarchy it names.</param>
    /// <param name="result">What to return instead of the output's own argument.</param>
    /// <param name="type">The type of that.</param>
    /// <param name="clock">What to tell when a node is done; calls then have to come one after the other.</param>
    internal CompiledGraph(Graph graph, ModuleHierarchy modules, Argument? result = null, Type? type = null, NodeClock? clock = null)
    {
        (this.modules, this.clock) = (modules, clock);
        var aliases = graph.Aliases(modules);
        copies = OutputCopies.Of(graph, aliases, modules);
        lifetimes = new Lifetimes(graph, aliases, graph.nodes.Where(MayKeep), copies.Nodes);
        nodes = [.. graph.nodes];
        placeholders = [.. Enumerable.Range(0, nodes.Length).Where(i => nodes[i].op == Opcode.placeholder)];
        counts = Array.Exists(nodes, lifetimes.IsCounted);
        hasModes = Array.Exists(nodes, node => node.gradient_mode is not null);
        foreach (var node in nodes.Where(node => node.type != typeof(void) || node.op == Opcode.output))
            values[node] = Expression.Variable(node.op == Opcode.output ? typeof(object) : node.type, node.name);
        steps = Compile(result ?? graph.output_node().args[0], type ?? graph.output_node().type);
    }

    /// <summary>Runs the graph; one input for each placeholder.</summary>
    internal object? Run(object?[] given)
    {
        var made = new object?[nodes.Length];
        var owners = counts ? new Owners() : null;
        var mode = hasModes ? new GradientModeSwitch() : null;
        var turn = 0;
        try
        {
            for (var i = 0; i < placeholders.Length; i++)
                made[placeholders[i]] = Input(nodes[placeholders[i]], given[i], owners);
            for (; turn < steps.Length; turn++)
                if (steps[turn] is { } step)
                {
                    if (step.ChangesMode)
                        mode!.To(step.Mode);
                    step.Code(made, owners, step.Places, step.Constants);
                    clock?.Stop(turn);
                }
            return made[^1];
        }
        catch (Exception error)
        {
            throw Failed(error, turn, made, given);
        }
        finally
        {
            mode?.Dispose();
        }
    }

    private object? Input(Node node, object? given, Owners? owners)
    {
        if (node.type.IsValueType)
            given = ValueConversion.Apply(given, node.type);
        else if (given is not null && !node.type.IsInstanceOfType(given))
            throw new InvalidCastException($"The input '{node.name}' takes a {node.type}, but was given a {given.GetType()}.");
        if (lifetimes.IsCounted(node))
            owners!.Hold(given);
        return given;
    }

    private Step?[] Compile(Argument result, Type type)
    {
        var variables = new Dictionary<ParameterExpression, int>();
        for (var i = 0; i < nodes.Length; i++)
            if (values.TryGetValue(nodes[i], out var variable))
                variables.Add(variable, i);
        var own = new Dictionary<StepForm, StepCode>();
        var compiled = new Step?[nodes.Length];
        GradientMode? last = null;
        for (var i = 0; i < nodes.Length; i++)
        {
            var node = nodes[i];
            if (node.op == Opcode.placeholder)
                continue;
            var form = new StepForm(node.op == Opcode.output ? Output(result, type) : Compute(node), variables);
            var changes = node.op != Opcode.output && hasModes && node.gradient_mode != last && GradientMode.Matters(node);
            if (changes)
                last = node.gradient_mode;
            compiled[i] = new(form.Code(own), form.Reads, form.Needs, changes, last);
        }
        return compiled;
    }

    /// <summary>The result, with a copy of what is the graph's own.</summary>
    private BlockExpression Output(Argument result, Type type)
    {
        var given = new Dictionary<Node, ParameterExpression>();
        var steps = new List<Expression>();
        foreach (var node in copies.Nodes)
        {
            given[node] = Expression.Variable(node.type, node.name + "_copy");
            steps.Add(Expression.Assign(given[node],
                Expression.Convert(
                    Expression.Call(typeof(OutputCopies), nameof(OutputCopies.Copy), null,
                        Expression.Convert(values[node], typeof(object))), node.type)));
        }
        var returned = new ArgumentEmitter(node => given.GetValueOrDefault(node) ?? values[node], false).Emit(result, type);
        steps.Add(Expression.Assign(values[nodes[^1]], ValueConversion.Emit(returned, typeof(object))));
        steps.AddRange(Ended(nodes[^1]));
        return Expression.Block(given.Values, steps);
    }

    /// <summary>One node: compute it, then dispose what only it needed.</summary>
    private BlockExpression Compute(Node node)
    {
        var (value, temporaries) = new NodeEmitter(modules, input => values[input]).Emit(node);
        var variable = values.GetValueOrDefault(node);
        var steps = new List<Expression> { variable is null ? value : Expression.Assign(variable, ValueConversion.Emit(value, node.type)) };
        foreach (var temporary in temporaries)
            steps.Add(temporary.Type == typeof(Scalar)
                ? Expression.Call(temporary, nameof(IDisposable.Dispose), null)
                : Release(temporary, variable is null ? [] : [variable]));
        if (variable is not null && lifetimes.IsCounted(node))
            steps.Add(Owners(nameof(Evaluation.Owners.Hold), Expression.Convert(variable, typeof(object))));
        if (MayKeep(node))
            steps.Add(Owners(nameof(Evaluation.Owners.Keep),
                Expression.Constant(modules.Module(node.target.name), typeof(nn.Module)),
                Objects(node.all_input_nodes.Append(node).Where(values.ContainsKey).Select(passed => values[passed]))));
        steps.AddRange(Ended(node));
        return Expression.Block(temporaries, steps);
    }

    /// <summary>The calls that dispose the values that were needed for the last time.</summary>
    private IEnumerable<Expression> Ended(Node node)
    {
        foreach (var (dead, live) in lifetimes.After(node))
            if (lifetimes.IsCounted(dead))
                yield return Owners(nameof(Evaluation.Owners.Release), Expression.Convert(values[dead], typeof(object)),
                    Expression.Constant(Lifetimes.IsOwned(dead)));
            else if (Lifetimes.IsOwned(dead))
                yield return Release(values[dead], [.. live.Select(other => values[other])]);
    }

    private static MethodCallExpression Owners(string method, params Expression[] arguments)
        => Expression.Call(StepForm.OwnersParameter, method, null, arguments);

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

    /// <param name="Code">What it does, as all steps of its form.</param>
    /// <param name="Places">The values it does it to.</param>
    /// <param name="Constants">The constants it does it with.</param>
    /// <param name="ChangesMode">Whether it has another gradient mode than the step before.</param>
    /// <param name="Mode">The gradient mode; null is the caller's.</param>
    private sealed record Step(StepCode Code, int[] Places, object?[] Constants, bool ChangesMode, GradientMode? Mode);
}

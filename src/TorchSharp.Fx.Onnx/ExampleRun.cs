using System.Reflection;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx;

/// <summary>A tensor's shape and type, without its content.</summary>
internal sealed record TensorFacts(long[] Shape, ScalarType Type);

/// <summary>The graph of a leaf that is not TorchSharp's own, with what it names.</summary>
internal sealed record Expansion(nn.Module Root, Graph Graph, IReadOnlyDictionary<string, Tensor> Constants);

/// <summary>
/// Runs a graph on example inputs, without touching the model, and notes what every node was given and gave: tensors by shape and type,
/// everything else as it is; and the content of tensors that no input has a part in. Leaves that are not TorchSharp's own are traced by the
/// example and run in the same way.
/// </summary>
/// <param name="code">The graph and what it names.</param>
/// <param name="dataInputs">Which inputs may have any content; of the others only the sizes of inputs tell.</param>
/// <param name="expansions">The leaves that were traced, for all runs.</param>
/// <param name="copies">What stands for tensors of the model that are written to, by their native identity: the same in all graphs of the
/// run.</param>
internal sealed class ExampleRun(Expansion code, bool[] dataInputs, Dictionary<Node, Expansion> expansions, Dictionary<nint, Tensor> copies)
    : DryRun(code.Root, code.Graph, code.Constants)
{
    private readonly Lifetimes lifetimes = new(code.Graph);

    // What has as many rows as data chose, and what is made of that.
    private readonly HashSet<Node> chosen = [];
    private readonly Dictionary<Node, long> lists = [];
    private int inputs;

    /// <summary>
    /// How many elements a result gets that has as many as data makes it have; null leaves it as it is. So the runs tell which sizes these
    /// are.
    /// </summary>
    internal long? Rows { get; init; }

    /// <summary>For each input whether it has another number of rows already; none unless said.</summary>
    internal IReadOnlyList<bool> ChosenInputs { get; init; } = [];

    internal Dictionary<Node, object?> Values { get; } = [];

    internal Dictionary<Node, object?[]> Arguments { get; } = [];

    internal Dictionary<Node, ExampleRun> Nested { get; } = [];

    /// <summary>The runs of each loop's turns.</summary>
    internal Dictionary<Node, List<ExampleRun>> Turned { get; } = [];

    /// <summary>The runs of both branches of each choice.</summary>
    internal Dictionary<Node, ExampleRun[]> Branches { get; } = [];

    /// <summary>The values that depend on the content of inputs or of the module's tensors, and those that do not.</summary>
    internal DataFlow Flow { get; } = new(code, dataInputs);

    internal ModuleHierarchy Modules => Hierarchy;

    /// <summary>Whether the graph writes to a tensor, itself or by a leaf.</summary>
    internal bool Writes
        => graph.nodes.Any(node => !Flow.IsOpaque(node) && Flow.Writes(node)) || Nested.Values.Any(nested => nested.Writes);

    /// <summary>Whether the graph draws random numbers, itself or by a leaf.</summary>
    internal bool Draws
        => graph.nodes.Any(node => !Flow.IsOpaque(node) && Flow.Does(node, Effects.Draws)) || Nested.Values.Any(nested => nested.Draws);

    /// <summary>
    /// The results whose number of rows data chooses, and that are no part of others, here and in leaves, with these numbers.
    /// </summary>
    internal IEnumerable<(Node Node, long Rows)> Lists
        => lists.Select(entry => (entry.Key, entry.Value)).Concat(Nested.Values.SelectMany(nested => nested.Lists));

    /// <summary>Whether data chooses how many rows any result has, here or in a leaf.</summary>
    internal bool HasLists => chosen.Count > 0 || Nested.Values.Any(nested => nested.HasLists);

    internal nn.Module ModuleAt(string path) => Hierarchy.Module(path);

    internal Tensor TensorAt(string path) => Hierarchy.Attribute(path)();

    /// <inheritdoc/>
    public override object? run_node(Node node)
    {
        if (node.op is Opcode.call_function or Opcode.call_method or Opcode.call_module)
            Arguments[node] = Array.ConvertAll(fetch_args(node), Facts);
        Flow.Read(node, env);
        var value = Resized(node, base.run_node(node));
        Values[node] = Facts(value);
        Flow.Made(node, value, Nested.GetValueOrDefault(node)?.Flow, env);
        lifetimes.After(node, value, env, Flow.Kept);
        return value;
    }

    /// <summary>
    /// A result of as many as <see cref="Rows"/>, where data chooses how many rows it has; but no part of what has another number
    /// already, for its parts belong together.
    /// </summary>
    private object? Resized(Node node, object? value)
    {
        var isPart = node.op == Opcode.placeholder ? ChosenInputs.ElementAtOrDefault(inputs++) : node.all_input_nodes.Any(chosen.Contains);
        if (!isPart && !HasList(node))
            return value;
        chosen.Add(node);
        if (Nested.ContainsKey(node) || value is not Tensor tensor)
            return value;
        if (isPart)
            return value;
        if (Rows is { } rows)
            value = tensor = tensor.shape[0] >= rows
                ? tensor.narrow(0, 0, rows) : ChosenRows.Of(node, tensor, rows, (Tensor)fetch_args(node)[0]!);
        lists[node] = tensor.shape[0];
        return value;
    }

    /// <summary>Whether data chooses how many rows a node's result has, or a list in its graph.</summary>
    private bool HasList(Node node) => Nested.TryGetValue(node, out var nested)
        ? nested.graph.output_node().all_input_nodes.Any(nested.chosen.Contains)
        : (node.target.name is "nonzero" or "argwhere" or "masked_select"
            || node.target.Callee is { Method: var method } && LeafMark.Of(method) is { Row: var row } && row.Has(Effects.ShapedByElements))
            && node.all_input_nodes.Any(Flow.IsData);

    /// <inheritdoc/>
    protected override object? get_attr(Node node)
    {
        var tensor = TensorAt(node.target.name);
        if (copies.TryGetValue(TensorIdentity.Of(tensor), out var copy))
            return copy;
        return Flow.IsWritten(node) ? copies[TensorIdentity.Of(tensor)] = tensor.detach().clone() : tensor;
    }

    /// <inheritdoc/>
    protected override object? call_module(Node node)
    {
        var module = ModuleAt(node.target.name);
        if (module is Cond choice)
            return Choose(node, choice);
        if (module.GetType().Assembly != typeof(Tensor).Assembly)
            return Enter(node, given => Of(module, given));
        return Beside(node, base.call_module, given => Losses.Of(module, given) ?? AttentionLayers.Of(module, given)
            ?? Cells.Of(module, given));
    }

    /// <inheritdoc/>
    protected override object? call_function(Node node)
        => node.target is MapTarget map ? Turns(node, map)
            : node.target is FunctionTarget { Method: MethodInfo { IsStatic: true } function }
                && function.DeclaringType!.Assembly != typeof(Tensor).Assembly && function.DeclaringType.Namespace != nameof(System)
            && function.DeclaringType != typeof(quantized_decomposed) && function.DeclaringType != typeof(aten)
            && LeafMark.Of(function) is not { Always: true }
            ? Enter(node, given => Of(function, node, given))
            : Beside(node, base.call_function, given => node.target is FunctionTarget { Method: { IsStatic: true } method }
                ? Losses.Of(method.Name, method.GetParameters().Select(parameter => parameter.Name!), given)
                    ?? Cells.Of(method.Name, given) : null);

    /// <inheritdoc/>
    protected override object? call_method(Node node) => Beside(node, base.call_method, given => Cells.Of(node.target.name, given));

    /// <summary>
    /// Runs what is TorchSharp's own, and beside it the graph of simpler operations that it is, where ONNX has none for it.
    /// </summary>
    private object? Beside(Node node, Func<Node, object?> call, Func<object?[], Expansion?> write)
    {
        if (!expansions.ContainsKey(node) && write(fetch_args(node)) is { } written)
            expansions.Add(node, written);
        if (expansions.TryGetValue(node, out var expansion))
            Enter(node, _ => expansion);
        return call(node);
    }

    /// <summary>Runs the turns of a loop. Their number is data: what comes of it is computed in each.</summary>
    private object? Turns(Node node, MapTarget map)
    {
        var given = fetch_args(node);
        var (results, number, count) =
            (new List<Tensor[]>(), map.Body.nodes.First().type,
                Convert.ToInt64(given[0], System.Globalization.CultureInfo.InvariantCulture));
        Turned[node] = [];
        for (long turn = 0; turn < count; turn++)
        {
            var nested =
                new ExampleRun(new(code.Root, map.Body, code.Constants),
                    [true, .. node.args.Skip(1).Select(argument => argument.nodes().Any(Flow.IsData))], expansions, copies)
            {
                Hierarchy = Hierarchy, Rows = Rows,
                ChosenInputs = [false, .. node.args.Skip(1).Select(argument => argument.nodes().Any(chosen.Contains))],
            };
            given[0] = Convert.ChangeType(turn, number, null);
            results.Add((Tensor[])nested.run(given)!);
            lifetimes.Leave(nested.lifetimes, nested.Flow.Kept);
            Turned[node].Add(nested);
            Nested[node] = Turned[node][0];
        }
        return Collections.Of(results, node.type);
    }

    /// <summary>Runs both branches, each on operands of its own; the result is the chosen one's.</summary>
    private Tensor[] Choose(Node node, Cond choice)
    {
        var given = fetch_args(node);
        var operands = ((IEnumerable<Tensor>)given[1]!).ToArray();
        Branches[node] = [.. choice.Branches.Select(branch => new ExampleRun(Of(branch.Graph), [true], expansions, copies)
        {
            Rows = Rows, ChosenInputs = [node.args[1].nodes().Any(chosen.Contains)],
        })];
        var results = Branches[node].Select(run
            => (Tensor[])run.run([operands.Select(operand => operand.detach().clone()).ToArray()])!).ToArray();
        foreach (var run in Branches[node])
            lifetimes.Leave(run.lifetimes, run.Flow.Kept);
        return results[((Tensor)given[0]!).ToBoolean() ? 0 : 1];
    }

    /// <summary>A branch's graph, the same in all runs.</summary>
    private Expansion Of(GraphModule<Tensor[], Tensor[]> branch)
    {
        var key = ((IGraphModule)branch).graph.output_node();
        if (!expansions.TryGetValue(key, out var expansion))
            expansions.Add(key, expansion = Of(branch, []));
        return expansion;
    }

    private object? Enter(Node node, Func<object?[], Expansion> trace)
    {
        var given = fetch_args(node);
        if (!expansions.TryGetValue(node, out var expansion))
            expansions.Add(node, expansion = trace(given));
        var nested = Nested[node] =
            new ExampleRun(expansion, [.. node.args.Select(argument => argument.nodes().Any(Flow.IsData))], expansions,
                copies) { Rows = Rows, ChosenInputs = [.. node.args.Select(argument => argument.nodes().Any(chosen.Contains))] };
        var value = nested.run(given);
        // A leaf may give what is its own, or what is kept for the model.
        lifetimes.Leave(nested.lifetimes, nested.Flow.Kept);
        return value;
    }

    private static Expansion Of(nn.Module module, object?[] given)
    {
        if (module is IGraphModule { Program: var program })
            return new(program.Source.Root, NamedOperations.In(program.Current), program.Constants);
        var tracer = new Tracer();
        return new(module, tracer.trace(module, example_inputs: given), tracer.tensor_constants);
    }

    /// <summary>Arguments that depend on no node are part of the function.</summary>
    private static Expansion Of(MethodInfo function, Node node, object?[] given)
    {
        var parameters = function.GetParameters();
        var type = System.Linq.Expressions.Expression.GetDelegateType(
            [.. parameters.Select(parameter => parameter.ParameterType), function.ReturnType]);
        var entries = parameters.Zip(node.args, given).ToLookup(entry => entry.Second.nodes().Any());
        var fixedOnes =
            entries[false].ToDictionary(entry => entry.First.Name!, entry => ValueConversion.Apply(entry.Third, entry.First.ParameterType));
        var traced = fx.symbolic_trace(function.CreateDelegate(type), fixedOnes, [.. entries[true].Select(entry => entry.Third)]);
        var program = ((IGraphModule)traced).Program;
        return new(program.Source.Root, program.Current, program.Constants);
    }

    /// <summary>Attention gives an empty tensor in the place of weights that nobody asked for.</summary>
    private static object? Facts(object? value)
        => Structure.Simplified(value, part => part is Tensor tensor ? tensor.IsInvalid
            ? null : new TensorFacts([.. tensor.shape], tensor.dtype) : part);
}

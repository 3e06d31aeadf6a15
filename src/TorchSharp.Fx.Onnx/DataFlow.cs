using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx;

/// <summary>
/// The values of a run that depend on data, the content of inputs and of the module's tensors. Those that don't (masks, positions, sizes)
/// depends on the inputs' sizes alone: where several runs agree on it, it is a constant of the model. The content of such tensors is kept
/// as each reader found it, for it may be written to in between.
/// </summary>
/// <param name="code">The graph.</param>
/// <param name="dataInputs">Which inputs have content that matters.</param>
internal sealed class DataFlow(Expansion code, bool[] dataInputs)
{
    private readonly AliasAnalysis aliases = code.Graph.Aliases(new(code.Root, code.Constants), training: false);
    private readonly HashSet<Node> data = [];
    private readonly Dictionary<Node, object?> made = [];
    private readonly Dictionary<(Node, Node), object?> seen = [];
    private readonly Dictionary<Node, object> parts = [];
    private int inputs;

    /// <summary>Tensors that outlive the run.</summary>
    internal HashSet<object> Kept { get; } = new(ReferenceEqualityComparer.Instance);

    private IEnumerable<Node> Inputs => code.Graph.find_nodes(Opcode.placeholder);

    private Argument Result => code.Graph.output_node().args[0];

    internal bool IsData(Node node) => data.Contains(node);

    internal bool IsOpaque(Node node) => aliases.Operation(node).IsOpaque;

    internal bool Does(Node node, Effects any) => aliases.Operation(node).Has(any);

    internal bool Writes(Node node) => aliases.MutatedBy(node).Any();

    /// <summary>Whether an argument depends on data, for each part where it is a tuple or list.</summary>
    private object Parts(Argument argument) => argument switch
    {
        NodeArgument { Node: var node } => parts.GetValueOrDefault(node) ?? IsData(node),
        TupleArgument tuple => tuple.Items.Select(Parts).ToArray(),
        ListArgument list => list.Items.Select(Parts).ToArray(),
        _ => argument.nodes().Any(IsData),
    };

    private static bool Any(object part) => part is object[] items ? items.Any(Any) : (bool)part;

    /// <summary>
    /// A node's result, or the content that it left in the tensor it wrote to; null where that depends on data, or is no tensor.
    /// </summary>
    internal object? ContentOf(Node node) => made.GetValueOrDefault(node);

    /// <summary>A tensor's content when a node read it; null where that depends on data.</summary>
    internal object? ContentAt(Node reader, Node read) => seen.GetValueOrDefault((reader, read));

    /// <summary>Before a node runs.</summary>
    internal void Read(Node node, IReadOnlyDictionary<Node, object?> env)
    {
        foreach (var input in node.all_input_nodes)
            if (!IsData(input) && HoldsTensors(env[input]))
                seen[(node, input)] = Keep(env[input], input);
    }

    /// <summary>After a node has run.</summary>
    /// <param name="node">The node.</param>
    /// <param name="value">What it gave.</param>
    /// <param name="nested">The flow inside of it, where it is a graph itself.</param>
    /// <param name="env">The values before.</param>
    internal void Made(Node node, object? value, DataFlow? nested, IReadOnlyDictionary<Node, object?> env)
    {
        // A leaf that is followed writes by nodes of its own.
        var written = IsOpaque(node) ? [] : aliases.MutatedBy(node).ToArray();
        if (node.target is MapTarget)
            data.Add(node);
        else if (nested is not null)
        {
            parts[node] = nested.Parts(nested.Result);
            // It may have written data to an input that had none.
            foreach (var (_, argument) in nested.Inputs.Zip(node.args).Where(input => nested.IsData(input.First)))
                data.UnionWith(argument.nodes().Where(given => !IsData(given)).SelectMany(aliases.ClassOf).Where(env.ContainsKey));
        }
        else if (node.target is BuiltinTarget { Operation: Builtin.getitem }
            && node.args is [NodeArgument { Node: var whole }, Literal { Value: int position }]
            && parts.GetValueOrDefault(whole) is object[] items)
            parts[node] = items[position < 0 ? position + items.Length : position];
        if (DependsOnData(node))
        {
            data.Add(node);
            foreach (var changed in written.SelectMany(aliases.ClassOf).Where(other => other == node || env.ContainsKey(other)))
                data.Add(changed);
        }
        else if (HoldsTensors(value))
            made[node] = Keep(value, node);
        else if (written.Length > 0)
            made[node] = Keep(env[written[0]], written[0]);
    }

    private bool DependsOnData(Node node) => node.op switch
    {
        Opcode.placeholder => dataInputs[inputs++],
        Opcode.get_attr => true,
        _ when node.target is MapTarget => true,
        // How many tensors an operation gives is told by sizes, as what it gives is told by the runs.
        _ when node.target is BuiltinTarget { Operation: Builtin.len } && node.args is [NodeArgument { Node: var list }]
            => list.target is MapTarget
                ? list.args[0].nodes().Any(IsData) : list.target.name is not ("unbind" or "split" or "chunk" or "tensor_split")
                    && IsData(list),
        _ when parts.TryGetValue(node, out var known) => Any(known),
        Opcode.call_module => true,
        _ when aliases.Operation(node).Has(Effects.ReadsMetadata | Effects.MakesAlike) => false,
        _ when aliases.Operation(node).Has(Effects.Draws | Effects.DrawsInTraining | Effects.ReadsState) => true,
        _ => node.all_input_nodes.Any(IsData),
    };

    /// <summary>Whether a node may write to the memory of a value.</summary>
    internal bool IsWritten(Node node) => aliases.ClassOf(node).SelectMany(other => other.users).Any(user => aliases.MutatedBy(user).Any());

    /// <summary>A copy where anybody writes to it.</summary>
    private object? Keep(object? value, Node node)
    {
        var isWritten = IsWritten(node);
        return Structure.Simplified(value, part => part is not Tensor tensor ? null : isWritten ? tensor.clone() : Kept.Add(tensor)
            ? tensor : tensor);
    }

    private static bool HoldsTensors(object? value) => Structure.Tensors(value).Any(tensor => !tensor.IsInvalid);
}

using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>How <see cref="NetMinimizer"/> searches for the nodes at which two ways of running a graph differ.</summary>
public enum traverse_method
{
    /// <summary>Compares each node alone.</summary>
    sequential,
    /// <summary>Compares ever smaller halves of the graph, each run as a whole.</summary>
    binary,
    /// <summary>Compares the first node, then the first two, and so on.</summary>
    accumulate,
}

/// <summary>
/// Finds a small part of a graph that two ways of running it (<see cref="run_a"/>, <see cref="run_b"/>) compute differently, e.g. the
/// original and another backend or dtype. Each part runs on the values that its inputs have in the original. Counterpart:
/// <c>torch.fx.passes.net_min_base._MinimizerBase</c>.
/// </summary>
/// <param name="module">The graph module; it is not changed.</param>
/// <param name="sample_input">The inputs to compare on.</param>
public abstract class NetMinimizer(IGraphModule module, params object?[] sample_input)
{
    private readonly Node[] nodes =
        [.. module.graph.nodes.Where(node => node.op is Opcode.call_function or Opcode.call_method or Opcode.call_module)];

    /// <summary>How to search.</summary>
    public traverse_method traverse { get; init; } = traverse_method.sequential;

    /// <summary>Whether a sequential search goes on after the first node that differs, and a binary one into both halves.</summary>
    public bool find_all { get; init; }

    /// <summary>
    /// Whether a part's inputs are the results of <see cref="run_b"/> for the earlier nodes, so that small errors accumulate. Sequential
    /// search only.
    /// </summary>
    public bool accumulate_error { get; init; }

    /// <summary>Runs a part in the first way. Its results are the inputs of the next parts.</summary>
    /// <param name="part">The part; it is disposed after the comparison.</param>
    /// <param name="inputs">Its inputs.</param>
    /// <returns>Its outputs, which are disposed after the comparison.</returns>
    protected virtual IReadOnlyList<Tensor> run_a(GraphModule part, IReadOnlyList<object?> inputs) => Outputs(part.call([.. inputs]));

    /// <summary>Runs a part in the second way.</summary>
    /// <inheritdoc cref="run_a"/>
    protected abstract IReadOnlyList<Tensor> run_b(GraphModule part, IReadOnlyList<object?> inputs);

    /// <summary>Whether the outputs of the two ways count as equal.</summary>
    protected abstract bool compare(Tensor a, Tensor b);

    /// <summary>Looks for the nodes that make the difference.</summary>
    /// <param name="start">The name of the first node to look at; the first of all when null.</param>
    /// <param name="end">The name of the last.</param>
    /// <returns>The nodes that differ alone, or those of the smallest part that differs; none where all outputs are equal.</returns>
    /// <exception cref="ArgumentException">No node that computes something has that name.</exception>
    public IReadOnlyList<Node> minimize(string? start = null, string? end = null)
    {
        var (first, last) = (start is null ? 0 : Position(start), end is null ? nodes.Length - 1 : Position(end));
        using var noGradients = no_grad();
        using var scope = NewDisposeScope();
        using var values = new Values(module, sample_input);
        Node[] range = nodes[first..(last + 1)];
        return traverse switch
        {
            traverse_method.sequential => Sequential(range, values),
            traverse_method.accumulate => Accumulate(range, values),
            _ => Binary(range, values),
        };
    }

    /// <summary>A part's results, as a list of tensors.</summary>
    protected static IReadOnlyList<Tensor> Outputs(object? result) => [.. Structure.Tensors(result)];

    private List<Node> Sequential(Node[] range, Values values)
    {
        var culprits = new List<Node>();
        foreach (var node in range)
        {
            if (!Differs([node], values, keepsSecond: accumulate_error))
                continue;
            culprits.Add(node);
            if (!find_all)
                break;
        }
        return culprits;
    }

    private Node[] Accumulate(Node[] range, Values values)
    {
        for (var count = 1; count <= range.Length; count++)
            if (Differs(range[..count], values))
                return [range[count - 1]];
        return [];
    }

    /// <summary>A part that differs while neither half does is as small as it gets.</summary>
    private IEnumerable<Node> Halves(Node[] range, Values values)
    {
        if (range.Length == 0 || !Differs(range, values))
            return [];
        if (range.Length == 1)
            return range;
        var middle = range.Length / 2;
        Node[] left = [.. Halves(range[..middle], values)];
        Node[] right = left.Length > 0 && !find_all ? [] : [.. Halves(range[middle..], values)];
        return left.Length + right.Length > 0 ? left.Concat(right) : range;
    }

    private IReadOnlyList<Node> Binary(Node[] range, Values values) => [.. Halves(range, values)];

    private bool Differs(Node[] part, Values values, bool keepsSecond = false)
    {
        Node[] outputs =
            [.. part.Where(node => TensorTypes.IsTensor(node.type) && (node == part[^1] || node.users.Any(user => !part.Contains(user))))];
        if (outputs.Length == 0)
            return false;
        var partition = new Partition(module, part, outputs);
        using var _ = partition.Module;
        var (a, b) = (run_a(partition.Module, values.Of(partition.Inputs)), run_b(partition.Module, values.Of(partition.Inputs)));
        if (a.Count != outputs.Length || b.Count != outputs.Length)
            throw new InvalidOperationException(
                $"The part {string.Join(", ", part.Select(node => node.name))} has {outputs.Length} outputs, but run_a returned {a.Count} "
                    + $"and run_b {b.Count}.");
        if (keepsSecond)
            values.Replace(outputs, b);
        return a.Zip(b).Any(pair => !compare(pair.First, pair.Second));
    }

    private int Position(string name) => Array.FindIndex(nodes, node => node.name == name) is var position and >= 0 ? position
        : throw new ArgumentException(
            $"There is no node '{name}' that computes something. The nearest names are "
                + $"{string.Join(", ", NearestNames.Of(name, nodes.Select(node => node.name)))}.");

    /// <summary>The value of each node in the original, as it was when it was computed: parts may write to what they are given.</summary>
    private sealed class Values : IDisposable
    {
        private readonly Dictionary<Node, object?> known = [];

        internal Values(IGraphModule module, object?[] inputs)
        {
            var run = new DryRun((nn.Module)module, module.graph, module.Program.Constants);
            var given = new Queue<object?>(GraphInputs.Bind(module.graph, inputs));
            foreach (var node in module.graph.nodes)
            {
                if (node.op == Opcode.placeholder)
                    run.Set(node, Structure.Map(given.Dequeue(), tensor => tensor.detach().clone()));
                else
                    run.Step(node);
                known[node] = Kept(run.Of(node));
            }
        }

        internal object?[] Of(IReadOnlyList<Node> nodes) => [.. nodes.Select(node => Kept(known[node]))];

        internal void Replace(Node[] nodes, IReadOnlyList<Tensor> values)
        {
            foreach (var (node, value) in nodes.Zip(values))
                known[node] = value.clone();
        }

        public void Dispose() => known.Clear();

        private static object? Kept(object? value) => Structure.Map(value, tensor => tensor.clone());
    }
}

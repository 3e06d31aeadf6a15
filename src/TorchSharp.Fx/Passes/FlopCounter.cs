using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>
/// Runs a graph once and stores the cost of every node on it (<see cref="NodeCost.cost"/>), along with the values of
/// <see cref="ShapeProp"/>. It counts matrix products, convolutions, attention and recurrent cells; like torchvision's published figures,
/// it doesn't count additions, activations and normalisation. It also counts inside your own leaf modules and functions. With a model or
/// inputs on the meta device only shapes are computed. Counterpart: <c>torch.utils.flop_counter.FlopCounterMode</c>.
/// </summary>
/// <param name="module">The hierarchy whose modules, parameters and buffers the graph names.</param>
/// <param name="graph">The graph to annotate.</param>
/// <param name="tensor_constants">The tensors that belong to the graph itself, <c>_tensor_constant0</c> and so on.</param>
public sealed class FlopCounter(nn.Module module, Graph graph, IReadOnlyDictionary<string, Tensor>? tensor_constants = null)
{
    /// <summary>
    /// Runs the graph on these inputs and returns the total cost of all nodes. A parameter that several nodes read counts once.
    /// </summary>
    /// <param name="args">The inputs, each a value or an <see cref="InputShape"/>; those left out take their defaults.</param>
    /// <exception cref="NodeExecutionException">A node threw: the inputs don't fit, or, on the meta device, a shape depends on the elements
    /// of a tensor.</exception>
    /// <exception cref="GraphAssertionException">An input breaks an assumption of the trace.</exception>
    public NodeCost count(params object?[] args)
    {
        var hierarchy = new ModuleHierarchy(module, tensor_constants);
        var aliases = graph.Aliases(hierarchy);
        var run = new CountingRun(module, graph, tensor_constants);
        var known = new HashSet<Tensor>(ReferenceEqualityComparer.Instance);
        var total = new NodeCost(0, 0, 0);
        Propagation.Run(run, module, args, (node, value) =>
        {
            var parameters = Parameters(node, hierarchy).ToArray();
            var cost = new NodeCost(run.Taken(), parameters.Sum(parameter => parameter.numel()), Allocated(node, value, aliases));
            node.set_meta(NodeCost.cost, cost);
            total = new(total.macs + cost.macs, total.parameters + parameters.Where(known.Add).Sum(parameter => parameter.numel()),
                total.nbytes + cost.nbytes);
        });
        return total;
    }

    private static IEnumerable<Tensor> Parameters(Node node, ModuleHierarchy hierarchy) => node.op switch
    {
        Opcode.call_module => hierarchy.Module(node.target.name).parameters().Distinct<Tensor>(ReferenceEqualityComparer.Instance),
        Opcode.get_attr when hierarchy.Attribute(node.target.name)() is TorchSharp.Modules.Parameter parameter => [parameter],
        _ => [],
    };

    /// <summary>An operation of TorchSharp that works in place, or whose result may be a view, takes no memory of its own.</summary>
    private static long Allocated(Node node, object? value, AliasAnalysis aliases)
    {
        if (node.op is Opcode.placeholder or Opcode.get_attr or Opcode.output || node.target is BuiltinTarget or MemberTarget)
            return 0;
        var isView = node.target is not ModuleTarget && aliases.ClassOf(node)[0] != node;
        var worksInPlace = !aliases.Operation(node).IsOpaque && aliases.MutatedBy(node).Any();
        return isView || worksInPlace
            ? 0 : Structure.Tensors(value).Where(tensor => !tensor.IsInvalid).Sum(tensor => tensor.numel() * tensor.element_size());
    }
}

/// <summary>The cost of a node.</summary>
/// <param name="macs">The number of multiply-accumulate operations.</param>
/// <param name="parameters">The number of elements in the parameters that it reads.</param>
/// <param name="nbytes">The memory of its result in bytes; 0 where the result shares its argument's memory.</param>
public sealed record NodeCost(long macs, long parameters, long nbytes)
{
    /// <summary>The key under which <see cref="FlopCounter"/> stores the cost on a node.</summary>
    public static readonly MetaKey<NodeCost> cost = new(nameof(cost));

    /// <summary>Floating-point operations: two for each multiply-accumulate, as PyTorch counts them.</summary>
    public long flops => 2 * macs;
}

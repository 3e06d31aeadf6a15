using System.Reflection;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Inference;

/// <summary>
/// Keeps what goes by the order of a tensor's elements in memory. Kernels give convolutions' results channels last, and attention's with
/// the heads of a token side by side; the program has them otherwise, and a view, a stride, a draw for each element or code that isn't
/// known go by that.
/// </summary>
/// <param name="layers">The graph to change and what it names.</param>
internal sealed class KeptLayouts(InferenceGraph layers)
{
    private static readonly MethodInfo Reshape = typeof(Tensor).GetMethod(nameof(Tensor.reshape), [typeof(long[])])!;
    private static readonly MethodInfo View = typeof(Tensor).GetMethod(nameof(Tensor.view), [typeof(long[])])!;
    private static readonly MethodInfo Contiguous = typeof(Tensor).GetMethod(nameof(Tensor.contiguous), [])!;

    /// <summary>Operations that read strides to say where their result's elements lie.</summary>
    private static readonly HashSet<string> ByStrides = new(StringComparer.Ordinal) { "as_strided", "view", "view_as", "view_as_complex" };

    /// <summary>Operations whose result lies in memory in order, whatever their inputs do.</summary>
    private static readonly HashSet<string> InOrder = new(StringComparer.Ordinal) { "contiguous", "matmul", "bmm", "linear", "layer_norm" };

    internal void Run()
    {
        var aliases = layers.Graph.Aliases(layers.Hierarchy(), training: false);
        var written = layers.Graph.nodes.SelectMany(aliases.Written).ToHashSet();
        var reached = new HashSet<Node>();
        var (views, readers) = (new List<Node>(), new List<Node>());
        foreach (var node in layers.Graph.nodes)
        {
            var reads = node.all_input_nodes.Any(reached.Contains);
            if (IsOwn(node) ? layers.Module(node) is not FusedLinear : reads && !InOrder.Contains(node.target.name))
                reached.Add(node);
            if (!reads || !GoesByLayout(node, aliases.Operation(node)))
                continue;
            // A reshape is a view where that can be, else a copy, which nobody tells from a view as long as nobody writes.
            var isView = node.target is MethodTarget { Method: var method } && method == View
                && !aliases.Places(node).Any(written.Contains);
            (isView ? views : readers).Add(node);
        }
        // Found before views change.
        var results = Results(readers, reached).ToArray();
        foreach (var view in views)
            Replace(view);
        foreach (var result in results)
            PutInOrder(result);
    }

    private bool GoesByLayout(Node node, Operation does)
        => node.target is MapTarget || does.Has(Effects.ReadsLayout | Effects.Draws | Effects.Exposes) || (does.IsOpaque && !IsOwn(node))
        || (ByStrides.Contains(node.target.name) && node.op is Opcode.call_method or Opcode.call_function
            && MatrixProduct.IsOperation(node, node.target.name));

    private bool IsOwn(Node node)
        => node.op == Opcode.call_module && layers.Module(node).GetType().Assembly == typeof(KeptLayouts).Assembly;

    /// <summary>The kernels' results that the inputs of nodes are, view, or are made of element by element.</summary>
    /// <param name="readers">The nodes.</param>
    /// <param name="reached">The values whose order is a kernel's.</param>
    private IEnumerable<Node> Results(IEnumerable<Node> readers, HashSet<Node> reached)
    {
        var seen = new HashSet<Node>();
        var open = new Stack<Node>(readers.SelectMany(reader => reader.all_input_nodes));
        while (open.TryPop(out var node))
            if (reached.Contains(node) && seen.Add(node))
                if (IsOwn(node))
                    yield return node;
                else
                    foreach (var input in node.all_input_nodes)
                        open.Push(input);
    }

    private void Replace(Node view)
    {
        using var here = layers.Graph.inserting_before(view);
        var reshape = layers.Graph.create_node(Opcode.call_method, new MethodTarget(Reshape), view.args, typeof(Tensor));
        reshape.StandsFor(view);
        layers.Bypass(view, reshape);
    }

    private void PutInOrder(Node result)
    {
        using var here = layers.Graph.inserting_after(result);
        var ordered =
            layers.Graph.create_node(Opcode.call_method, new MethodTarget(Contiguous), [new NodeArgument(result)], typeof(Tensor));
        result.replace_all_uses_with(ordered, user => user != ordered);
    }
}

using static TorchSharp.torch;

namespace TorchSharp.Fx.Quantization;

/// <summary>
/// Puts observers behind the values that become steps, in the order and under the names of <c>torch.ao.quantization.fx.prepare</c>:
/// before each
/// quantised pattern where its input is none of another, and after it.
/// </summary>
/// <param name="graph">The graph, which is changed.</param>
/// <param name="annotations">What is quantised, by each of its nodes.</param>
/// <param name="tensorAt">The tensor of a path.</param>
internal sealed class ObserverInsertion(
    Graph graph, IReadOnlyDictionary<Node, QuantizationAnnotation> annotations, Func<string, Tensor> tensorAt)
{
    private readonly Dictionary<string, ObserverBase> observers = new(StringComparer.Ordinal);
    private int count;

    /// <summary>The observers by their paths; several paths may have one.</summary>
    internal IReadOnlyDictionary<string, ObserverBase> Run()
    {
        foreach (var node in graph.nodes.ToArray())
            if (annotations.TryGetValue(node, out var annotation) && annotation.Last == node)
            {
                ObserveInputs(annotation);
                ObserveOutput(annotation);
            }
        return observers;
    }

    private void ObserveInputs(QuantizationAnnotation annotation)
    {
        foreach (var (node, position, isWeight) in annotation.Inputs().ToArray())
            if (!annotation.IsDynamic || position == 0 || isWeight)
                node.update_arg(position, node.args[position].map(input => Observed(input, annotation.QConfig, isWeight)));
    }

    private Node Observed(Node input, QConfig config, bool isWeight)
    {
        if (!TensorTypes.IsTensor(input.type) || (!isWeight && IsQuantised(input)) || !MayBeFloat(input))
            return input;
        var observer = isWeight ? config.weight() : config.activation();
        if (input.users.FirstOrDefault(user => ObserverOf(user) is { } known && known.GetType() == observer.GetType()
            && known.dtype == observer.dtype) is not { } present)
            return Insert(input, observer);
        observer.Dispose();
        return present;
    }

    private void ObserveOutput(QuantizationAnnotation annotation)
    {
        if (annotation.IsDynamic)
            return;
        var observed = Insert(annotation.Last, annotation.QConfig.activation());
        annotation.Last.replace_all_uses_with(observed, user => user != observed);
        if (annotation.SharesScale && !Share(annotation.Last, observed))
        {
            observed.replace_all_uses_with(annotation.Last);
            graph.erase_node(observed);
            observers.Remove(observed.target.name, out var unused);
            unused!.Dispose();
        }
    }

    /// <summary>Gives all inputs of a node and its result the first input's observer; false where the first has none.</summary>
    private bool Share(Node node, Node output)
    {
        var inputs = node.args.FirstOrDefault(argument => argument.nodes().Any())?.nodes().Select(Source).ToArray();
        if (inputs is not [{ } first, .. var others] || others.Contains(null))
            return false;
        foreach (var other in others.Append(output))
        {
            var before = observers[other!.target.name];
            observers[other.target.name] = observers[first.target.name];
            if (!observers.ContainsValue(before))
                before.Dispose();
        }
        return true;
    }

    /// <summary>The observer of what a value was computed of, going by first inputs; null for none.</summary>
    private Node? Source(Node node)
    {
        while (ObserverOf(node) is null)
            if (node.all_input_nodes is [var first, ..])
                node = first;
            else
                return null;
        return node;
    }

    private Node Insert(Node input, ObserverBase observer)
    {
        var path = $"activation_post_process_{count++}";
        observers.Add(path, observer);
        using var here = graph.inserting_after(input);
        var node = graph.call_module(path, input);
        node.StandsFor(input);
        return node;
    }

    private bool IsQuantised(Node node) => ObserverOf(node) is null
        ? annotations.TryGetValue(node, out var own) && !own.IsDynamic : IsQuantised(node.all_input_nodes[0]);

    private bool MayBeFloat(Node node) => node.op != Opcode.get_attr || tensorAt(node.target.name).is_floating_point();

    private ObserverBase? ObserverOf(Node node) => node.op == Opcode.call_module ? observers.GetValueOrDefault(node.target.name) : null;
}

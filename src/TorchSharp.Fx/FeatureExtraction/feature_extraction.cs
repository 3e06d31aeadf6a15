using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>
/// Lists the nodes of a model and extracts the values of any of them, in train and eval mode. Counterpart:
/// <c>torchvision.models.feature_extraction</c>.
/// </summary>
public static partial class feature_extraction
{
    /// <summary>Receives warnings, e.g. that the train and eval graphs differ. Writes to standard error by default.</summary>
    public static Action<string> warn { get; set; } = Console.Error.WriteLine;

    /// <summary>
    /// The qualified names of a model's nodes in train and in eval mode, in the order of execution. The list of a mode that isn't traced
    /// (<see cref="TracerKwargs.modes"/>) is empty. Counterpart: <c>torchvision.models.feature_extraction.get_graph_node_names</c>.
    /// </summary>
    /// <param name="model">The model; its mode and the modes of the modules inside are not changed.</param>
    /// <param name="tracer_kwargs">Leaf modules and leaf functions.</param>
    /// <param name="suppress_diff_warning">Whether to suppress the warning that the two lists differ.</param>
    /// <param name="concrete_args">Fixed values for arguments of <c>forward</c>, by name; these are no inputs of the graph.</param>
    /// <exception cref="TraceException">The program can't be written as a graph; the message says where and what to do.</exception>
    public static (IReadOnlyList<string> train_nodes, IReadOnlyList<string> eval_nodes) get_graph_node_names(
        nn.Module model, TracerKwargs? tracer_kwargs = null, bool suppress_diff_warning = false,
        IReadOnlyDictionary<string, object?>? concrete_args = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        using var traced = new TracedModes(model, tracer_kwargs, concrete_args);
        if (!suppress_diff_warning)
            WarnOfDifferences(traced);
        return (traced.Train?.Names ?? [], traced.Eval?.Names ?? []);
    }

    private static TExtractor Create<TExtractor>(
        nn.Module model, ReturnNodes? return_nodes, ReturnNodes? train_return_nodes, ReturnNodes? eval_return_nodes,
        TracerKwargs? tracer_kwargs, bool suppress_diff_warning,
        IReadOnlyDictionary<string, object?>? concrete_args, Func<Graph, Graph, IReadOnlyDictionary<string, Tensor>, TExtractor> make)
    {
        ArgumentNullException.ThrowIfNull(model);
        var (train_nodes, eval_nodes) = PerMode(return_nodes, train_return_nodes, eval_return_nodes);
        using var traced = new TracedModes(model, tracer_kwargs, concrete_args);
        if (!suppress_diff_warning)
            WarnOfDifferences(traced);
        var told = new HashSet<string>(StringComparer.Ordinal);
        traced.Train?.Cut(train_nodes, Tell);
        traced.Eval?.Cut(eval_nodes, Tell);
        return make(traced.Train?.Graph ?? Untraced(traced.Eval!.Graph, "train", "eval"), traced.Eval?.Graph
            ?? Untraced(traced.Train!.Graph, "eval", "train"), traced.Constants);

        void Tell(string message)
        {
            if (told.Add(message))
                warn(message);
        }
    }

    private static (ReturnNodes Train, ReturnNodes Eval) PerMode(ReturnNodes? both, ReturnNodes? train, ReturnNodes? eval)
    {
        if (both is null && train is null && eval is null)
            throw new ArgumentException(
                "Either `return_nodes` or `train_return_nodes` and `eval_return_nodes` together, should be specified");
        if (train is null != eval is null)
            throw new ArgumentException(
                "If any of `train_return_nodes` and `eval_return_nodes` are specified, then both should be specified");
        if (both is not null && train is not null)
            throw new ArgumentException("If `train_return_nodes` and `eval_return_nodes` are specified, then `return_nodes` should not be");
        var (train_nodes, eval_nodes) = (both ?? train!, both ?? eval!);
        if (train_nodes.AsksForNothing || eval_nodes.AsksForNothing)
            throw new ArgumentException("No nodes are asked for: name at least one for each mode. `get_graph_node_names` lists them.");
        return (train_nodes, eval_nodes);
    }

    /// <summary>The graph of a mode that nobody asked to trace in: it says so when it runs.</summary>
    private static Graph Untraced(Graph other, string mode, string traced)
    {
        var graph = new Graph();
        graph.output(graph.graph_copy(other, [])!, other.output_node().type);
        using var place = graph.inserting_before(graph.nodes.First(node => node.op != Opcode.placeholder));
        graph.create_node(Opcode.call_function, new BuiltinTarget(Builtin._assert, typeof(bool)), [new Literal(false), new Literal(
            $"The model was traced in {traced} mode only, and this is {mode} mode: call {(mode == "train" ? "eval()" : "train()")} first, "
                + "or trace it in both (modes: TraceModes.both).")], typeof(void));
        return graph;
    }

    private static void WarnOfDifferences(TracedModes traced)
    {
        if (traced is not { Train.Names: var train_nodes, Eval.Names: var eval_nodes } || train_nodes.SequenceEqual(eval_nodes))
            return;
        var how = IsSubsequence(train_nodes, eval_nodes)
            ? "NOTE: The nodes obtained by tracing the model in eval mode are a subsequence of those obtained in train mode."
            : IsSubsequence(eval_nodes, train_nodes)
                ? "NOTE: The nodes obtained by tracing the model in train mode are a subsequence of those obtained in eval mode."
            : "The nodes obtained by tracing the model in train mode are different to those obtained in eval mode.";
        warn($"{how} When choosing nodes for feature extraction, you may need to specify output nodes for train and eval mode separately.");
    }

    /// <summary>Whether all of the second list is in the first, in the same order.</summary>
    private static bool IsSubsequence(IReadOnlyList<string> whole, IReadOnlyList<string> part)
    {
        var found = 0;
        foreach (var name in whole)
            if (found < part.Count && part[found] == name)
                found++;
        return found == part.Count;
    }
}

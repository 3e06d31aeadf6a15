using static TorchSharp.torch;

namespace TorchSharp.Fx.Cli;

/// <summary>A model's graph in one mode, with what it takes to run it.</summary>
/// <param name="Graph">The graph.</param>
/// <param name="Module">The hierarchy that it names.</param>
/// <param name="Constants">The tensors that belong to the graph itself.</param>
internal sealed record TracedModel(Graph Graph, nn.Module Module, IReadOnlyDictionary<string, Tensor> Constants) : IDisposable
{
    /// <summary>The qualified name of a node; null where the graph was cut.</summary>
    internal IReadOnlyDictionary<Node, string> Names { get; private init; } = new Dictionary<Node, string>();

    /// <summary>Whether the module was made for the graph alone.</summary>
    private bool OwnsModule { get; init; }

    public void Dispose()
    {
        foreach (var constant in Constants.Values)
            constant.Dispose();
        if (OwnsModule)
            Module.Dispose();
    }

    /// <summary>Traces a model in the mode that it is in; a saved graph is there already.</summary>
    /// <param name="module">The model.</param>
    /// <param name="kwargs">How.</param>
    /// <param name="code">Where to write the code that the trace runs through.</param>
    internal static TracedModel Of(nn.Module module, TracerKwargs kwargs, TextWriter? code = null)
    {
        if (module is IGraphModule { graph: var saved })
            return new(saved, module,
                new Dictionary<string, Tensor>()) { Names = saved.nodes.Where(node => node.get_meta(Node.QualifiedName) is not null)
                    .ToDictionary(node => node, node => node.get_meta(Node.QualifiedName)!) };
        var tracer = new NodePathTracer(kwargs) { CodeWriter = code };
        return new(tracer.trace(module), module, tracer.tensor_constants) { Names = tracer.node_to_qualname };
    }

    /// <summary>Traces a model and cuts it at some nodes.</summary>
    internal static TracedModel CutAt(ReturnNodes requested, nn.Module module, bool training, TracerKwargs kwargs)
    {
        var extractor = NodeRequests.Extractor(module, requested, training, kwargs);
        extractor.train(training);
        return new(training ? extractor.train_graph : extractor.eval_graph, extractor,
            new Dictionary<string, Tensor>()) { OwnsModule = true };
    }
}

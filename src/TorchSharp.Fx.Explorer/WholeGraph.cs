using static TorchSharp.torch;

namespace TorchSharp.Fx.Explorers;

/// <summary>A model as one graph, whose nodes have the names of feature extraction.</summary>
internal static class WholeGraph
{
    /// <summary>Traces a model in the mode that it is in; what is a graph already is taken as it is.</summary>
    internal static nn.Module Of(nn.Module module, TracerKwargs kwargs)
    {
        if (module is IGraphModule)
            return module;
        var tracer = new NodePathTracer(kwargs);
        var graph = tracer.trace(module);
        try
        {
            return module is nn.Module<Tensor, Tensor> ? new GraphModule<Tensor, Tensor>(module, graph, tracer.tensor_constants)
                : new GraphModule(module, graph, tracer.tensor_constants);
        }
        finally
        {
            tracer.DisposeConstants();
        }
    }
}

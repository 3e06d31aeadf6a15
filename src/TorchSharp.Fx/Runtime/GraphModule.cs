using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>A graph as a module, for sources that derive from the bare <see cref="nn.Module"/>. Counterpart: <c>torch.fx.GraphModule</c>.</summary>
public sealed class GraphModule : nn.Module
{
    /// <summary>Makes a module of a graph and the hierarchy its nodes name.</summary>
    public GraphModule(nn.Module root, Graph graph, IReadOnlyDictionary<string, Tensor>? tensor_constants = null) : base(root.GetName()) => throw new NotImplementedException();

    /// <summary>The graph this module runs.</summary>
    public Graph graph => throw new NotImplementedException();

    /// <summary>Makes edits of <see cref="graph"/> take effect.</summary>
    public void recompile() => throw new NotImplementedException();

    /// <summary>Runs the graph.</summary>
    public object? call(params object?[] inputs) => throw new NotImplementedException();
}

/// <summary>A graph as a module with the inputs and the result of the module it came from. Counterpart: <c>torch.fx.GraphModule</c>.</summary>
public sealed class GraphModule<T1, TResult> : nn.Module<T1, TResult>
{
    /// <summary>Makes a module of a graph and the hierarchy its nodes name.</summary>
    public GraphModule(nn.Module root, Graph graph, IReadOnlyDictionary<string, Tensor>? tensor_constants = null) : base(root.GetName()) => throw new NotImplementedException();

    /// <summary>The graph this module runs.</summary>
    public Graph graph => throw new NotImplementedException();

    /// <summary>Makes edits of <see cref="graph"/> take effect.</summary>
    public void recompile() => throw new NotImplementedException();

    /// <inheritdoc/>
    public override TResult forward(T1 input) => throw new NotImplementedException();
}

namespace TorchSharp.Fx;

/// <summary>
/// A module that runs a graph, with any number and type of inputs and results. <see cref="GraphModules"/> has its extension methods.
/// </summary>
public interface IGraphModule
{
    /// <summary>
    /// The graph that runs in the module's present mode (train or eval). Call <see cref="recompile"/> after an edit; setting another graph
    /// takes effect at once. Counterpart: <c>torch.fx.GraphModule.graph</c>.
    /// </summary>
    Graph graph { get; set; }

    /// <summary>Makes edits of the graph take effect. Counterpart: <c>torch.fx.GraphModule.recompile</c>.</summary>
    void recompile();

    /// <summary>The program behind it.</summary>
    internal GraphProgram Program { get; }
}

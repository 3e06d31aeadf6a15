namespace TorchSharp.Fx;

/// <summary>
/// A module that runs a graph, whatever its inputs and results; <see cref="GraphModules"/> has what can be done with them.
/// </summary>
public interface IGraphModule
{
    /// <summary>
    /// The graph that runs in the present mode. Call <see cref="recompile"/> after an edit; setting another graph takes effect at once.
    /// Counterpart: <c>torch.fx.GraphModule.graph</c>.
    /// </summary>
    Graph graph { get; set; }

    /// <summary>Makes edits of the graph take effect. Counterpart: <c>torch.fx.GraphModule.recompile</c>.</summary>
    void recompile();

    /// <summary>The program behind it.</summary>
    internal GraphProgram Program { get; }
}

namespace TorchSharp.Fx.Graphs;

/// <summary>A module whose forward is a graph: a trace follows the graph, and not the code that runs it.</summary>
internal interface IHoldsGraph
{
    /// <summary>The graph of the present mode.</summary>
    Graph Held { get; }

    /// <summary>The modules and tensors that it names.</summary>
    ModuleHierarchy Names { get; }
}

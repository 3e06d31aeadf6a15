using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>The passes that change a graph in place.</summary>
public static class GraphPasses
{
    /// <summary>
    /// Removes every node that the output does not need. Placeholders, assertions, and in-place operations on what is read later, or on a parameter or
    /// buffer, stay. Counterpart: <c>torch.fx.Graph.eliminate_dead_code</c>, which drops in-place operations that matter.
    /// </summary>
    /// <param name="graph">The graph to shorten.</param>
    /// <param name="root">The hierarchy that its module nodes name; without one every module counts as working in place.</param>
    /// <returns>Whether anything was removed.</returns>
    public static bool eliminate_dead_code(this Graph graph, nn.Module? root = null) => throw new NotImplementedException();

    /// <summary>
    /// Makes each output the node's value at that point and an object of its own: what a later in-place operation may overwrite is cloned, and only that;
    /// an input, parameter or buffer is returned under a handle of its own, so that disposing the results disposes nothing else.
    /// </summary>
    internal static void ProtectOutputs(this Graph graph, nn.Module root) => throw new NotImplementedException();
}

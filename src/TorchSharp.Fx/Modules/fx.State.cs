using static TorchSharp.torch;

namespace TorchSharp.Fx;

public static partial class fx
{
    /// <summary>
    /// Makes a graph module that keeps nothing between calls. The state that <paramref name="module"/> reads, its own or that of an input
    /// object, becomes further inputs after the present ones. The state that it writes is returned with the result, as
    /// <c>(result, Dictionary&lt;string, object>)</c>. Both are named by path, e.g. <c>cache.Keys.0</c>. Counterpart: the graph of a
    /// <c>torch.export.ExportedProgram</c>.
    /// </summary>
    /// <param name="module">The graph module; it is not changed. The new module holds for the structure of its present state: the lengths
    /// of lists, and which values are null.</param>
    /// <param name="example_inputs">The inputs of a call. They are needed where an input is an object, to know what it contains.</param>
    /// <exception cref="NotSupportedException">The graph reads something of an input that the example doesn't have.</exception>
    public static GraphModule lift_state<T>(this T module, params object?[] example_inputs) where T : nn.Module, IGraphModule
    {
        ArgumentNullException.ThrowIfNull(module);
        ArgumentNullException.ThrowIfNull(example_inputs);
        var program = module.Program;
        return new(program.Source.Root, StateLifting.Of(program.Current, program.Source, example_inputs).Finished(), program.Constants);
    }
}

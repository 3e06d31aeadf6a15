using static TorchSharp.torch;

namespace TorchSharp.Fx;

public static partial class fx
{
    /// <summary>
    /// A graph module that keeps nothing between calls: what this one reads of its state, or of an object that it is given, are further
    /// inputs, after those that it has; what it keeps is returned beside its result, as <c>(result, Dictionary&lt;string, object>)</c>.
    /// Both are named by path, such as <c>cache.Keys.0</c>. Counterpart: the graph of a <c>torch.export.ExportedProgram</c>.
    /// </summary>
    /// <param name="module">The graph module; it stays as it is. Its structures (how long lists are, what is null) are those of the present
    /// state.</param>
    /// <param name="example_inputs">The inputs of a call, where some are objects: they tell what is in those.</param>
    /// <exception cref="NotSupportedException">The graph reads more of an input than the example tells.</exception>
    public static GraphModule lift_state<T>(this T module, params object?[] example_inputs) where T : nn.Module, IGraphModule
    {
        ArgumentNullException.ThrowIfNull(module);
        ArgumentNullException.ThrowIfNull(example_inputs);
        var program = module.Program;
        return new(program.Source.Root, StateLifting.Of(program.Current, program.Source, example_inputs).Finished(), program.Constants);
    }
}

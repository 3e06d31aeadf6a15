namespace TorchSharp.Fx.Evaluation;

/// <summary>A graph whose output is a dictionary of named values, as a method that returns <see cref="Features"/>.</summary>
internal static class FeatureProgram
{
    internal static Func<object?[], object?> Compile(Graph graph, ModuleHierarchy modules, NodeClock? clock)
    {
        if (graph.output_node().args[0] is not DictArgument output)
            throw new InvalidOperationException(
                $"A graph of features must return a dictionary, but this one returns {graph.output_node().args[0]}.");
        string[] keys = [.. output.Entries.Select(Key)];
        var values = new ListArgument([.. output.Entries.Select(entry => entry.Value)], typeof(object));
        var compiled = new CompiledGraph(graph, modules, values, typeof(object[]), clock);
        return inputs => new Features(keys, (object?[])compiled.Run(inputs)!, inputs);
    }

    private static string Key(KeyValuePair<Argument, Argument> entry) => entry.Key is Literal { Value: string key }
        ? key
        : throw new InvalidOperationException($"The key of a feature must be a string, but a graph's output has the key {entry.Key}.");
}

using static TorchSharp.torch;

namespace TorchSharp.Fx.Passes;

/// <summary>One run of a graph that notes what the values are like and leaves everything else as it was.</summary>
internal static class Propagation
{
    /// <param name="run">What runs the nodes.</param>
    /// <param name="module">The hierarchy that the graph names; a declared input is made on its device.</param>
    /// <param name="args">The inputs.</param>
    /// <param name="note">Called after each node, with its value.</param>
    internal static void Run(DryRun run, nn.Module module, object?[] args, Action<Node, object?> note)
    {
        using var noGradients = no_grad();
        using var scope = NewDisposeScope();
        var generator = get_rng_state();
        try
        {
            var inputs = new Queue<object?>(GraphInputs.Bind(run.graph, Values(module, args)));
            foreach (var node in run.graph.nodes)
            {
                var value = node.op == Opcode.placeholder ? Input(run, node, inputs.Dequeue()) : run.Step(node);
                NoteTensors(node, value);
                note(node, value);
            }
        }
        finally
        {
            set_rng_state(generator);
        }
    }

    /// <summary>The graph may write to its inputs.</summary>
    private static object? Input(DryRun run, Node node, object? given)
    {
        var value = ValueConversion.Apply(Structure.Map(given, tensor => tensor.detach().clone()), node.type);
        run.Set(node, value);
        return value;
    }

    private static void NoteTensors(Node node, object? value)
    {
        if (value is Tensor tensor && !tensor.IsInvalid)
            node.set_meta(meta.tensor_meta, TensorMetadata.Of(tensor));
        else if (Structure.Tensors(value).Where(inside => !inside.IsInvalid).ToArray() is { Length: > 0 } tensors)
            node.set_meta(meta.tensor_metas, [.. tensors.Select(TensorMetadata.Of)]);
    }

    private static object?[] Values(nn.Module module, object?[] args)
    {
        var device = module.parameters().FirstOrDefault()?.device ?? CPU;
        var sizes = InputShape.FreeDimensions(args).ToDictionary(dimension => dimension.Letter, dimension => dimension.Size);
        return [.. args.Select((given, position) => given is InputShape declared
            ? declared.Example(sizes, (ulong)position, device) : given)];
    }
}

using System.Collections.Immutable;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Passes;

/// <summary>
/// A part of a graph as a graph of its own: what it reads from outside are its inputs, and what is read outside its outputs.
/// </summary>
internal sealed class Partition
{
    private readonly Dictionary<Node, Node> copies = [];

    /// <param name="source">The graph module that the nodes belong to.</param>
    /// <param name="nodes">The nodes, in order.</param>
    /// <param name="outputs">Those whose values are returned; those that others read when null.</param>
    internal Partition(IGraphModule source, IReadOnlyList<Node> nodes, IReadOnlyList<Node>? outputs = null)
    {
        var inside = nodes.ToHashSet();
        // A parameter or constant is read where it is needed.
        Node[] attributes =
            [.. nodes.SelectMany(node => node.all_input_nodes).Where(input => input.op == Opcode.get_attr && !inside.Contains(input))
                .Distinct()];
        Inputs = [.. nodes.SelectMany(node => node.all_input_nodes).Where(input => input.op != Opcode.get_attr && !inside.Contains(input))
            .Distinct()];
        Outputs = [.. outputs ?? nodes.Where(node => node.type != typeof(void) && node.users.Any(user => !inside.Contains(user)))];
        var graph = new Graph();
        foreach (var input in Inputs)
            copies[input] = graph.placeholder(input.name, input.type);
        foreach (var node in attributes.Concat(nodes))
            copies[node] = graph.node_copy(node, input => copies[input]);
        if (Outputs.Count == 1)
            graph.output(copies[Outputs[0]], Outputs[0].type);
        else
            graph.output(new ListArgument([.. Outputs.Select(output => (Argument)copies[output])], typeof(object)), typeof(object[]));
        Module = new GraphModule(source.Program.Source.Root, graph, source.Program.Constants);
        foreach (var (path, edited) in source.Program.Source.Edits.Where(edit => edit.Value is not null
            && source.Program.Used.Contains(edit.Key)))
            ((IGraphModule)Module).Program.Add(path, edited!);
        ((IGraphModule)Module).Program.SetMode(((nn.Module)source).training);
    }

    /// <summary>The outer nodes that it reads, in the order of its placeholders.</summary>
    internal IReadOnlyList<Node> Inputs { get; }

    /// <summary>The nodes inside that are read outside, in the order of its result: an array, or the one value itself.</summary>
    internal IReadOnlyList<Node> Outputs { get; }

    internal GraphModule Module { get; }
}

namespace TorchSharp.Fx.Graphs;

/// <summary>
/// Nodes in a row of one gradient mode: in C# what stands in one <c>using</c> block. What is read outside of it is declared before it.
/// </summary>
internal sealed class GradientBlock
{
    private readonly GradientMode? mode;
    private readonly List<Node> nodes = [];
    private readonly HashSet<Node> declared = [];

    private GradientBlock(GradientMode? mode) => this.mode = mode;

    /// <summary>
    /// The graph's nodes but for its inputs. Where a mode makes no difference to a node, it stays in the block of the node before.
    /// </summary>
    internal static List<GradientBlock> Of(Graph graph)
    {
        List<GradientBlock> blocks = [new(null)];
        foreach (var node in graph.nodes.Where(node => node.op != Opcode.placeholder))
        {
            var mode = node.op == Opcode.output ? null : GradientMode.Matters(node) ? node.gradient_mode : blocks[^1].mode;
            if (mode != blocks[^1].mode)
                blocks.Add(new(mode));
            blocks[^1].nodes.Add(node);
        }
        foreach (var block in blocks.Where(block => block.mode is not null))
            block.declared.UnionWith(block.nodes.Where(node => node.users.Any(user => !block.nodes.Contains(user))));
        return blocks;
    }

    /// <summary>Whether a node's variable is declared before the block.</summary>
    internal bool IsDeclared(Node node) => declared.Contains(node);

    /// <summary>The block as code.</summary>
    /// <param name="statement">A node as a line of a method's body.</param>
    internal string Write(Func<Node, string> statement)
    {
        if (mode is null)
            return string.Concat(nodes.Select(statement));
        var declarations = nodes.Where(declared.Contains)
            .Select(node => $"        {CSharpNames.OfType(node.type)} {CSharpNames.Identifier(node.name)};\n");
        var head = mode.Calls.Select(call => $"        using ({call})\n");
        var lines = nodes.SelectMany(node => statement(node).Split('\n', StringSplitOptions.RemoveEmptyEntries))
            .Select(line => $"    {line}\n");
        return $"{string.Concat(declarations)}{string.Concat(head)}        {{\n{string.Concat(lines)}        }}\n";
    }
}

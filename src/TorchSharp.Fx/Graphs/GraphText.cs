using System.Text;

namespace TorchSharp.Fx.Graphs;

/// <summary>A graph as text: one line a node (grammar in <c>docs/graph-text.md</c>), or a table.</summary>
internal static class GraphText
{
    internal static string Of(Graph graph)
    {
        var inputs = string.Join(", ", graph.nodes.Where(node => node.op == Opcode.placeholder).Select(node => "%" + node.name));
        var text = new StringBuilder($"graph({inputs}):\n");
        foreach (var node in graph.nodes)
            text.Append("    ").Append(Line(node)).Append('\n').Append(Body(node));
        return text.ToString();
    }

    /// <summary>The graph that a node holds, further in.</summary>
    private static string Body(Node node)
        => node.target is MapTarget { Body: var body }
            ? string.Concat(Of(body).TrimEnd('\n').Split('\n').Select(line => $"        {line}\n")) : "";

    internal static string Line(Node node) => node.op switch
    {
        Opcode.output => $"return {ArgumentText.Of(node.args[0])}",
        Opcode.placeholder or Opcode.get_attr => $"{Head(node)} = {node.op}[target={node.target.name}{Default(node)}]",
        _ => $"{Head(node)} = {node.op}[target={node.target.name}]({Arguments(node)})",
    };

    internal static string Table(Graph graph)
    {
        var rows = new List<string[]> { new[] { "opcode", "name", "target", "args" } };
        rows.AddRange(graph.nodes.Select(node => new[] { node.op.ToString(), node.name, node.target.name, $"({Arguments(node)})" }));
        return Table(rows);
    }

    /// <summary>Rows below each other; the first is the headings.</summary>
    internal static string Table(List<string[]> rows)
    {
        var widths = Enumerable.Range(0, rows[0].Length).Select(column => rows.Max(row => row[column].Length)).ToArray();
        rows.Insert(1, [.. widths.Select(width => new string('-', width))]);
        var text = new StringBuilder();
        foreach (var row in rows)
            text.Append(string.Join("  ", row.Select((cell, column) => cell.PadRight(widths[column]))).TrimEnd()).Append('\n');
        return text.ToString();
    }

    private static string Head(Node node)
        => $"%{node.name} : [num_users={node.users.Count}{(node.gradient_mode is { } mode ? $", gradient_mode={mode}" : "")}]";

    private static string Arguments(Node node) => node.target switch
    {
        MemberTarget { Member: var member } => $"{ArgumentText.Join(node.args)}, {ArgumentText.MemberName(member.Name)}",
        StateTarget state => string.Join(", ", node.args.Select(ArgumentText.Of).Prepend(state.Path)),
        _ => ArgumentText.Join(node.args),
    };

    private static string Default(Node node)
        => node.target is PlaceholderTarget { Default: { } value } ? ", default=" + ArgumentText.Of(value) : "";
}

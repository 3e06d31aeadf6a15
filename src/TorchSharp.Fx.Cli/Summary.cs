using System.Text.Json;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Cli;

/// <summary>One row of a summary: a node, or all that runs of a module.</summary>
/// <param name="Name">The qualified name.</param>
/// <param name="Type">The module's class, or the operation.</param>
/// <param name="Output">What its result is like; empty for what is no tensor.</param>
/// <param name="Cost">What it takes.</param>
internal sealed record SummaryRow(string Name, string Type, string Output, NodeCost Cost);

/// <summary>The table of what each part of a model computes and costs.</summary>
internal sealed record Summary(IReadOnlyList<SummaryRow> Rows, NodeCost Total)
{
    /// <param name="traced">The model.</param>
    /// <param name="inputs">What it is run on.</param>
    /// <param name="depth">How many modules inside each other have rows of their own; all when null.</param>
    internal static Summary Of(TracedModel traced, object?[] inputs, int? depth)
    {
        var total = new FlopCounter(traced.Module, traced.Graph, traced.Constants).count(inputs);
        var modules = traced.Module.named_modules().DistinctBy(entry => entry.name)
            .ToDictionary(entry => entry.name, entry => entry.module, StringComparer.Ordinal);
        var rows = new List<SummaryRow>();
        foreach (var node in traced.Graph.nodes.Where(node => node.op != Opcode.output))
        {
            var full = traced.Names.GetValueOrDefault(node, node.name);
            var name = depth is { } levels ? string.Join('.', full.Split('.').Take(levels)) : full;
            var row = new SummaryRow(name, name == full ? TypeOf(node, modules) : ClassOf(name, modules), Shapes.Of(node) ?? "",
                node.get_meta(NodeCost.cost)!);
            if (name != full && rows is [.., var last] && last.Name == name)
                rows[^1] = row with { Cost = Sum(last.Cost, row.Cost) };
            else
                rows.Add(row);
        }
        return new(rows, total);
    }

    internal void WriteJson(Utf8JsonWriter writer, string model)
    {
        writer.WriteStartObject();
        writer.WriteString("model", model);
        writer.WriteStartArray("rows");
        foreach (var row in Rows)
        {
            writer.WriteStartObject();
            writer.WriteString("name", row.Name);
            writer.WriteString("type", row.Type);
            writer.WriteString("output", row.Output);
            WriteCost(writer, row.Cost);
            writer.WriteEndObject();
        }
        writer.WriteEndArray();
        writer.WriteStartObject("total");
        WriteCost(writer, Total);
        writer.WriteEndObject();
        writer.WriteEndObject();
    }

    private static void WriteCost(Utf8JsonWriter writer, NodeCost cost)
    {
        writer.WriteNumber("parameters", cost.parameters);
        writer.WriteNumber("macs", cost.macs);
        writer.WriteNumber("bytes", cost.nbytes);
    }

    private static NodeCost Sum(NodeCost a, NodeCost b) => new(a.macs + b.macs, a.parameters + b.parameters, a.nbytes + b.nbytes);

    private static string TypeOf(Node node, Dictionary<string, nn.Module> modules) => node.op switch
    {
        Opcode.call_module => ClassOf(node.target.name, modules),
        Opcode.placeholder => "input",
        Opcode.get_attr => "parameter",
        _ => node.target.name,
    };

    /// <summary>A class that stands in for the modules of a saved graph tells nothing by its name.</summary>
    private static string ClassOf(string path, Dictionary<string, nn.Module> modules)
        => modules.TryGetValue(path, out var module) && module.GetType().Assembly != typeof(Graph).Assembly
            ? module.GetType().Name.Split('`')[0] : "";
}

using System.CommandLine;
using System.Text.Json;

namespace TorchSharp.Fx.Cli;

/// <summary><c>torchfx nodes MODEL</c></summary>
internal sealed class NodesCommand : ToolCommand
{
    private readonly ModelOptions model = new();
    private readonly InputOptions inputs = new();
    private readonly Option<string> mode = Choice("--mode", "The mode whose nodes to list.", "both", "train", "eval");
    private readonly Option<string?> match =
        new("--match") { Description =
            "List only matching names of nodes and modules: '*' and '?' match characters between dots, '**' also dots.",
                HelpName = "PATTERN" };
    private readonly Option<bool> shapes =
        new("--shapes") { Description = "Show the shape of each value; needs --input for a class of your own." };
    private readonly Option<string> format = Choice("--format", "The output format.", "table", "json");

    public NodesCommand() : base("nodes", "Lists the nodes of a model in the order of execution, by the names that --nodes takes.",
        "nodes resnet18", "nodes resnet18 --match 'layer?' --shapes", "nodes inception_v3 --mode train --format json",
        """nodes bin/MyModels.dll:MyModels.Encoder --args '{"channels": 3}'""")
    {
        match.CompletionSources.Add(Completions.Nodes);
        model.AddTo(this);
        inputs.AddTo(this);
        foreach (var option in new Option[] { mode, match, shapes, format })
            Add(option);
        SetAction(Run);
    }

    private void Run(ParseResult parsed)
    {
        var (source, kwargs) = (model.Read(parsed), inputs.Read(parsed));
        var given = parsed.GetValue(shapes) ? source.Inputs(kwargs) : null;
        using var module = source.BuildToTrace(kwargs);
        string[] modes = parsed.GetRequiredValue(mode) is var one and not "both" ? [one] : ["train", "eval"];
        var lists = modes.Select(name => (name, NodeList.Of(module, name == "train", parsed.GetValue(match), given, kwargs))).ToList();
        if (parsed.GetValue(match) is { } pattern && lists.TrueForAll(list => list.Item2.Count == 0))
            throw new ToolException(
                $"No node or module of '{source.Name}' fits the pattern '{pattern}'. '*' and '?' stand for letters between dots, '**' for "
                    + "dots as well.");
        if (parsed.GetRequiredValue(format) == "json")
            PrintJson(source.Name, lists, given is not null);
        else
            PrintTable(lists, given is not null);
    }

    private static void PrintJson(string model, List<(string Mode, IReadOnlyList<NodeLine> Nodes)> lists, bool withShapes)
        => Json.Print(writer =>
    {
        writer.WriteStartObject();
        writer.WriteString("model", model);
        foreach (var (mode, nodes) in lists)
        {
            if (!withShapes)
            {
                writer.WriteStrings(mode, nodes.Select(node => node.Name));
                continue;
            }
            writer.WriteStartArray(mode);
            foreach (var node in nodes)
                Write(writer, node);
            writer.WriteEndArray();
        }
        writer.WriteEndObject();
    });

    private static void Write(Utf8JsonWriter writer, NodeLine node)
    {
        writer.WriteStartObject();
        writer.WriteString("node", node.Name);
        if (node.Value is { } value)
        {
            writer.WriteString("dtype", value.dtype.ToString().ToLowerInvariant());
            writer.WriteStartArray("shape");
            foreach (var size in value.shape)
                writer.WriteNumberValue(size);
            writer.WriteEndArray();
        }
        writer.WriteEndObject();
    }

    /// <summary>Two equal lists are one.</summary>
    private static void PrintTable(List<(string Mode, IReadOnlyList<NodeLine> Nodes)> lists, bool withShapes)
    {
        if (lists is [var train, var eval] && train.Nodes.SequenceEqual(eval.Nodes))
            lists = [("train and eval", eval.Nodes)];
        var table = Terminal.Table([.. lists.SelectMany(list => Cells(list.Mode, "shape", withShapes))]);
        for (var i = 0; i < lists.Max(list => list.Nodes.Count); i++)
            table.AddRow(
                lists.SelectMany(list => list.Nodes.ElementAtOrDefault(i) is { } node
                    ? Cells(node.Name, node.Value?.ToString() ?? "", withShapes) : Cells("", "", withShapes)));
        Terminal.Results.Write(table);
    }

    private static string[] Cells(string name, string shape, bool withShapes) => withShapes ? [name, shape] : [name];
}

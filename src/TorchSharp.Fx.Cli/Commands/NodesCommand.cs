using System.CommandLine;

namespace TorchSharp.Fx.Cli;

/// <summary><c>torchfx nodes MODEL</c></summary>
internal sealed class NodesCommand : ToolCommand
{
    private readonly ModelOptions model = new();
    private readonly InputOptions inputs = new();
    private readonly Option<string> mode = Choice("--mode", "Whose nodes to list.", "both", "train", "eval");
    private readonly Option<string> format = Choice("--format", "How to print them.", "table", "json");

    public NodesCommand() : base("nodes", "Lists the nodes of a model in the order of execution, by the names that --nodes takes.",
        "nodes resnet18", "nodes inception_v3 --mode train --format json", """nodes bin/MyModels.dll:MyModels.Encoder --args '{"channels": 3}'""")
    {
        model.AddTo(this);
        inputs.AddTo(this);
        Add(mode);
        Add(format);
        SetAction(Run);
    }

    private void Run(ParseResult parsed)
    {
        var (source, kwargs) = (model.Read(parsed), inputs.Read(parsed));
        using var module = source.BuildToTrace(kwargs);
        var (train, eval) = feature_extraction.get_graph_node_names(module, kwargs, suppress_diff_warning: true);
        List<(string Mode, IReadOnlyList<string> Names)> lists = parsed.GetRequiredValue(mode) switch
        {
            "train" => [("train", train)],
            "eval" => [("eval", eval)],
            _ => [("train", train), ("eval", eval)],
        };
        if (parsed.GetRequiredValue(format) == "json")
            PrintJson(source.Name, lists);
        else
            PrintTable(lists);
    }

    private static void PrintJson(string model, List<(string Mode, IReadOnlyList<string> Names)> lists) => Json.Print(writer =>
    {
        writer.WriteStartObject();
        writer.WriteString("model", model);
        foreach (var (mode, names) in lists)
            writer.WriteStrings(mode, names);
        writer.WriteEndObject();
    });

    /// <summary>Two equal lists are one column.</summary>
    private static void PrintTable(List<(string Mode, IReadOnlyList<string> Names)> lists)
    {
        if (lists is [var train, var eval] && train.Names.SequenceEqual(eval.Names))
            lists = [("train and eval", eval.Names)];
        var table = Terminal.Table([.. lists.Select(list => list.Mode)]);
        for (var i = 0; i < lists.Max(list => list.Names.Count); i++)
            table.AddRow(lists.Select(list => list.Names.ElementAtOrDefault(i) ?? ""));
        Terminal.Results.Write(table);
    }
}

using System.CommandLine;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Cli;

/// <summary><c>torchfx graph MODEL</c></summary>
internal sealed class GraphCommand : ToolCommand
{
    private readonly ModelOptions model = new();
    private readonly InputOptions inputs = new();
    private readonly Option<string> mode = Choice("--mode", "Whose graph to print.", "eval", "train", "both");
    private readonly Option<string> format = Choice("--format", "Text of one line a node, Graphviz's DOT, or the C# code that the graph stands for.", "text", "dot", "csharp");
    private readonly Option<string?> nodes = new("--nodes") { Description = "Cut the graph at these nodes first, as extract does.", HelpName = "NAME[=KEY],…" };

    public GraphCommand() : base("graph", "Prints the graph of a model.",
        "graph resnet18", "graph resnet18 --nodes layer1,layer4.1=last --format csharp", "graph googlenet --mode train --format dot | dot -Tsvg > googlenet.svg")
    {
        model.AddTo(this);
        inputs.AddTo(this);
        Add(mode);
        Add(nodes);
        Add(format);
        SetAction(Run);
    }

    private void Run(ParseResult parsed)
    {
        var requested = parsed.GetValue(nodes) is { } text ? NodeRequests.Parse(text) : null;
        var kwargs = inputs.Read(parsed);
        using var module = model.Read(parsed).BuildToTrace(kwargs);
        string[] modes = parsed.GetRequiredValue(mode) is var one and not "both" ? [one] : ["train", "eval"];
        var graphs = modes.Select(mode => (mode, GraphOf(module, mode == "train", requested, kwargs))).ToArray();
        Console.Out.Write(string.Join('\n', graphs.Select(pair => Print(pair.Item2, module, parsed.GetRequiredValue(format), pair.mode, isOneOfTwo: graphs.Length > 1))));
    }

    private static Graph GraphOf(nn.Module module, bool training, ReturnNodes? requested, TracerKwargs kwargs)
    {
        if (requested is not null)
        {
            using var extractor = NodeRequests.Extractor(module, requested, training, kwargs);
            return training ? extractor.train_graph : extractor.eval_graph;
        }
        module.train(training);
        return new NodePathTracer(kwargs).trace(module);
    }

    private static string Print(Graph graph, nn.Module module, string format, string mode, bool isOneOfTwo)
    {
        var (suffix, type) = (isOneOfTwo ? "_" + mode : "", module.GetType().Name);
        return format switch
        {
            "dot" => graph.to_dot(type + suffix),
            "csharp" => graph.csharp_code($"Traced{type}{suffix}", type),
            _ => isOneOfTwo ? $"# {mode}\n{graph}" : graph.ToString(),
        };
    }
}

using System.CommandLine;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Cli;

/// <summary><c>torchfx graph MODEL</c></summary>
internal sealed class GraphCommand : ToolCommand
{
    private readonly ModelOptions model = new();
    private readonly InputOptions inputs = new();
    private readonly Option<string> mode = Choice("--mode", "Whose graph to print.", "eval", "train", "both");
    private readonly Option<string> format = Choice("--format", "Text of one line a node, Graphviz's DOT, a picture, or the C# code that the graph stands for.", "text", "dot", "svg", "csharp");
    private readonly Option<int?> depth = new("--depth") { Description = "How many modules inside each other a picture opens; deeper ones are one box each. All by default.", HelpName = "N" };
    private readonly Option<string?> nodes = new("--nodes") { Description = "Cut the graph at these nodes first, as extract does.", HelpName = "NAME[=KEY],…" };

    public GraphCommand() : base("graph", "Prints the graph of a model.",
        "graph resnet18", "graph resnet18 --nodes layer1,layer4.1=last --format csharp", "graph resnet50 --format svg --depth 2 > resnet50.svg")
    {
        model.AddTo(this);
        inputs.AddTo(this);
        Add(mode);
        Add(nodes);
        Add(format);
        Add(depth);
        SetAction(Run);
    }

    private void Run(ParseResult parsed)
    {
        var requested = parsed.GetValue(nodes) is { } text ? NodeRequests.Parse(text) : null;
        var (kwargs, opened) = (inputs.Read(parsed), Depth(parsed));
        using var module = model.Read(parsed).BuildToTrace(kwargs);
        string[] modes = parsed.GetRequiredValue(mode) is var one and not "both" ? [one] : ["train", "eval"];
        var graphs = modes.Select(mode => (mode, GraphOf(module, mode == "train", requested, kwargs))).ToArray();
        Console.Out.Write(string.Join('\n', graphs.Select(pair => Print(pair.Item2, module, parsed.GetRequiredValue(format), pair.mode, opened, isOneOfTwo: graphs.Length > 1))));
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

    private int? Depth(ParseResult parsed)
    {
        var opened = parsed.GetValue(depth);
        if (opened is not null && parsed.GetRequiredValue(format) != "svg")
            throw new ToolException("--depth is for a picture: add --format svg.") { IsWrongUsage = true };
        if (opened < 0)
            throw new ToolException($"--depth counts modules inside each other, so it can't be {opened}.") { IsWrongUsage = true };
        return opened;
    }

    private static string Print(Graph graph, nn.Module module, string format, string mode, int? depth, bool isOneOfTwo)
    {
        var (suffix, type) = (isOneOfTwo ? "_" + mode : "", module.GetType().Name);
        return format switch
        {
            "dot" => graph.to_dot(type + suffix, module),
            "svg" => graph.to_svg(type + suffix, module, depth),
            "csharp" => graph.csharp_code($"Traced{type}{suffix}", type),
            _ => isOneOfTwo ? $"# {mode}\n{graph}" : graph.ToString(),
        };
    }
}

using System.CommandLine;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Cli;

/// <summary><c>torchfx graph MODEL</c></summary>
internal sealed class GraphCommand : ToolCommand
{
    private readonly ModelOptions model = new();
    private readonly InputOptions inputs = new();
    private readonly Option<string> mode = Choice("--mode", "The mode whose graph to print.", "eval", "train", "both");
    private readonly Option<string> format =
        Choice("--format", "Text with one line per node, Graphviz's DOT, a picture, or C# code of the graph.", "text", "dot",
            "svg", "csharp");
    private readonly Option<int?> depth =
        new("--depth") { Description = "How many module levels a picture opens; deeper modules are one box each. All by default.",
            HelpName = "N" };
    private readonly Option<string?> nodes =
        new("--nodes") { Description = "Cut the graph at these nodes first, as extract does.", HelpName = "NAME[=KEY],…" };

    private readonly Option<bool> shapes =
        new("--shapes") { Description = "Show the shape and type of every value; needs --input for a class of your own." };
    private readonly Option<string> stage =
        new("--stage") { Description =
            "What to print: the CIL code that is traced, the graph, or the graph after a pass "
                + $"({string.Join(", ", Stages.Passes)}) and those before it.", HelpName = "cil|graph|after:PASS",
                    DefaultValueFactory = _ => Stages.Graph };

    public GraphCommand() : base("graph", "Prints the graph of a model.",
        "graph resnet18", "graph resnet18 --nodes layer1,layer4.1=last --format csharp",
        "graph resnet50 --shapes --format svg --depth 2 > resnet50.svg", "graph resnet18 --stage cil")
    {
        nodes.CompletionSources.Add(Completions.Nodes);
        model.AddTo(this);
        inputs.AddTo(this);
        Add(mode);
        Add(nodes);
        Add(format);
        Add(depth);
        Add(shapes);
        Add(stage);
        SetAction(Run);
    }

    private void Run(ParseResult parsed)
    {
        var requested = parsed.GetValue(nodes) is { } text ? NodeRequests.Parse(text) : null;
        var (kwargs, stages, opened) = (inputs.Read(parsed), Stages.Parse(parsed.GetRequiredValue(stage)), Depth(parsed));
        var (printed, withShapes) = (parsed.GetRequiredValue(format), parsed.GetValue(shapes));
        if (withShapes && printed == "csharp")
            throw new ToolException("--shapes has no place in C# code: take another --format.") { IsWrongUsage = true };
        if (stages.IsCode && (printed != "text" || requested is not null || withShapes))
            throw new ToolException(
                "--stage cil is the code before there is a graph: it goes with neither --format, --nodes nor --shapes.") { IsWrongUsage =
                    true };
        var source = model.Read(parsed);
        if (stages.IsCode && source.IsSaved)
            throw new ToolException($"'{source.Name}' is a graph already, so there is no code that it is traced from.") { IsWrongUsage =
                true };
        var example = withShapes ? source.Inputs(kwargs) : null;
        using var module = source.BuildToTrace(kwargs);
        string[] modes = parsed.GetRequiredValue(mode) is var one and not "both" ? [one] : ["train", "eval"];
        var texts = new List<string>();
        foreach (var mode in modes)
        {
            using var traced = requested is null
                ? Trace(module, mode, kwargs, stages) : TracedModel.CutAt(requested, module, mode == "train", kwargs);
            if (stages.IsCode)
                continue;
            stages.Run(traced);
            if (example is not null)
                new ShapeProp(traced.Module, traced.Graph, traced.Constants).propagate(example);
            texts.Add(Print(traced.Graph, module, printed, mode, opened, isOneOfTwo: modes.Length > 1));
        }
        Console.Out.Write(string.Join('\n', texts));
    }

    private static TracedModel Trace(nn.Module module, string mode, TracerKwargs kwargs, Stages stages)
    {
        module.train(mode == "train");
        return TracedModel.Of(module, kwargs, stages.IsCode ? Console.Out : null);
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
            _ => isOneOfTwo ? $"# {mode}\n{Text(graph)}" : Text(graph),
        };
    }

    /// <summary>The graph's text; where shapes are known, each as a comment at its line's end.</summary>
    private static string Text(Graph graph)
    {
        var lines = graph.ToString().Split('\n');
        foreach (var (number, node) in graph.nodes.Index())
            lines[number + 1] += Shapes.Of(node) is { } shape ? $"  # {shape}" : "";
        return string.Join('\n', lines);
    }
}

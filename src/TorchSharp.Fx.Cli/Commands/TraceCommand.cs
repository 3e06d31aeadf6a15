using System.CommandLine;

namespace TorchSharp.Fx.Cli;

/// <summary><c>torchfx trace MODEL</c></summary>
internal sealed class TraceCommand : ToolCommand
{
    private readonly ModelOptions model = new();
    private readonly InputOptions inputs = new();
    private readonly Option<string> mode = Choice("--mode", "The mode to trace in.", "eval", "train");
    private readonly Option<bool> report = new("--report") { Description = "List the facts about the trace instead of counting them." };
    private readonly Option<string> format = Choice("--format", "The output format; JSON has the whole report.", "text", "json");

    public TraceCommand()
        : base("trace", "Traces a model and reports what its graph assumes and leaves out, or where and why it can't be traced.",
        "trace resnet18 --report", "trace bin/MyModels.dll:MyModels.Encoder --input Nx3xH=64xW=64 --input N:int64",
        "trace bin/MyModels.dll:MyModels.Encoder --mode train --format json")
    {
        model.AddTo(this);
        inputs.AddTo(this);
        Add(mode);
        Add(report);
        Add(format);
        SetAction(Run);
    }

    private int Run(ParseResult parsed)
    {
        var (source, kwargs) = (model.Read(parsed), inputs.Read(parsed));
        if (source.IsSaved)
            throw new ToolException(
                $"'{source.Name}' is a graph already, so there is nothing to trace; 'torchfx graph' prints it.") { IsWrongUsage = true };
        using var module = source.BuildToTrace(kwargs);
        module.train(parsed.GetRequiredValue(mode) == "train");
        var trace = Trace.Of(module, kwargs);
        if (parsed.GetRequiredValue(format) == "json")
            Json.Print(writer => trace.WriteJson(writer, source.Name, parsed.GetRequiredValue(mode)));
        else if (trace.Refusal is null)
            Console.Out.Write(parsed.GetValue(report) ? trace.Report.ToString() : trace.Summary);
        if (trace.Refusal is not { } refusal)
            return 0;
        Console.Error.WriteLine($"torchfx: {Failure.Sentence(refusal.Error)}");
        Console.Error.Write(refusal);
        return Tool.Failed;
    }
}

using System.CommandLine;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Cli;

/// <summary><c>torchfx verify MODEL</c></summary>
internal sealed class VerifyCommand : ToolCommand
{
    private readonly ModelOptions model = new();
    private readonly InputOptions inputs = new();
    private readonly Option<string> mode = Choice("--mode", "The mode to trace and run the model in.", "both", "eval", "train");
    private readonly Option<int> seed =
        new("--seed") { Description = "The random seed, for random weights and random operations.", HelpName = "N" };
    private readonly Option<string> format = Choice("--format", "The output format.", "text", "json");

    public VerifyCommand()
        : base("verify",
            "Runs a model and its graph on the given inputs and on other sizes, and tells whether the results agree: the module "
                + "itself, the graph, the evaluator and the optimised copy.",
        "verify resnet18", "verify bin/MyModels.dll:MyModels.Encoder --input Nx3x64x64 --mode eval", "verify vit_b_16 --format json")
    {
        model.AddTo(this);
        inputs.AddTo(this);
        Add(mode);
        Add(seed);
        Add(format);
        SetAction(Run);
    }

    private int Run(ParseResult parsed)
    {
        var (source, kwargs) = (model.Read(parsed), inputs.Read(parsed));
        if (source.IsSaved)
            throw new ToolException(
                $"'{source.Name}' is a graph without the program that it came from, so there is nothing to compare it with.") { IsWrongUsage = true };
        var given = source.Inputs(kwargs);
        manual_seed(parsed.GetValue(seed));
        using var module = source.Build(null);
        var modes = parsed.GetRequiredValue(mode) switch { "both" => [false, true], var one => new[] { one == "train" } };
        var report = Merged([.. modes.Select(training => Verify(module, training, given, kwargs))]);
        if (parsed.GetRequiredValue(format) == "json")
            Json.Print(report.WriteJson);
        else
            Console.Out.Write(report);
        return report.agrees ? 0 : throw new ToolException($"The graph of {report.model} does something else than the module, see above.");
    }

    /// <summary>Each mode has a graph of its own, as in feature extraction.</summary>
    private static VerificationReport Verify(nn.Module module, bool training, object?[] inputs, TracerKwargs kwargs)
    {
        module.train(training);
        using var traced =
            fx.symbolic_trace(module, example_inputs: kwargs.example_inputs, allow_value_specialization: kwargs.allow_value_specialization,
                suppress_trace_warning: true);
        return fx.verify_mode(traced, module, training, inputs);
    }

    private static VerificationReport Merged(IReadOnlyList<VerificationReport> reports)
        => new(reports[0].model, [.. reports.SelectMany(report => report.runs)]);
}

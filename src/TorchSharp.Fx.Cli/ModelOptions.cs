using System.CommandLine;

namespace TorchSharp.Fx.Cli;

/// <summary>How every command names its model.</summary>
internal sealed class ModelOptions
{
    private readonly Argument<string> model = new("MODEL")
    {
        // Without it, help would list all that can be completed.
        HelpName = "MODEL",
        Description =
            "A model of 'torchfx models', or path/To.dll:Namespace.Type for a module of any assembly, or a file: .pt2 of torch.export, "
                + ".onnx, or .safetensors of 'torchfx save'.",
    };

    private readonly Option<string?> args = new("--args")
    {
        Description = "Arguments for the type's constructor by name, as a JSON object.",
        HelpName = "JSON",
    };

    internal void AddTo(Command command)
    {
        model.CompletionSources.Add(Completions.Models);
        command.Add(model);
        command.Add(args);
    }

    internal ModelSource Read(ParseResult parsed)
    {
        NativeFiles.Require();
        return ModelSource.Find(parsed.GetRequiredValue(model), parsed.GetValue(args));
    }
}

using System.CommandLine;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Cli;

/// <summary><c>torchfx weights convert IN OUT</c></summary>
internal sealed class WeightsConvertCommand : ToolCommand
{
    private const string Extension = ".safetensors";

    private readonly Argument<string> input = new("IN") { Description = "A .pth or .pt file." };
    private readonly Argument<string> output =
        new("OUT") { Description = "The .safetensors file to write; it is complete or not written at all." };
    private readonly Option<string?> key =
        new("--key") { Description =
            "The key of the weights in the checkpoint; by default its root and the usual keys.", HelpName = "KEY" };

    public WeightsConvertCommand() : base("convert", "Converts a PyTorch file to safetensors. No code in the file runs.",
        "weights convert resnet50-11ad3fa6.pth resnet50.safetensors",
        "weights convert checkpoint.pt model.safetensors --key ema_state_dict")
    {
        Add(input);
        Add(output);
        Add(key);
        SetAction(parsed => Run(parsed.GetRequiredValue(input), parsed.GetRequiredValue(output), parsed.GetValue(key)));
    }

    private static void Run(string input, string output, string? key)
    {
        NativeFiles.Require();
        if (!output.EndsWith(Extension, StringComparison.OrdinalIgnoreCase))
            throw new ToolException($"'{output}' is to be a safetensors file: give it the extension {Extension}.") { IsWrongUsage = true };
        using var scope = NewDisposeScope();
        using var file = WeightsFiles.Open(input, key);
        Safetensors.save_file(file.Load(device: null), output, new Dictionary<string, string> { ["format"] = "pt" });
        Console.Out.WriteLine(output);
        Console.Error.WriteLine(file.Summary());
    }
}

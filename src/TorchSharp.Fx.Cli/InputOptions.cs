using System.CommandLine;

namespace TorchSharp.Fx.Cli;

/// <summary>The inputs that a command traces by, where symbols alone won't do.</summary>
internal sealed class InputOptions
{
    private readonly Option<string[]> inputs = new("--input")
    {
        Description =
            "Trace with an example of this shape and type; a capital letter is a size that stays free. Once per input, in order.",
        HelpName = "1x3x224x224[:TYPE]",
    };

    private readonly Option<bool> allowsValues =
        new("--allow-value-specialization") { Description =
            "Let numbers read out of example tensors decide branches, too." };

    internal void AddTo(Command command)
    {
        command.Add(inputs);
        command.Add(allowsValues);
    }

    internal TracerKwargs Read(ParseResult parsed)
    {
        var shapes = parsed.GetValue(inputs) ?? [];
        if (shapes.Length == 0 && parsed.GetValue(allowsValues))
            throw new ToolException(
                "--allow-value-specialization goes by the values of example inputs: give them with --input.") { IsWrongUsage = true };
        return new() { example_inputs = shapes.Length == 0
            ? null : Array.ConvertAll(shapes, Parse), allow_value_specialization = parsed.GetValue(allowsValues) };
    }

    private static InputShape Parse(string text)
    {
        try
        {
            return InputShape.Parse(text);
        }
        catch (FormatException error)
        {
            throw new ToolException(error.Message, error) { IsWrongUsage = true };
        }
    }
}

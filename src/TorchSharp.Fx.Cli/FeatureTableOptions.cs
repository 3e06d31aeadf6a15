using System.CommandLine;
using TorchSharp.Fx.Data;

namespace TorchSharp.Fx.Cli;

/// <summary>How a command names a table of features, and how it prints what it finds there.</summary>
/// <param name="formats">How it prints; the first unless the user says so.</param>
internal sealed class FeatureTableOptions(params string[] formats)
{
    private readonly Argument<string> file =
        new("FEATURES") { Description =
            "A table of 'torchfx extract --out FILE.parquet' or 'torchfx job merge', or a table that another tool made from one." };
    private readonly Option<string?> key =
        new("--key") { Description = "The key of the features, where the table has several.", HelpName = "KEY" };
    private readonly Option<string> format = ToolCommand.Choice("--format",
        formats.Contains("html") ? "The output format; HTML is a page with its pictures embedded." : "The output format.", formats);

    internal void AddTo(Command command)
    {
        command.Add(file);
        command.Add(key);
        command.Add(format);
    }

    internal string Format(ParseResult parsed) => parsed.GetRequiredValue(format);

    internal FeatureVectors Open(ParseResult parsed)
    {
        NativeFiles.Require();
        return FeatureVectors.Open(parsed.GetRequiredValue(file), parsed.GetValue(key));
    }

    /// <summary>An option that is a whole number.</summary>
    internal static Option<int> Number(string name, int standard, int least, string description)
    {
        var option = new Option<int>(name) { Description = description, HelpName = "N", DefaultValueFactory = _ => standard };
        option.Validators.Add(result =>
        {
            if (result.Tokens is [var token] && int.TryParse(token.Value, out var number) && number < least)
                result.AddError($"{name} must be {least} or more, not {number}.");
        });
        return option;
    }

    /// <summary>How many rows were compared, where some have nothing to compare.</summary>
    internal static void TellCompared(FeatureVectors table, long compared)
    {
        var left = table.Rows - compared;
        Console.Error.WriteLine(
            FormattableString.Invariant(
                $"{table.Rows} rows{(left > 0 ? $"; {left} of them have no features, or features without a direction (all zeros, or not "
                    + "finite)" : "")}"));
    }
}

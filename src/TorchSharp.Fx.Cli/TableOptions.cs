using System.CommandLine;
using TorchSharp.Fx.Data;

namespace TorchSharp.Fx.Cli;

/// <summary>How a table of features is made.</summary>
internal sealed class TableOptions
{
    private readonly Option<string?> column =
        new("--column") { Description =
            "The column of manifests (.csv, .tsv, .jsonl, .parquet) that has the paths or addresses; 'path', 'url', 'uri', 'file', "
                + "'filename' or 'image' unless given (--out FILE.parquet).", HelpName = "NAME" };
    private readonly Option<bool> half = new("--float16") { Description = "Write features as float16, at half the size." };
    private readonly Option<bool> failFast = new("--fail-fast") { Description = "Stop at the first broken image, and write nothing." };

    private readonly Option<string> maps = Maps();

    private Option[] All => [column, half, failFast, maps];

    /// <summary>Where maps go.</summary>
    internal static Option<string> Maps() => ToolCommand.Choice("--maps",
        "Where to write features with more than one dimension: into the table, or into .safetensors files beside it.",
        "table", "safetensors");

    internal bool MapsBeside(ParseResult parsed) => MapsBeside(parsed, maps);

    internal static bool MapsBeside(ParseResult parsed, Option<string> maps) => parsed.GetValue(maps) == "safetensors";

    internal void AddTo(Command command)
    {
        foreach (var option in All)
            command.Add(option);
    }

    /// <summary>Without the options that only a run has.</summary>
    internal void AddToJob(Command command)
    {
        command.Add(column);
        command.Add(half);
    }

    internal void RequireNone(ParseResult parsed, string folder)
    {
        if (All.FirstOrDefault(option => parsed.GetResult(option) is { Implicit: false }) is { } given)
            throw new ToolException(
                $"{given.Name} is for a table, and --out names the folder '{folder}': give a file that ends with .parquet.") { IsWrongUsage = true };
    }

    internal DataSource Source(ParseResult parsed, IReadOnlyList<string> inputs)
        => DataSource.Open(inputs, new() { PathColumn = parsed.GetValue(column) });

    /// <summary>The metadata of a table about its source.</summary>
    internal KeyValuePair<string, string> Metadata(ParseResult parsed, IReadOnlyList<string> inputs)
        => TablePictures.Metadata(inputs, parsed.GetValue(column));

    internal FeaturePipelineOptions Pipeline(ParseResult parsed, int batch)
        => new() { BatchSize = batch, IsHalf = parsed.GetValue(half), FailFast = parsed.GetValue(failFast) };
}

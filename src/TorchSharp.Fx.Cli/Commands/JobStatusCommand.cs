using System.CommandLine;
using Spectre.Console;
using TorchSharp.Fx.Data;

namespace TorchSharp.Fx.Cli;

/// <summary><c>torchfx job status DIR</c></summary>
internal sealed class JobStatusCommand : JobFolderCommand
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(2);

    private readonly Option<string> format = Choice("--format", "The output format.", "table", "json");
    private readonly Option<bool> watch = new("--watch") { Description = "Keep printing until all shards are done." };

    public JobStatusCommand()
        : base("status", "Shows the progress of a job.", "job status features", "job status features --watch",
            "job status features --format json")
    {
        Add(format);
        Add(watch);
        SetAction(Run);
    }

    private async Task Run(ParseResult parsed, CancellationToken token)
    {
        var job = Open(parsed);
        var isJson = parsed.GetRequiredValue(format) == "json";
        if (!parsed.GetValue(watch))
            Print(job.Status(), isJson);
        else if (isJson || Console.IsOutputRedirected)
            for (JobStatus status; ; await Task.Delay(Pause, token))
            {
                Print(status = job.Status(), isJson);
                if (status.Done == status.Shards)
                    return;
            }
        else
            await Terminal.Results.Live(Table(job.Status())).StartAsync(async context =>
            {
                for (var status = job.Status(); ; await Task.Delay(Pause, token), status = job.Status())
                {
                    context.UpdateTarget(Table(status));
                    if (status.Done == status.Shards)
                        return;
                }
            });
    }

    private static void Print(JobStatus status, bool isJson)
    {
        if (!isJson)
            Terminal.Results.Write(Table(status));
        else
            Json.Print(writer =>
            {
                writer.WriteStartObject();
                writer.WriteNumber("shards", status.Shards);
                writer.WriteNumber("done", status.Done);
                writer.WriteNumber("working", status.Working);
                writer.WriteNumber("rows", status.Rows);
                writer.WriteNumber("errors", status.Errors);
                writer.WriteNumber("total_rows", status.TotalRows);
                if (status.RowsPerSecond is { } rate)
                    writer.WriteNumber("rows_per_second", Math.Round(rate, 3));
                if (status.Remaining is { } remaining)
                    writer.WriteNumber("remaining_seconds", Math.Round(remaining.TotalSeconds, 1));
                writer.WriteEndObject();
            });
    }

    private static Table Table(JobStatus status)
    {
        var table = Terminal.Table("shards", "done", "working", "rows", "errors", "rows a second", "remaining");
        table.AddRow(Count(status.Shards), Count(status.Done), Count(status.Working), $"{Count(status.Rows)} of {Count(status.TotalRows)}",
            Count(status.Errors),
            status.RowsPerSecond is { } rate ? FormattableString.Invariant($"{rate:N1}") : "", status.Remaining is { } rest
                ? FormattableString.Invariant($"{(int)rest.TotalHours}:{rest:mm\\:ss}") : "");
        return table;
    }

    private static string Count(long number) => FormattableString.Invariant($"{number:N0}");
}

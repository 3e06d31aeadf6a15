using System.CommandLine;
using TorchSharp.Fx.Data;

namespace TorchSharp.Fx.Cli;

/// <summary><c>torchfx job verify DIR</c></summary>
internal sealed class JobVerifyCommand : JobFolderCommand
{
    public JobVerifyCommand()
        : base("verify", "Checks the results: every input has exactly one row, and no file has changed since it was written.",
            "job verify features") => SetAction(Run);

    private async Task<int> Run(ParseResult parsed, CancellationToken token)
    {
        var job = Open(parsed);
        var wrong = 0;
        await foreach (var sentence in job.VerifyAsync(token))
        {
            wrong++;
            Console.Out.WriteLine(sentence);
        }
        if (wrong == 0)
            Console.Out.WriteLine(
                FormattableString.Invariant(
                    $"All {job.Definition.Rows} rows are there, each once, in {job.Definition.Shards} parts that are as they were written."));
        return wrong == 0 ? 0 : Tool.Failed;
    }
}

/// <summary><c>torchfx job retry DIR</c></summary>
internal sealed class JobRetryCommand : JobFolderCommand
{
    private readonly Option<double> timeout = JobOptions.LeaseTimeout();
    private readonly JobAssemblies assemblies = new();

    public JobRetryCommand()
        : base("retry", "Computes the rows with errors again and keeps the others.", "job retry features")
    {
        Add(timeout);
        assemblies.AddTo(this);
        SetAction(Run);
    }

    private async Task<int> Run(ParseResult parsed, CancellationToken token)
    {
        var job = Open(parsed);
        using var model = JobModel.Of(job, assemblies.Read(parsed));
        return Tell(job, await new JobWorker(job, model.Pipeline, model.Metadata, TimeSpan.FromSeconds(parsed.GetValue(timeout)))
            .RetryAsync(token));
    }
}

/// <summary><c>torchfx job merge DIR --out FILE</c></summary>
internal sealed class JobMergeCommand : JobFolderCommand
{
    private readonly Option<string> output = new("--out") { Description = "The file to write.", HelpName = "FILE.parquet",
        Required = true };
    private readonly Option<string> maps = TableOptions.Maps();

    public JobMergeCommand()
        : base("merge", "Writes the results as one table. Most tools can also read the parts directly: 'DIR/parts/*.parquet'.",
            "job merge features --out features.parquet")
    {
        Add(output);
        Add(maps);
        SetAction(Run);
    }

    private async Task Run(ParseResult parsed, CancellationToken token)
    {
        var job = Open(parsed);
        var path = parsed.GetRequiredValue(output);
        AtomicFile.RequireFolder(path);
        await job.MergeAsync(path, job.Definition.Settings
            .ToDictionary(entry => entry.Key, entry => entry.Key == JobModel.Arguments
                ? entry.Value!.ToJsonString(Json.Plain) : (string)entry.Value!),
            TableOptions.MapsBeside(parsed, maps), token);
        Console.Out.WriteLine(path);
    }
}

using System.CommandLine;
using TorchSharp.Fx.Jobs.Hangfire;

namespace TorchSharp.Fx.Cli;

/// <summary><c>torchfx job submit DIR</c></summary>
internal sealed class JobSubmitCommand : JobFolderCommand
{
    private readonly Option<string> storage = JobOptions.Storage();

    public JobSubmitCommand() : base("submit", "Puts the shards that are not done into Hangfire's queue; 'torchfx worker' computes them.",
        "job submit features --storage sqlite://queue.db", "job submit /data/features --storage postgres://torchfx@queue.example/jobs")
    {
        Add(storage);
        SetAction(Run);
    }

    private void Run(ParseResult parsed)
    {
        var job = Open(parsed);
        var count = ShardQueue.Submit(ShardStorage.Open(parsed.GetRequiredValue(storage)), job);
        Console.Error.WriteLine(
            FormattableString.Invariant($"{count} of {job.Definition.Shards} shards; 'torchfx worker' with this storage computes them"));
    }
}

using System.CommandLine;
using TorchSharp.Fx.Data;

namespace TorchSharp.Fx.Cli;

/// <summary><c>torchfx job …</c></summary>
internal sealed class JobCommand : ToolCommand
{
    public JobCommand() : base("job", "Computes features of a large data set in shards, with any number of processes and machines.",
        "job create DIR resnet50 photos --nodes embedding --weights DEFAULT --shard-size 10000")
    {
        Add(new JobCreateCommand());
        Add(new JobRunCommand());
        Add(new JobStatusCommand());
        Add(new JobVerifyCommand());
        Add(new JobRetryCommand());
        Add(new JobMergeCommand());
        Add(new JobScriptCommand());
        Add(new JobSubmitCommand());
    }
}

/// <summary>A command on a job's folder.</summary>
internal abstract class JobFolderCommand : ToolCommand
{
    private protected readonly Argument<string> folder = new("DIR") { Description = "The job's folder, or s3://BUCKET/KEY." };

    private protected JobFolderCommand(string name, string description, params string[] examples) : base(name, description, examples)
        => Add(folder);

    private protected Job Open(ParseResult parsed) => Job.Open(parsed.GetRequiredValue(folder));

    /// <summary>The files on standard output, a line of counts on standard error.</summary>
    private protected static int Tell(Job job, IReadOnlyCollection<ShardOutcome> outcomes)
    {
        var (rows, errors) = (outcomes.Sum(outcome => outcome.Rows), outcomes.Sum(outcome => outcome.Errors));
        Console.Error.WriteLine(
            FormattableString.Invariant(
                $"{outcomes.Count} of {job.Definition.Shards} shards, {rows} rows, {errors} error{(errors == 1 ? "" : "s")}"));
        return errors == 0 ? 0 : Tool.WithErrors;
    }
}

/// <summary>Options that several commands of jobs share.</summary>
internal static class JobOptions
{
    internal static Option<double> LeaseTimeout() => new("--lease-timeout")
    {
        Description = "The seconds without a heartbeat after which another worker counts as dead and its shard is taken over.",
        HelpName = "SECONDS",
        DefaultValueFactory = _ => 60,
    };

    internal static Option<string> Storage() => new("--storage")
    {
        Description =
            "Hangfire's queue: 'sqlite://FILE' for the processes of one machine, 'postgres://USER:PASSWORD@HOST:PORT/DATABASE' for many. "
                + "PGPASSWORD may have the password.",
        HelpName = "ADDRESS",
        Required = true,
    };

    internal static string Line(ShardOutcome outcome)
        => FormattableString.Invariant(
            $"shard {outcome.Shard}: {outcome.Rows} rows, {outcome.Errors} error{(outcome.Errors == 1 ? "" : "s")}, {outcome.Seconds:F1} s");
}

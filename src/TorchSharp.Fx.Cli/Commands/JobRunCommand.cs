using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using TorchSharp.Fx.Data;

namespace TorchSharp.Fx.Cli;

/// <summary><c>torchfx job run DIR</c></summary>
internal sealed class JobRunCommand : JobFolderCommand
{
    private readonly Option<int?> shard =
        new("--shard") { Description =
            "Compute only this shard. A Slurm array task and a pod of an indexed Kubernetes job read it from the environment.",
                HelpName = "N" };
    private readonly Option<int> workers = new("--workers") { Description = "How many processes share the work and the processors.",
        HelpName = "K", DefaultValueFactory = _ => 1 };
    private readonly Option<double> timeout = JobOptions.LeaseTimeout();
    private readonly JobAssemblies assemblies = new();

    public JobRunCommand()
        : base("run",
            "Computes the shards that are not done and not in work elsewhere. Run it as often and on as many machines as you like.",
        "job run features", "job run features --workers 2", "job run features --shard 7")
    {
        foreach (var option in new Option[] { shard, workers, timeout })
            Add(option);
        assemblies.AddTo(this);
        SetAction(Run);
    }

    private async Task<int> Run(ParseResult parsed, CancellationToken token)
    {
        var job = Open(parsed);
        if (parsed.GetValue(workers) is > 1 and var count)
            return await RunWorkers(parsed, job, count, token);
        int[]? shards = parsed.GetValue(shard) is { } one ? [one] : ArrayTask.Shards(job.Definition.Shards)?.ToArray();
        using var model = JobModel.Of(job, assemblies.Read(parsed));
        var worker = new JobWorker(job, model.Pipeline, model.Metadata, TimeSpan.FromSeconds(parsed.GetValue(timeout)));
        var outcomes = new List<ShardOutcome>();
        await foreach (var outcome in worker.RunAsync(shards, token))
        {
            outcomes.Add(outcome);
            Console.Out.WriteLine(JobOptions.Line(outcome));
        }
        return Tell(job, outcomes);
    }

    private async Task<int> RunWorkers(ParseResult parsed, Job job, int count, CancellationToken token)
    {
        if (parsed.GetValue(shard) is not null)
            throw new ToolException("--shard is one shard, and --workers share many: give one of the two.") { IsWrongUsage = true };
        var allowed = assemblies.Read(parsed);
        // Told once, and not by each of them.
        JobAssemblies.Arguments(job, allowed);
        var threads = Math.Max(1, torch.get_num_threads() / count);
        string[] arguments = ["job", "run", parsed.GetRequiredValue(folder), "--lease-timeout",
            parsed.GetValue(timeout).ToString("R", CultureInfo.InvariantCulture),
            .. allowed.SelectMany(file => new[] { JobAssemblies.Name, file })];
        Process[] processes = [.. Enumerable.Range(0, count).Select(_ => Process.Start(OwnProcess.Start(arguments, threads))!)];
        try
        {
            await Task.WhenAll(processes.Select(process => process.WaitForExitAsync(token)));
            int[] codes = [.. processes.Select(process => process.ExitCode)];
            return codes.FirstOrDefault(code => code is not (0 or Tool.WithErrors), codes.Max());
        }
        finally
        {
            foreach (var process in processes)
            {
                if (!process.HasExited)
                    process.Kill();
                process.Dispose();
            }
        }
    }
}

/// <summary>Which part of a job an engine's environment asks for.</summary>
internal static class ArrayTask
{
    /// <summary>The shards of this task of a Slurm array, or of this pod of an indexed job; null where there is none. An array of fewer
    /// tasks than shards shares them.</summary>
    internal static IEnumerable<int>? Shards(int count)
    {
        if (Number("JOB_COMPLETION_INDEX") is { } index)
            return [index];
        if (Number("SLURM_ARRAY_TASK_ID") is not { } task)
            return null;
        var (first, last) = (Number("SLURM_ARRAY_TASK_MIN") ?? 0, Number("SLURM_ARRAY_TASK_MAX") ?? count - 1);
        return Enumerable.Range(0, count).Where(shard => shard % (last - first + 1) == task - first);
    }

    private static int? Number(string variable)
        => int.TryParse(Environment.GetEnvironmentVariable(variable), NumberStyles.None, CultureInfo.InvariantCulture, out var number)
        ? number : null;
}

using System.CommandLine;
using System.Net;
using TorchSharp.Fx.Data;
using TorchSharp.Fx.Jobs.Hangfire;

namespace TorchSharp.Fx.Cli;

/// <summary><c>torchfx worker</c></summary>
internal sealed class WorkerCommand : ToolCommand
{
    private readonly Option<string> storage = JobOptions.Storage();
    private readonly Option<string> dashboard =
        new("--dashboard") { Description =
            "The address of the dashboard; by default only this machine can open it. Opening it needs the printed token.",
                HelpName = "IP:PORT", DefaultValueFactory = _ => "127.0.0.1:0" };
    private readonly Option<bool> untilEmpty =
        new("--until-empty") { Description = "Exit when nothing is queued and no worker is busy." };
    private readonly Option<double> timeout = JobOptions.LeaseTimeout();
    private readonly JobAssemblies assemblies = new();

    public WorkerCommand()
        : base("worker", "Computes the shards that 'torchfx job submit' put into Hangfire's queue. Run it on as many machines as you like.",
        "worker --storage sqlite://queue.db --until-empty",
        "worker --storage postgres://torchfx@queue.example/jobs --dashboard 0.0.0.0:8080")
    {
        foreach (var option in new Option[] { storage, dashboard, untilEmpty, timeout })
            Add(option);
        assemblies.AddTo(this);
        dashboard.Validators.Add(result =>
        {
            if (result.Tokens is [var token] && !IPEndPoint.TryParse(token.Value, out _))
                result.AddError($"--dashboard must be an address and a port such as 127.0.0.1:8080, not '{token.Value}'.");
        });
        SetAction(Run);
    }

    private async Task<int> Run(ParseResult parsed, CancellationToken token)
    {
        var (limit, errors) = (TimeSpan.FromSeconds(parsed.GetValue(timeout)), 0L);
        using var workers = new JobWorkers(limit, assemblies.Read(parsed));
        var options = new ShardServerOptions
        {
            Dashboard = IPEndPoint.Parse(parsed.GetRequiredValue(dashboard)),
            Timeout = limit,
            Done = (job, outcome) =>
            {
                errors += outcome.Errors;
                Console.Out.WriteLine($"{job.Folder}: {JobOptions.Line(outcome)}");
            },
            Warn = sentence => Console.Error.WriteLine($"torchfx: {Failure.FirstLine(sentence)}"),
        };
        await using var server =
            await ShardServer.StartAsync(ShardStorage.Open(parsed.GetRequiredValue(storage), limit), workers.Of, options);
        Console.Error.WriteLine($"dashboard: {server.Address}");
        if (!parsed.GetValue(untilEmpty))
            await Task.Delay(Timeout.Infinite, token);
        if (await server.WaitUntilEmptyAsync(token) is > 0 and var failed)
            throw new ToolException(
                $"{failed} shard{(failed == 1 ? "" : "s")} of the queue could not be computed; the dashboard says why.");
        return errors == 0 ? 0 : Tool.WithErrors;
    }

    /// <summary>The worker of the job that was asked for last, with its model.</summary>
    private sealed class JobWorkers(TimeSpan timeout, string[] allowed) : IDisposable
    {
        private (string Folder, string Id, JobModel Model, JobWorker Worker)? last;

        internal JobWorker Of(Job job)
        {
            if (last is { } known && (known.Folder, known.Id) == (job.Folder, job.Definition.Id))
                return known.Worker;
            Dispose();
            var model = JobModel.Of(job, allowed);
            var worker = new JobWorker(job, model.Pipeline, model.Metadata, timeout);
            last = (job.Folder, job.Definition.Id, model, worker);
            return worker;
        }

        public void Dispose()
        {
            last?.Model.Dispose();
            last = null;
        }
    }
}

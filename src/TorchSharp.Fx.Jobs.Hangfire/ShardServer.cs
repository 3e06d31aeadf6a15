using System.Data.Common;
using System.Net;
using Hangfire;
using Hangfire.Common;
using Hangfire.Logging;
using Hangfire.Storage.Monitoring;
using SQLite;
using TorchSharp.Fx.Data;
using Job = TorchSharp.Fx.Data.Job;

namespace TorchSharp.Fx.Jobs.Hangfire;

/// <summary>The settings of a worker.</summary>
public sealed record ShardServerOptions
{
    internal static readonly TimeSpan UsualTimeout = TimeSpan.FromMinutes(1);

    /// <summary>The address of Hangfire's dashboard. By default it is a free port that only this machine can reach.</summary>
    public IPEndPoint Dashboard { get; init; } = new(IPAddress.Loopback, 0);

    /// <summary>
    /// The time without a heartbeat after which another worker counts as dead. The storage and the job workers must have the same.
    /// </summary>
    public TimeSpan Timeout { get; init; } = UsualTimeout;

    /// <summary>Called for every shard that this worker has finished.</summary>
    public Action<Job, ShardOutcome>? Done { get; init; }

    /// <summary>Receives Hangfire's warnings and errors, one sentence each.</summary>
    public Action<string>? Warn { get; init; }
}

/// <summary>Takes shards from a queue and computes them, one at a time. It also serves Hangfire's dashboard.</summary>
/// <remarks>The process runs nothing else from Hangfire's storages: a background job that names other code is refused.</remarks>
public sealed class ShardServer : IAsyncDisposable
{
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(15);

    /// <summary>All that a storage may name; anything else stays unknown.</summary>
    private static readonly Dictionary<string, Type> Known = new[] { typeof(ShardRun), typeof(string), typeof(int),
        typeof(IJobCancellationToken) }.ToDictionary(type => type.FullName!, StringComparer.Ordinal);

    private readonly JobStorage storage;
    private readonly BackgroundJobServer server;
    private readonly Dashboard dashboard;
    private readonly CancellationTokenSource stop;

    private ShardServer(JobStorage storage, BackgroundJobServer server, Dashboard dashboard, CancellationTokenSource stop)
        => (this.storage, this.server, this.dashboard, this.stop) = (storage, server, dashboard, stop);

    /// <summary>The dashboard's address, with the required token.</summary>
    public Uri Address => dashboard.Address;

    /// <summary>Starts the server.</summary>
    /// <param name="storage">The queue.</param>
    /// <param name="worker">Returns the worker of a job; it should return the same one for the same job, so that the model is built
    /// once.</param>
    /// <param name="options">The settings.</param>
    /// <exception cref="IOException">The dashboard can't listen at its address.</exception>
    public static async Task<ShardServer> StartAsync(JobStorage storage, Func<Job, JobWorker> worker, ShardServerOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        TypeHelper.CurrentTypeResolver = Resolve;
        var dashboard = await Dashboard.StartAsync(storage, options.Dashboard).ConfigureAwait(false);
        // After the dashboard, which has its own idea of where to write.
        LogProvider.SetCurrentLogProvider(new Warnings(options.Warn));
        var pause = options.Timeout < LongestPause ? options.Timeout : LongestPause;
        var stop = new CancellationTokenSource();
        var server = new BackgroundJobServer(new()
        {
            WorkerCount = 1,
            Queues = [ShardQueue.Name],
            SchedulePollingInterval = pause,
            Activator = new Activation(new(options, worker, stop.Token)),
        }, storage);
        return new(storage, server, dashboard, stop);
    }

    /// <summary>Waits until no shard is queued, waiting for a retry, or being computed by any worker.</summary>
    /// <returns>The number of shards that failed finally.</returns>
    public async Task<long> WaitUntilEmptyAsync(CancellationToken cancellation = default)
    {
        var pause = TimeSpan.FromSeconds(1);
        for (var empty = 0; ; await Task.Delay(pause, cancellation).ConfigureAwait(false))
        {
            // Twice: what goes from one state to the next may be counted in neither.
            var counts = Counts();
            empty = counts is { Enqueued: 0, Processing: 0, Scheduled: 0 } ? empty + 1 : 0;
            if (empty == 2)
                return counts!.Failed;
        }
    }

    /// <summary>Null while the storage can't be reached: Hangfire tells of that, and goes on when it is back.</summary>
    private StatisticsDto? Counts()
    {
        try
        {
            return storage.GetMonitoringApi().GetStatistics();
        }
        catch (Exception error) when (error is DbException or SQLiteException or IOException)
        {
            return null;
        }
    }

    /// <summary>Stops the server. The shard that it is computing goes back to the queue.</summary>
    public async ValueTask DisposeAsync()
    {
        server.SendStop();
        await stop.CancelAsync().ConfigureAwait(false);
        await server.WaitForShutdownAsync(CancellationToken.None).ConfigureAwait(false);
        server.Dispose();
        await dashboard.DisposeAsync().ConfigureAwait(false);
        stop.Dispose();
    }

    private static Type Resolve(string name) => Known.TryGetValue(name.Split(',')[0], out var type) ? type
        : throw new TypeLoadException($"A worker for shards runs nothing else, so not '{name}'.");

    private sealed class Activation(ShardRun run) : JobActivator
    {
        public override object ActivateJob(Type jobType) => run;
    }

    /// <summary>Hangfire's log, without what is only of interest to its authors.</summary>
    private sealed class Warnings(Action<string>? warn) : ILogProvider, ILog
    {
        public ILog GetLogger(string name) => this;

        public bool Log(LogLevel logLevel, Func<string>? messageFunc, Exception? exception = null)
        {
            if (logLevel < LogLevel.Warn || warn is null)
                return false;
            if (messageFunc is not null)
                warn(exception is null ? messageFunc() : $"{messageFunc()} {exception.Message}");
            return true;
        }
    }
}

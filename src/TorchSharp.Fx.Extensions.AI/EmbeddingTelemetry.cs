using System.Diagnostics;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.Logging;
using TorchSharp.Fx.Data;

namespace TorchSharp.Fx.Extensions.AI;

/// <summary>Metrics, traces and logs of one generator.</summary>
/// <param name="model">What the model is known by.</param>
/// <param name="logger">Where to log.</param>
internal sealed partial class EmbeddingTelemetry(string? model, ILogger logger)
{
    private static readonly ActivitySource Source = new(TorchFxEmbeddingGenerator.TelemetryName);
    private static readonly Meter Meter = new(TorchFxEmbeddingGenerator.TelemetryName);
    private static readonly Counter<long> Images = Meter.CreateCounter<long>("torchfx.embeddings.images", "{image}",
        "Images that were embedded.");
    private static readonly Counter<long> Errors = Meter.CreateCounter<long>("torchfx.embeddings.errors", "{image}",
        "Images that have no embedding.");
    private static readonly UpDownCounter<long> Queue = Meter.CreateUpDownCounter<long>("torchfx.embeddings.queue.length", "{image}",
        "Decoded images that wait for a batch.");
    private static readonly Histogram<long> Sizes = Meter.CreateHistogram<long>("torchfx.embeddings.batch.size", "{image}",
        "Images that ran together.");
    private static readonly Histogram<double> Times = Meter.CreateHistogram<double>("torchfx.embeddings.batch.duration", "s",
        "Time of a batch in the model.");

    private readonly KeyValuePair<string, object?> tag = new("gen_ai.request.model", model);

    internal void Queued(long change) => Queue.Add(change, tag);

    internal void Broken(string error)
    {
        Errors.Add(1, tag);
        LogBroken(error);
    }

    internal void Started(int width, TorchFxEmbeddingOptions options)
        => LogStarted(model, width, options.MaxBatchSize, options.MaxDelay.TotalMilliseconds);

    /// <summary>Runs a batch in an activity of its own, linked to its callers'.</summary>
    internal ImageVector[] Batch(IReadOnlyList<ActivityContext> callers, Func<ImageVector[]> run)
    {
        var start = Stopwatch.GetTimestamp();
        // Of several callers none is the parent.
        using var activity = Source.StartActivity("torchfx.batch", ActivityKind.Internal, parentContext: default,
            links: callers.Where(caller => caller != default).Distinct().Select(caller => new ActivityLink(caller)));
        activity?.SetTag("gen_ai.request.model", model).SetTag("torchfx.batch.size", callers.Count);
        try
        {
            var vectors = run();
            foreach (var vector in vectors)
                if (vector.Error is { } error)
                    Broken(error);
            Images.Add(vectors.Count(vector => vector.Error is null), tag);
            return vectors;
        }
        catch (Exception error)
        {
            activity?.SetStatus(ActivityStatusCode.Error, error.Message);
            Errors.Add(callers.Count, tag);
            LogFailed(error, callers.Count);
            throw;
        }
        finally
        {
            var time = Stopwatch.GetElapsedTime(start);
            Sizes.Record(callers.Count, tag);
            Times.Record(time.TotalSeconds, tag);
            LogBatch(callers.Count, time.TotalMilliseconds);
        }
    }

    [LoggerMessage(LogLevel.Information, "Embeddings of {Model}: {Width} numbers, batches of up to {Size} images after {Delay} ms.")]
    private partial void LogStarted(string? model, int width, int size, double delay);

    [LoggerMessage(LogLevel.Warning, "{Error}")]
    private partial void LogBroken(string error);

    [LoggerMessage(LogLevel.Error, "A batch of {Count} images failed.")]
    private partial void LogFailed(Exception error, int count);

    [LoggerMessage(LogLevel.Debug, "A batch of {Count} images took {Milliseconds} ms.")]
    private partial void LogBatch(int count, double milliseconds);
}

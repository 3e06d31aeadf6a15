using System.Collections.Concurrent;
using System.Diagnostics;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using TorchSharp.Fx.Extensions.AI;

namespace TorchSharp.Fx.Extensions.Tests;

/// <summary>The generator is a service as others: injected, logged, measured, traced.</summary>
public sealed class ServiceTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_service_is_one_is_configured_logs_and_is_disposed_with_its_provider()
    {
        var (means, log) = (new Means(), new Lines());
        var services = new ServiceCollection().AddSingleton<ILogger<TorchFxEmbeddingGenerator>>(log);
        services.AddTorchFxEmbeddings(_ => new(means.Extract, means, means) { Id = "service" }, options => options.MaxBatchSize = 2);
        await using (var provider = services.BuildServiceProvider())
        {
            Assert.Empty(log.All);
            var generator = provider.GetRequiredService<IEmbeddingGenerator<DataContent, Embedding<float>>>();
            Assert.Same(generator, provider.GetRequiredService<TorchFxEmbeddingGenerator>());
            Assert.Equal(3, (await generator.GenerateAsync([Means.Picture(1), Means.Picture(2), Means.Picture(3)],
                cancellationToken: Token)).Count);
            Assert.InRange(means.Batches.Max(), 1, 2);
            await Assert.ThrowsAsync<TorchFxEmbeddingException>(()
                => generator.GenerateAsync([new(new byte[1], "image/png")], cancellationToken: Token));
        }
        Assert.True(means.IsDisposed);
        Assert.Equal((LogLevel.Information, "Embeddings of service: 3 numbers, batches of up to 2 images after 5 ms."), log.All.First());
        Assert.Contains((LogLevel.Warning,
            "Image 0 is not an image of a known format (JPEG, PNG, WebP, BMP, GIF), or its header is damaged."), log.All);
    }

    [Fact]
    public async Task Meters_count_images_errors_batches_and_what_waits()
    {
        using var readings = new Readings("measured");
        using (var generator = new Means().Generator(new() { MaxBatchSize = 2, MaxDelay = TimeSpan.FromMinutes(10) }, "measured"))
        {
            await generator.GenerateAsync([Means.Picture(1), Means.Picture(2)], cancellationToken: Token);
            await Assert.ThrowsAsync<TorchFxEmbeddingException>(() => generator.GenerateAsync(
                [Means.Picture(1), new(new byte[1], "image/png"), Means.Picture(2)], cancellationToken: Token));
        }
        Assert.Equal((4, 1, 4, 0), (readings["torchfx.embeddings.images"], readings["torchfx.embeddings.errors"],
            readings["torchfx.embeddings.batch.size"], readings.Queue));
        Assert.True(readings["torchfx.embeddings.batch.duration"] > 0);
    }

    [Fact]
    public async Task A_batch_is_an_activity_of_its_own_linked_to_those_of_its_callers()
    {
        var batches = new ConcurrentBag<Activity>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name is TorchFxEmbeddingGenerator.TelemetryName or nameof(ServiceTests),
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = activity =>
            {
                if (Equals(activity.GetTagItem("gen_ai.request.model"), "traced"))
                    batches.Add(activity);
            },
        };
        ActivitySource.AddActivityListener(listener);
        using var source = new ActivitySource(nameof(ServiceTests));
        using (var generator = new Means().Generator(new() { MaxBatchSize = 2, MaxDelay = TimeSpan.FromMinutes(10) }, "traced"))
        {
            var callers = await Task.WhenAll(Enumerable.Range(0, 2).Select(async seed =>
            {
                using var caller = source.StartActivity("caller")!;
                await generator.GenerateVectorAsync(Means.Picture(seed), cancellationToken: Token);
                return caller.Context;
            }));
            Assert.Equal(callers.ToHashSet(), Assert.Single(batches).Links.Select(link => link.Context).ToHashSet());
        }
        var batch = Assert.Single(batches);
        Assert.Equal(("torchfx.batch", null, 2), (batch.OperationName, batch.ParentId, batch.GetTagItem("torchfx.batch.size")));
    }

    private sealed class Lines : ILogger<TorchFxEmbeddingGenerator>
    {
        internal ConcurrentQueue<(LogLevel Level, string Text)> All { get; } = new();

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?,
            string> formatter)
            => All.Enqueue((logLevel, formatter(state, exception)));
    }
}

/// <summary>Nothing is left of what was embedded.</summary>
[Collection(nameof(Explain.Tests.Alone))]
public sealed class LiveTensorTests
{
    [Fact]
    public void Tensors_do_not_pile_up()
    {
        using var generator = new Means().Generator(new() { MaxDelay = TimeSpan.Zero });
        DataContent[] images = [Means.Picture(1), new(new byte[1], "image/png"), Means.Picture(2)];
        Fx.Tests.LiveTensors.AssertStay(() => Assert.IsType<TorchFxEmbeddingException>(Record.Exception(()
            => generator.GenerateAsync(images, cancellationToken: TestContext.Current.CancellationToken).GetAwaiter().GetResult())), 10);
    }
}

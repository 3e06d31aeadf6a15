using Microsoft.Extensions.AI;
using TorchSharp.Fx.Extensions.AI;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Extensions.Tests;

/// <summary>Callers get the embeddings of their images, whatever others bring meanwhile.</summary>
public sealed class GeneratorTests
{
    private static readonly TimeSpan Long = TimeSpan.FromMinutes(10);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Embeddings_are_the_models_values_in_the_order_of_the_images()
    {
        using var generator = new Means().Generator(new() { MaxBatchSize = 2 });
        var embeddings = await generator.GenerateAsync([Means.Picture(1), Means.Picture(2), Means.Picture(3)], cancellationToken: Token);
        foreach (var (place, embedding) in embeddings.Index())
        {
            Means.AssertAre(Means.Of(place + 1), embedding.Vector);
            Assert.Equal("means", embedding.ModelId);
        }
        Assert.Equal(3, embeddings.Count);
        Assert.Empty(await generator.GenerateAsync([], cancellationToken: Token));
        var about = generator.GetRequiredService<EmbeddingGeneratorMetadata>();
        Assert.Equal(("torchsharp-fx", "means", 3), (about.ProviderName, about.DefaultModelId, about.DefaultModelDimensions));
        Assert.Same(generator, ((IEmbeddingGenerator)generator).GetService(typeof(IEmbeddingGenerator<DataContent, Embedding<float>>)));
    }

    [Fact]
    public async Task A_node_of_a_model_is_an_embedding()
    {
        using var generator = new TorchFxEmbeddingGenerator(TorchFxEmbeddingModel.Of(new Doubled(), "mul", new Means()));
        Means.AssertAre([.. Means.Of(4).Select(mean => 2 * mean)],
            await generator.GenerateVectorAsync(Means.Picture(4), cancellationToken: Token));
    }

    private sealed class Doubled() : nn.Module<Tensor, Tensor>(nameof(Doubled))
    {
        public override Tensor forward(Tensor input) => (input.mean([2, 3]) * 2).relu();
    }

    [Fact]
    public async Task Callers_at_once_run_together()
    {
        var means = new Means();
        using var readings = new Readings("together");
        using var generator = means.Generator(new() { MaxBatchSize = 4, MaxDelay = Long }, "together");
        var first = generator.GenerateVectorAsync(Means.Picture(0), cancellationToken: Token);
        while (readings.Taken < 1)
            await Task.Delay(1, Token);
        var vectors = await Task.WhenAll(Enumerable.Range(1, 7).Select(seed
            => generator.GenerateVectorAsync(Means.Picture(seed), cancellationToken: Token)).Prepend(first));
        foreach (var (seed, vector) in vectors.Index())
            Means.AssertAre(Means.Of(seed), vector);
        Assert.Equal([4, 4], means.Batches);
    }

    [Fact]
    public async Task One_alone_runs_after_the_delay()
    {
        var means = new Means();
        using var generator = means.Generator(new() { MaxBatchSize = 100, MaxDelay = TimeSpan.FromMilliseconds(1) });
        Means.AssertAre(Means.Of(5), await generator.GenerateVectorAsync(Means.Picture(5), cancellationToken: Token));
        Assert.Equal([1], means.Batches);
    }

    [Fact]
    public async Task While_the_model_is_busy_images_gather()
    {
        using var free = new ManualResetEventSlim();
        using var isBusy = new SemaphoreSlim(0);
        using var readings = new Readings("gathering");
        var means = new Means { Before = _ => { isBusy.Release(); free.Wait(Token); } };
        using var generator = means.Generator(new() { MaxBatchSize = 16, MaxDelay = TimeSpan.Zero }, id: "gathering");
        var first = generator.GenerateVectorAsync(Means.Picture(0), cancellationToken: Token);
        await isBusy.WaitAsync(Token);
        var others = Enumerable.Range(1, 16).Select(seed => generator.GenerateVectorAsync(Means.Picture(seed), cancellationToken: Token))
            .ToArray();
        while (readings.Queue < 16)
            await Task.Delay(1, Token);
        free.Set();
        await Task.WhenAll([first, .. others]);
        Assert.Equal([1, 16], means.Batches);
    }

    [Fact]
    public async Task A_broken_image_and_one_that_the_model_refuses_do_no_harm_to_others()
    {
        var refused = Means.Of(3);
        var means = new Means
        {
            Before = batch =>
            {
                if (batch.mean([2, 3]).sub(tensor(refused)).abs().max(1).values.min().item<float>() < 1e-5)
                    throw new InvalidOperationException("not this one");
            },
        };
        using var generator = means.Generator(new() { MaxBatchSize = 3, MaxDelay = Long });
        var good = new[] { 1, 2 }.Select(seed => generator.GenerateVectorAsync(Means.Picture(seed), cancellationToken: Token)).ToArray();
        var bad = generator.GenerateAsync([new(new byte[] { 1, 2, 3 }, "image/png"), Means.Picture(3), new("data:text/plain,hello")],
            cancellationToken: Token);
        Means.AssertAre(Means.Of(1), await good[0]);
        Means.AssertAre(Means.Of(2), await good[1]);
        var error = await Assert.ThrowsAsync<TorchFxEmbeddingException>(() => bad);
        Assert.Equal(
        [
            (0, "Image 0 is not an image of a known format (JPEG, PNG, WebP, BMP, GIF), or its header is damaged."),
            (1, "The model refuses Image 1: not this one"),
            (2, "Image 2 is of the type 'text/plain', and images are embedded."),
        ], error.Errors.Select(one => (one.Key, one.Value)));
        Assert.StartsWith("3 of 3 images have no embedding. Image 0 is not", error.Message);
    }

    [Fact]
    public async Task Of_a_call_with_a_broken_image_the_others_are_there()
    {
        using var generator = new Means().Generator();
        var error = await Assert.ThrowsAsync<TorchFxEmbeddingException>(()
            => generator.GenerateAsync([Means.Picture(1), new(Array.Empty<byte>(), "image/png") { Name = "empty.png" }],
                cancellationToken: Token));
        Assert.StartsWith("empty.png is ", error.Message);
        Means.AssertAre(Means.Of(1), error.Embeddings[0]!.Vector);
        Assert.Null(error.Embeddings[1]);
    }

    [Fact]
    public async Task A_caller_that_gives_up_is_free_at_once_and_what_waits_for_it_never_runs()
    {
        using var free = new ManualResetEventSlim();
        using var isBusy = new SemaphoreSlim(0);
        var means = new Means { Before = _ => { isBusy.Release(); free.Wait(Token); } };
        using var readings = new Readings("cancelled");
        using var generator = means.Generator(new() { MaxDelay = TimeSpan.Zero }, "cancelled");
        var first = generator.GenerateVectorAsync(Means.Picture(1), cancellationToken: Token);
        await isBusy.WaitAsync(Token);
        using var cancelling = new CancellationTokenSource();
        var second = generator.GenerateVectorAsync(Means.Picture(2), cancellationToken: cancelling.Token);
        while (readings.Queue < 1)
            await Task.Delay(1, Token);
        await cancelling.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => second);
        free.Set();
        Means.AssertAre(Means.Of(1), await first);
        Means.AssertAre(Means.Of(3), await generator.GenerateVectorAsync(Means.Picture(3), cancellationToken: Token));
        Assert.Equal([1, 1], means.Batches);
    }

    [Fact]
    public async Task Disposing_lets_the_batch_end_refuses_what_waits_and_disposes_the_model_once_that_is_done()
    {
        using var free = new ManualResetEventSlim();
        using var isBusy = new SemaphoreSlim(0);
        var means = new Means { Before = _ => { isBusy.Release(); free.Wait(Token); } };
        var generator = means.Generator(new() { MaxBatchSize = 1 });
        var running = generator.GenerateVectorAsync(Means.Picture(1), cancellationToken: Token);
        await isBusy.WaitAsync(Token);
        var waiting = generator.GenerateVectorAsync(Means.Picture(2), cancellationToken: Token);
        var disposing = generator.DisposeAsync();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => waiting);
        Assert.False(means.IsDisposed);
        free.Set();
        Means.AssertAre(Means.Of(1), await running);
        await disposing;
        Assert.True(means.IsDisposed);
        generator.Dispose();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => generator.GenerateAsync([], cancellationToken: Token));
    }

    [Fact]
    public async Task Many_callers_on_many_threads_each_get_their_own()
    {
        var means = new Means();
        using var generator = means.Generator(new() { MaxBatchSize = 7, Capacity = 10, Workers = 2 });
        await Parallel.ForEachAsync(Enumerable.Range(0, 200),
            new ParallelOptions { MaxDegreeOfParallelism = 32, CancellationToken = Token },
            async (seed, token) => Means.AssertAre(Means.Of(seed % 20),
                await generator.GenerateVectorAsync(Means.Picture(seed % 20), cancellationToken: token)));
        Assert.Equal(200, means.Batches.Sum());
        Assert.InRange(means.Batches.Max(), 1, 7);
    }

    [Fact]
    public async Task Options_of_another_model_are_refused()
    {
        using var generator = new Means().Generator();
        Assert.StartsWith("The model's embeddings have 3 numbers, not 512.",
            (await Assert.ThrowsAsync<ArgumentException>(() => generator.GenerateAsync([], new() { Dimensions = 512 }, Token))).Message);
        Assert.StartsWith("This generator has the model 'means', not 'clip'.",
            (await Assert.ThrowsAsync<ArgumentException>(() => generator.GenerateAsync([], new() { ModelId = "clip" }, Token))).Message);
        using var means = new Means();
        Assert.StartsWith("The model gives the features 'a', 'b': name one of these keys.",
            Assert.Throws<ArgumentException>(() => new TorchFxEmbeddingGenerator(
            new(input => new Dictionary<string, Tensor> { ["a"] = input, ["b"] = input }, means))).Message);
        Assert.Throws<ArgumentOutOfRangeException>(() => means.Generator(new() { MaxBatchSize = 0 }));
    }
}

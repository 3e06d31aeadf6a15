using Microsoft.Extensions.AI;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using TorchSharp.Fx.Data;

namespace TorchSharp.Fx.Extensions.AI;

/// <summary>
/// Computes embeddings of images with a TorchSharp model. It is thread-safe; images of several callers run together in batches.
/// </summary>
/// <remarks>
/// An image that is damaged, or that the model refuses, doesn't affect other images, of the same caller or another. The meter and the
/// activity source are named <see cref="TelemetryName"/>.
/// </remarks>
public sealed class TorchFxEmbeddingGenerator : IEmbeddingGenerator<DataContent, Embedding<float>>, IAsyncDisposable
{
    /// <summary>The name of the meter and of the activity source.</summary>
    public const string TelemetryName = "TorchSharp.Fx.Extensions.AI";

    private readonly TorchFxEmbeddingModel model;
    private readonly ImageVectors vectors;
    private readonly MicroBatcher batches;
    private readonly EmbeddingTelemetry telemetry;
    private readonly EmbeddingGeneratorMetadata metadata;
    private readonly SemaphoreSlim room;
    private int isDisposed;

    /// <param name="model">The model that computes the embeddings; disposed with the generator. It runs once to find the width.</param>
    /// <param name="options">How to gather images into batches; the defaults when null.</param>
    /// <param name="logger">The logger; null for none.</param>
    /// <exception cref="ArgumentException">The model has several features and no <see cref="TorchFxEmbeddingModel.Key"/>, or a feature is
    /// no tensor whose first dimension is the batch.</exception>
    public TorchFxEmbeddingGenerator(TorchFxEmbeddingModel model, TorchFxEmbeddingOptions? options = null,
        ILogger<TorchFxEmbeddingGenerator>? logger = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        options ??= new();
        options.Require();
        this.model = model;
        vectors = new(model.Extract, model.Preprocessing, model.Key, options.Workers);
        telemetry = new(model.Id, logger ?? NullLogger<TorchFxEmbeddingGenerator>.Instance);
        batches = new(vectors.Run, options, telemetry);
        room = new(options.Capacity);
        metadata = new("torchsharp-fx", defaultModelId: model.Id, defaultModelDimensions: vectors.Width);
        telemetry.Started(vectors.Width, options);
    }

    /// <summary>Computes the embeddings of images, in order.</summary>
    /// <param name="values">The images: JPEG, PNG, WebP, BMP or GIF files.</param>
    /// <param name="options">A model id or width in the options must be this generator's.</param>
    /// <param name="cancellationToken">Stops waiting; images that don't run yet are dropped.</param>
    /// <exception cref="TorchFxEmbeddingException">Some images failed; the exception has the embeddings of the others.</exception>
    /// <exception cref="ArgumentException">The options ask for another width or model.</exception>
    /// <exception cref="ObjectDisposedException">The generator is disposed, or was disposed before all images had run.</exception>
    public async Task<GeneratedEmbeddings<Embedding<float>>> GenerateAsync(IEnumerable<DataContent> values,
        EmbeddingGenerationOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(values);
        ObjectDisposedException.ThrowIf(isDisposed != 0, this);
        Require(options);
        var outcomes = await Task.WhenAll(values.Select((image, place) => Embed(image, place, cancellationToken))).ConfigureAwait(false);
        var made = DateTimeOffset.UtcNow;
        Embedding<float>?[] embeddings = [.. outcomes.Select(outcome => outcome.Elements is null ? null
            : new Embedding<float>(outcome.Elements) { CreatedAt = made, ModelId = model.Id })];
        var errors = outcomes.Index().Where(outcome => outcome.Item.Error is not null).ToDictionary(outcome => outcome.Index, outcome
            => outcome.Item.Error!);
        return errors.Count == 0 ? new(embeddings!) : throw new TorchFxEmbeddingException(errors, embeddings);
    }

    private async Task<ImageVector> Embed(DataContent image, int place, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(image);
        await room.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            var name = image.Name ?? $"Image {place}";
            if (!image.HasTopLevelMediaType("image") && image.MediaType != "application/octet-stream")
                return Broken($"{name} is of the type '{image.MediaType}', and images are embedded.");
            var loaded = await vectors.LoadAsync(image.Data, name, cancellation).ConfigureAwait(false);
            return loaded.Error is { } error ? Broken(error) : await batches.RunAsync(loaded, cancellation).ConfigureAwait(false);
        }
        finally
        {
            room.Release();
        }
    }

    private ImageVector Broken(string error)
    {
        telemetry.Broken(error);
        return new(null, error);
    }

    private void Require(EmbeddingGenerationOptions? options)
    {
        if (options?.Dimensions is { } dimensions && dimensions != vectors.Width)
            throw new ArgumentException($"The model's embeddings have {vectors.Width} numbers, not {dimensions}.", nameof(options));
        if (options?.ModelId is { } id && id != model.Id)
            throw new ArgumentException($"This generator has the model '{model.Id}', not '{id}'.", nameof(options));
    }

    /// <summary>The generator itself, or its <see cref="EmbeddingGeneratorMetadata"/>.</summary>
    public object? GetService(Type serviceType, object? serviceKey = null)
    {
        ArgumentNullException.ThrowIfNull(serviceType);
        return serviceKey is not null ? null : serviceType == typeof(EmbeddingGeneratorMetadata) ? metadata
            : serviceType.IsInstanceOfType(this) ? this : null;
    }

    /// <summary>Finishes the running batch, refuses waiting images, and disposes the model.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref isDisposed, 1) != 0)
            return;
        await batches.DisposeAsync().ConfigureAwait(false);
        vectors.Dispose();
        model.Dispose();
    }

    /// <summary>Calls <see cref="DisposeAsync"/> and waits for it.</summary>
    public void Dispose() => DisposeAsync().AsTask().GetAwaiter().GetResult();
}

using static TorchSharp.torch;

namespace TorchSharp.Fx.Data;

/// <summary>One vector an image, under one key of a model: for those who bring images and gather batches themselves.</summary>
internal sealed class ImageVectors : IDisposable
{
    private readonly FeatureModel model;
    private readonly ItemLoader loader;
    private readonly int place;

    /// <param name="extract">From a batch to named tensors whose first dimension is the batch.</param>
    /// <param name="preprocessing">From a decoded image to what the model takes, without the batch dimension.</param>
    /// <param name="key">Whose features; null for the only one.</param>
    /// <param name="workers">How many batches may run at once.</param>
    internal ImageVectors(Func<Tensor, IReadOnlyDictionary<string, Tensor>> extract, nn.Module<Tensor, Tensor> preprocessing, string? key,
        int workers)
    {
        var options = new FeaturePipelineOptions { Preprocess = preprocessing.call, Workers = workers };
        using var example = ExampleImage.Of(preprocessing);
        model = new(extract, example, options);
        place = Place(key);
        Width = checked((int)model.Columns[place].Shape.Aggregate(1L, (product, size) => product * size));
        loader = new(options);
    }

    /// <summary>How many numbers a vector has; those of a map one after the other.</summary>
    internal int Width { get; }

    /// <summary>Reads and prepares an image.</summary>
    /// <param name="bytes">The file's content.</param>
    /// <param name="name">What messages call it.</param>
    /// <param name="cancellation">Ends it.</param>
    internal Task<LoadedItem> LoadAsync(ReadOnlyMemory<byte> bytes, string name, CancellationToken cancellation)
        => loader.LoadAsync(new(0, name, new ReadContent(new(name), bytes), []), cancellation);

    /// <summary>The vectors of prepared images that run together, in their order. The images stay the caller's.</summary>
    internal ImageVector[] Run(IReadOnlyList<LoadedItem> images)
    {
        LoadedItem[] batch = [.. images.Select((image, row) => image with { Item = image.Item with { Row = row } })];
        return [.. model.Run(batch, batch.Length).Select(Vector)];
    }

    private ImageVector Vector(FeatureRow row)
    {
        if (row.Error is not null)
            return new(null, row.Error);
        var elements = row.Features[place].Elements;
        return elements.Length == Width ? new(elements as float[] ?? [.. elements.Cast<object>().Select(Convert.ToSingle)], null)
            : new(null,
                $"{row.Path} has {elements.Length} features, and other images have {Width}: let preprocessing bring all images to one size.");
    }

    private int Place(string? key)
    {
        string[] keys = [.. model.Columns.Select(column => column.Key)];
        var names = string.Join(", ", keys.Select(name => $"'{name}'"));
        if (key is null && keys.Length != 1)
            throw new ArgumentException($"The model gives the features {names}: name one of these keys.", nameof(key));
        return key is null ? 0 : Array.IndexOf(keys, key) is var found and >= 0 ? found
            : throw new ArgumentException($"The model gives no features '{key}'; it gives {names}.", nameof(key));
    }

    public void Dispose() => loader.Dispose();
}

/// <summary>The vector of an image, or what is wrong with it.</summary>
/// <param name="Elements">The numbers; null where there is an error.</param>
/// <param name="Error">One sentence; null if nothing is wrong.</param>
internal sealed record ImageVector(float[]? Elements, string? Error);

/// <summary>The input that a model is tried on, to know its outputs.</summary>
internal static class ExampleImage
{
    // Any size will do: what comes out of preprocessing has the model's.
    private const int Side = 256;

    /// <summary>A black picture as preprocessing gives it.</summary>
    internal static Tensor Of(nn.Module<Tensor, Tensor> preprocessing)
    {
        using var mode = no_grad();
        using var picture = zeros(3, Side, Side, dtype: ScalarType.Byte);
        return preprocessing.call(picture);
    }
}

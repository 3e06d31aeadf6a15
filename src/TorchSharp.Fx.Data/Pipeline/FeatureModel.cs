using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Data;

/// <summary>Runs batches, and takes the tensors apart into rows.</summary>
internal sealed class FeatureModel
{
    private readonly Func<Tensor, IReadOnlyDictionary<string, Tensor>> extract;
    private readonly FeaturePipelineOptions options;

    internal FeatureModel(Func<Tensor, IReadOnlyDictionary<string, Tensor>> extract, Tensor example, FeaturePipelineOptions options)
    {
        (this.extract, this.options) = (extract, options);
        Columns = OwnThreads.Run(get_num_threads(), () => extract(example.unsqueeze(0)).Select(Column).ToArray());
    }

    internal IReadOnlyList<FeatureColumn> Columns { get; }

    /// <summary>The rows of one batch. One that the model refuses is tried input by input: only the culprit's row has the error.</summary>
    internal FeatureRow[] Run(IReadOnlyList<LoadedItem> batch) => Run(batch, options.BatchSize);

    /// <param name="batch">Inputs whose rows differ in their place, which is row mod size.</param>
    /// <param name="size">How many places there are.</param>
    internal FeatureRow[] Run(IReadOnlyList<LoadedItem> batch, int size) => OwnThreads.Run(options.Threads, () =>
    {
        LoadedItem[] good = [.. batch.Where(item => item.Tensor is not null)];
        var rows = Computed(good, size);
        if (rows is null)
            rows = good.Select(item => Computed([item], size, item)![0]).ToArray();
        var computed = rows.ToDictionary(row => row.Row);
        return batch.Select(item => computed.GetValueOrDefault(item.Item.Row) ?? Broken(item.Item, item.Error!)).ToArray();
    });

    /// <param name="items">What runs together.</param>
    /// <param name="size">How many places the batch has.</param>
    /// <param name="alone">The only one, whose row then has the error; null gives null where the model refuses them.</param>
    private FeatureRow[]? Computed(IReadOnlyList<LoadedItem> items, int size, LoadedItem? alone = null)
    {
        if (items.Count == 0)
            return [];
        using var scope = NewDisposeScope();
        try
        {
            var features = extract(Together(items, size));
            var values = Columns.Select(column => Values(column, features[column.Key], items, size)).ToArray();
            return [.. items.Select((item, i)
                => new FeatureRow(item.Item.Row, item.Item.Path, item.Item.Values, [.. values.Select(column => column[i])], null))];
        }
        catch (Exception error) when (RowError.IsModels(error))
        {
            return alone is null ? null : [Broken(alone.Item, $"The model refuses {alone.Item.Path}: {RowError.Sentence(error)}")];
        }
    }

    private static Tensor Together(IReadOnlyList<LoadedItem> items, int size)
    {
        var samples = new Tensor?[size];
        foreach (var item in items)
            samples[Place(item, size)] = item.Tensor;
        return stack([.. samples.Select(sample => sample ?? zeros_like(items[0].Tensor!))]);
    }

    private static int Place(LoadedItem item, int size) => (int)(item.Item.Row % size);

    private static FeatureValue[] Values(FeatureColumn column, Tensor tensor, IReadOnlyList<LoadedItem> items, int size)
    {
        if (tensor.dim() == 0 || tensor.shape[0] != size)
            throw new InvalidDataException(NoBatch(column.Key, tensor));
        var shape = tensor.shape[1..];
        var cpu = tensor.to(column.Type == typeof(float) ? ScalarType.Float32 : column.Type == typeof(Half) ? ScalarType.Float16
            : column.Type == typeof(double) ? ScalarType.Float64 : ScalarType.Int64).cpu().contiguous();
        var elements = checked((int)(cpu.numel() / size));
        return [.. items.Select(item => new FeatureValue(Elements(column.Type, cpu, Place(item, size), elements), shape))];
    }

    private static Array Elements(Type type, Tensor tensor, int place, int size)
    {
        return type == typeof(float) ? Part<float>() : type == typeof(Half) ? Part<Half>() : type == typeof(double) ? Part<double>()
            : Part<long>();

        T[] Part<T>() where T : struct => MemoryMarshal.Cast<byte, T>(tensor.bytes).Slice(place * size, size).ToArray();
    }

    private FeatureColumn Column(KeyValuePair<string, Tensor> feature)
    {
        var (key, tensor) = feature;
        if (tensor.dim() == 0 || tensor.shape[0] != 1)
            throw new ArgumentException(NoBatch(key, tensor));
        var type = !tensor.is_floating_point() ? typeof(long) : options.IsHalf ? typeof(Half) : tensor.dtype == ScalarType.Float64
            ? typeof(double) : typeof(float);
        return new(key, type, tensor.shape[1..]);
    }

    private static string NoBatch(string key, Tensor tensor)
        => $"The feature '{key}' has the shape [{string.Join(", ", tensor.shape)}], whose first dimension is not the batch: it can't be "
            + "told which input it belongs to.";

    private static FeatureRow Broken(DataItem item, string error) => new(item.Row, item.Path, item.Values, [], error);
}

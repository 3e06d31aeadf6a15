using ParquetSharp;

namespace TorchSharp.Fx.Data;

/// <summary>
/// Writes rows of features as a Parquet file: <c>row</c>, <c>path</c>, the source's columns, a list for each key (and the shape where it
/// has several dimensions), <c>error</c>.
/// </summary>
/// <remarks>The same rows give the same bytes. The writer keeps one row group in memory, up to 10,000 rows or 64 MB.</remarks>
public sealed class FeatureTableWriter : IDisposable
{
    private const int MostRows = 10_000;
    private const long MostBytes = 64 << 20;

    private readonly FeatureSchema schema;
    private readonly ParquetFileWriter file;
    private readonly WriterProperties properties;
    private readonly List<FeatureRow> rows = [];
    private readonly RememberedFailure target;
    private readonly MapShards? maps;
    private long bytes;

    /// <param name="stream">The stream to write to; it stays open.</param>
    /// <param name="schema">The columns.</param>
    /// <param name="metadata">The table's metadata: the model, its weights and its nodes.</param>
    public FeatureTableWriter(Stream stream, FeatureSchema schema, IReadOnlyDictionary<string, string> metadata)
        : this(stream, schema, metadata, null)
    {
    }

    /// <param name="stream">The stream to write to; it stays open.</param>
    /// <param name="schema">The columns.</param>
    /// <param name="metadata">What is known of all rows.</param>
    /// <param name="maps">Where maps go; null puts them into the table.</param>
    internal FeatureTableWriter(Stream stream, FeatureSchema schema, IReadOnlyDictionary<string, string> metadata, MapShards? maps)
    {
        ArgumentNullException.ThrowIfNull(schema);
        (this.schema, this.maps) = (schema.RequireDistinct(), maps);
        using var nodes = schema.ToParquet(maps is not null);
        // Arrow's own pool keeps more and more of what each group of rows gives back.
        using var builder = new WriterPropertiesBuilder().Compression(Compression.Snappy).CreatedBy("TorchSharp.Fx.Data")
            .MemoryPool(MemoryPool.SystemMemoryPool());
        // Hardly two features are alike: a dictionary of them is only tried in vain.
        foreach (var feature in schema.Features)
            builder.DisableDictionary($"{feature.Key}.list.element").DisableStatistics($"{feature.Key}.list.element");
        properties = builder.Build();
        target = new(stream);
        file = new(target, nodes, properties, metadata.ToDictionary(), leaveOpen: true);
    }

    /// <summary>Adds a row.</summary>
    /// <param name="row">The row, with values for all columns of the schema, or with an error instead of features.</param>
    public void Add(FeatureRow row)
    {
        ArgumentNullException.ThrowIfNull(row);
        rows.Add(row);
        bytes += row.Features.Sum(feature
            => (long)feature.Elements.Length * (feature.Elements is Half[] ? 2 : feature.Elements is float[] ? 4 : 8));
        if (rows.Count == MostRows || bytes >= MostBytes)
            WriteGroup();
    }

    /// <summary>Writes the remaining rows and the file's end. Without this call the file is invalid.</summary>
    /// <exception cref="IOException">The stream can't be written.</exception>
    public void Complete()
    {
        if (rows.Count > 0)
            WriteGroup();
        target.Telling(file.Close);
    }

    private void WriteGroup() => target.Telling(() =>
    {
        var shard = maps is not null && schema.Features.Any(feature => feature.IsMap) ? maps.Write(rows, schema.Features) : null;
        using var group = file.AppendRowGroup();
        Write(group, row => row.Row);
        Write(group, row => row.Path);
        foreach (var (place, column) in schema.Passed.Index())
            ParquetTable.WritePassed(group, column.Type, rows.Select(row => row.Values[place]));
        foreach (var (place, feature) in schema.Features.Index())
        {
            if (feature.IsMap && shard is not null)
            {
                Write(group, row => row.Error is null ? shard : null);
                Write(group, row => row.Error is null ? MapShards.NameOf(feature.Key, row.Row) : null);
            }
            else
                WriteFeature(group, feature.Type, place);
            if (feature.IsMap)
                Write(group, row => row.Error is null ? row.Features[place].Shape.ToArray() : null);
        }
        Write(group, row => row.Error);
        group.Close();
        rows.Clear();
        bytes = 0;
    });

    private void WriteFeature(RowGroupWriter group, Type type, int place)
    {
        if (type == typeof(float))
            Write(group, row => Elements<float>(row, place));
        else if (type == typeof(Half))
            Write(group, row => Elements<Half>(row, place));
        else if (type == typeof(double))
            Write(group, row => Elements<double>(row, place));
        else
            Write(group, row => Elements<long>(row, place));
    }

    private static T[]? Elements<T>(FeatureRow row, int place) => row.Error is null ? (T[])row.Features[place].Elements : null;

    private void Write<T>(RowGroupWriter group, Func<FeatureRow, T> value) => ParquetTable.Write(group, rows.Select(value));

    /// <summary>Closes the native writer.</summary>
    public void Dispose()
    {
        target.Telling(file.Dispose);
        properties.Dispose();
    }
}

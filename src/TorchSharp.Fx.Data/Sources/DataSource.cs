using System.Runtime.CompilerServices;

namespace TorchSharp.Fx.Data;

/// <summary>A stream of inputs. Memory does not grow with their number.</summary>
public abstract class DataSource
{
    /// <summary>The columns that the source passes on to the result. They are known before the first row.</summary>
    public virtual IReadOnlyList<DataColumn> Columns => [];

    /// <summary>The inputs, always in the same order, numbered from 0.</summary>
    /// <param name="cancellation">Cancels the listing.</param>
    public abstract IAsyncEnumerable<DataItem> ItemsAsync(CancellationToken cancellation = default);

    /// <summary>Opens inputs given as command-line arguments.</summary>
    /// <param name="inputs">Files, folders, patterns (<c>photos/**/*.jpg</c>), archives (.tar, .tar.gz, .tgz, .zip), manifests (.csv, .tsv,
    /// .jsonl, .ndjson, .parquet). With one folder, pattern or archive, paths are relative to it; with several inputs, paths begin with the
    /// input as given.</param>
    /// <param name="options">How to read manifests; the defaults when null.</param>
    /// <exception cref="IOException">There is no such file or folder.</exception>
    /// <exception cref="ArgumentException">An input is given twice or lies in another one, or the paths of two inputs would begin
    /// alike.</exception>
    public static DataSource Open(IReadOnlyList<string> inputs, DataSourceOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        SourceTexts.RequireDistinct(inputs);
        options ??= new();
        return inputs is [var one] ? SourceTexts.Open(From(one), "", options)
            : new CombinedSource([.. inputs.Select(input => SourceTexts.Open(From(input), SourceTexts.Prefix(input), options))]);

        string From(string input)
            => options.Folder is null || ContentLocation.AddressOf(input) is not null ? input : Path.Combine(options.Folder, input);
    }

    /// <summary>A source of your own tensors, each with a unique name.</summary>
    /// <param name="tensors">The names, and a function that makes each tensor, without a batch dimension.</param>
    public static DataSource Of(IAsyncEnumerable<(string Path, Func<torch.Tensor> Make)> tensors) => new TensorSource(tensors);

    private sealed class TensorSource(IAsyncEnumerable<(string Path, Func<torch.Tensor> Make)> tensors) : DataSource
    {
        public override async IAsyncEnumerable<DataItem> ItemsAsync([EnumeratorCancellation] CancellationToken cancellation = default)
        {
            var row = 0L;
            await foreach (var (path, make) in tensors.WithCancellation(cancellation).ConfigureAwait(false))
                yield return new(row++, path, new TensorContent(make), []);
        }
    }

    /// <summary>One source after the other; a column that one lacks is empty in its rows.</summary>
    private sealed class CombinedSource(IReadOnlyList<DataSource> sources) : DataSource
    {
        public override IReadOnlyList<DataColumn> Columns { get; } = Union(sources);

        public override async IAsyncEnumerable<DataItem> ItemsAsync([EnumeratorCancellation] CancellationToken cancellation = default)
        {
            var row = 0L;
            foreach (var source in sources)
            {
                int[] places = [.. Columns.Select(column
                    => source.Columns.Index().FirstOrDefault(own => own.Item.Name == column.Name, (-1, null!)).Index)];
                await foreach (var item in source.ItemsAsync(cancellation).ConfigureAwait(false))
                    yield return item with { Row = row++, Values = places.Length == 0 ? []
                        : Array.ConvertAll(places, place => place < 0 ? null : item.Values[place]) };
            }
        }

        private static DataColumn[] Union(IReadOnlyList<DataSource> sources)
        {
            var columns = new OrderedDictionary<string, DataColumn>(StringComparer.Ordinal);
            foreach (var column in sources.SelectMany(source => source.Columns))
                if (!columns.TryAdd(column.Name, column) && columns[column.Name] != column)
                    throw new InvalidDataException(
                        $"The column '{column.Name}' is {columns[column.Name].Type.Name} in one manifest and {column.Type.Name} in "
                            + "another: give them one type.");
            return [.. columns.Values];
        }
    }
}

/// <summary>The settings for reading sources.</summary>
public sealed record DataSourceOptions
{
    /// <summary>The column of manifests that has the paths or addresses; null looks for <c>path</c>, <c>url</c>, <c>uri</c>, <c>file</c>,
    /// <c>filename</c>, <c>image</c>.</summary>
    public string? PathColumn { get; init; }

    /// <summary>The base folder of relative inputs; the current folder when null.</summary>
    public string? Folder { get; init; }
}

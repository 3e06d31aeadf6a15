using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using ParquetSharp;

namespace TorchSharp.Fx.Data;

/// <summary>The inputs of a shard as a Parquet file: path, place of the content, and the source's columns.</summary>
internal static class ShardManifest
{
    private const int PlaceColumns = 5;

    /// <summary>Writes the shards of a source, with one of them in memory, and gives the number of rows and the checksum of all.</summary>
    internal static async Task<(long Rows, string Hash)> WriteAll(JobStore store, DataSource source, int shardSize,
        CancellationToken cancellation)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var (rows, number, items) = (0L, 0, new List<DataItem>());
        await foreach (var item in source.ItemsAsync(cancellation).ConfigureAwait(false))
        {
            // A shard's rows are listed here and read elsewhere.
            items.Add(item.Content is ReadContent read ? item with { Content = new StoredContent(read.Location) } : item);
            rows++;
            if (items.Count == shardSize)
                await Write().ConfigureAwait(false);
        }
        if (items.Count > 0)
            await Write().ConfigureAwait(false);
        return (rows, Convert.ToHexStringLower(hash.GetHashAndReset()));

        async Task Write()
        {
            await store.WriteAsync(new ShardFiles(store, number++).Manifest, async stream =>
            {
                WriteShard(stream, items, source.Columns);
                stream.Position = 0;
                hash.AppendData(Convert.FromHexString(await ShardFiles.HashOf(stream, cancellation).ConfigureAwait(false)));
            }, cancellation).ConfigureAwait(false);
            items.Clear();
        }
    }

    /// <summary>The inputs of a shard, numbered as those of the whole job are.</summary>
    internal static async IAsyncEnumerable<DataItem> ReadAsync(Job job, ShardFiles shard,
        [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        var passed = job.Definition.Passed;
        using var local = await job.Store.FetchAsync(shard.Manifest, cancellation).ConfigureAwait(false);
        using var file = ParquetTable.Open(local.Path);
        var row = (long)shard.Number * job.Definition.ShardSize;
        for (var number = 0; number < file.FileMetaData.NumRowGroups; number++)
        {
            using var group = file.RowGroup(number);
            Array[] place = [.. new[] { typeof(string), typeof(string), typeof(string), typeof(long), typeof(long),
                typeof(string) }.Select((type, column) => ParquetTable.Values(group, column, type))];
            Array[] values = [.. passed.Select((column, i) => ParquetTable.Values(group, PlaceColumns + 1 + i, column.Type))];
            for (var i = 0; i < group.MetaData.NumRows; i++)
            {
                var location = place[1].GetValue(i) is string uri
                    ? new ContentLocation(uri, (string?)place[2].GetValue(i), (long?)place[3].GetValue(i)
                    ?? 0, (long?)place[4].GetValue(i)) : null;
                ItemContent content = place[5].GetValue(i) is string error ? new BrokenContent(error, location)
                    : new StoredContent(location!);
                yield return new(row++, (string)place[0].GetValue(i)!, content, [.. values.Select(column => column.GetValue(i))]);
            }
        }
    }

    private static void WriteShard(Stream stream, List<DataItem> items, IReadOnlyList<DataColumn> passed)
    {
        Column[] columns =
        [
            new Column<string>("path"), new Column<string>("uri"), new Column<string>("entry"), new Column<long>("offset"),
                new Column<long?>("length"), new Column<string>("error"),
            .. passed.Select(column => column.Type == typeof(string) ? new Column<string>(column.Name) : column.Type == typeof(long)
                ? new Column<long?>(column.Name) : column.Type == typeof(double) ? new Column<double?>(column.Name)
                : (Column)new Column<bool?>(column.Name)),
        ];
        using var file = new ParquetFileWriter(stream, columns, leaveOpen: true);
        using (var group = file.AppendRowGroup())
        {
            ContentLocation?[] places = [.. items.Select(item => item.Content switch
            {
                StoredContent stored => stored.Location,
                BrokenContent broken => broken.Location,
                _ => throw new NotSupportedException(
                    "A job's inputs are files or addresses: tensors of a program can't be read by another process."),
            })];
            ParquetTable.Write(group, items.Select(item => item.Path));
            ParquetTable.Write(group, places.Select(place => place?.Uri));
            ParquetTable.Write(group, places.Select(place => place?.Entry));
            ParquetTable.Write(group, places.Select(place => place?.Offset ?? 0));
            ParquetTable.Write(group, places.Select(place => place?.Length));
            ParquetTable.Write(group, items.Select(item => (item.Content as BrokenContent)?.Error));
            foreach (var (i, column) in passed.Index())
                ParquetTable.WritePassed(group, column.Type, items.Select(item => item.Values[i]));
        }
        file.Close();
    }
}

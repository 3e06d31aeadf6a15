namespace TorchSharp.Fx.Data;

/// <summary>A table's file, with the maps beside it where that is asked for: all of it appears whole, or nothing.</summary>
internal static class TableFile
{
    /// <param name="path">The file.</param>
    /// <param name="mapsBeside">Whether maps go into files beside the table rather than into it.</param>
    /// <param name="schema">The columns.</param>
    /// <param name="metadata">What is known of all rows.</param>
    /// <param name="fill">Adds the rows.</param>
    internal static async Task WriteAsync(string path, bool mapsBeside, FeatureSchema schema, IReadOnlyDictionary<string, string> metadata,
        Func<FeatureTableWriter, Task> fill)
    {
        AtomicFile.RequireFolder(path);
        using var maps = mapsBeside ? new MapShards(path, metadata) : null;
        await AtomicFile.WriteDurably(path, async stream =>
        {
            using var table = new FeatureTableWriter(stream, schema, metadata, maps);
            await fill(table).ConfigureAwait(false);
            table.Complete();
        }, move =>
        {
            // The table comes last: what it names is then there.
            maps?.Publish();
            move();
            return Task.CompletedTask;
        }).ConfigureAwait(false);
    }
}

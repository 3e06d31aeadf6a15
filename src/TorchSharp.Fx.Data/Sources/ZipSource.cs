using System.IO.Compression;
using System.Runtime.CompilerServices;

namespace TorchSharp.Fx.Data;

/// <summary>The images of a zip archive, in its order.</summary>
/// <param name="location">The archive's full path.</param>
/// <param name="prefix">What every path begins with.</param>
internal sealed class ZipSource(string location, string prefix) : DataSource
{
    public override async IAsyncEnumerable<DataItem> ItemsAsync([EnumeratorCancellation] CancellationToken cancellation = default)
    {
        await Task.CompletedTask.ConfigureAwait(false);
        if (ContentLocation.AddressOf(location) is not null)
            throw new NotSupportedException(
                $"A zip archive has its list at the end, so '{location}' has to be here as a file: download it, or use a tar archive.");
        using var archive = Opened(out var broken);
        if (archive is null)
        {
            yield return new(0, prefix + Path.GetFileName(location), new BrokenContent(broken!, new(location)), []);
            yield break;
        }
        var (row, names) = (0L, new HashSet<string>(StringComparer.Ordinal));
        foreach (var entry in archive.Entries.Where(entry => SourceTexts.IsImage(entry.FullName)))
        {
            cancellation.ThrowIfCancellationRequested();
            var where = new ContentLocation(location, entry.FullName);
            yield return new(row++, prefix + entry.FullName, names.Add(entry.FullName) ? new StoredContent(where)
                : new BrokenContent($"{entry.FullName} is in its archive more than once, and only the first can be read.", where), []);
        }
        if (row == 0)
            throw new InvalidDataException($"The archive '{location}' has no images ({string.Join(", ", SourceTexts.ImageEndings)}).");
    }

    /// <summary>The archive; null, and what is wrong, where its list can't be read.</summary>
    private ZipArchive? Opened(out string? broken)
    {
        broken = null;
        try
        {
            var archive = ZipFile.OpenRead(location);
            // The list is read when it is first asked for.
            _ = archive.Entries;
            return archive;
        }
        catch (InvalidDataException error)
        {
            broken = $"The archive is damaged, or no zip archive: {RowError.Sentence(error)}";
            return null;
        }
    }
}

using System.Runtime.CompilerServices;

namespace TorchSharp.Fx.Data;

/// <summary>A single file.</summary>
internal sealed class FileSource(string location, string path) : DataSource
{
    public override async IAsyncEnumerable<DataItem> ItemsAsync([EnumeratorCancellation] CancellationToken cancellation = default)
    {
        await Task.CompletedTask.ConfigureAwait(false);
        yield return new(0, path, new StoredContent(new(location)), []);
    }
}

/// <summary>The files of a folder and of the folders inside, hidden ones left out.</summary>
/// <remarks>
/// A folder's entries come in natural order (2.png before 10.png), at most <see cref="SortedTogether"/> of them in memory; one that has
/// more comes block by block. A link to a folder is
/// followed unless it leads back to where it lies. A link to nothing is an input, with an error.
/// </remarks>
/// <param name="folder">Its full path.</param>
/// <param name="prefix">What every path begins with.</param>
/// <param name="takes">Whether a file is an input, by its path relative to the folder.</param>
/// <param name="whenEmpty">What to say where there is none.</param>
internal sealed class FolderSource(string folder, string prefix, Func<string, bool> takes, string whenEmpty) : DataSource
{
    internal const int SortedTogether = 100_000;

    private static readonly EnumerationOptions Visible = new() { AttributesToSkip = FileAttributes.Hidden | FileAttributes.System,
        IgnoreInaccessible = false };

    public override async IAsyncEnumerable<DataItem> ItemsAsync([EnumeratorCancellation] CancellationToken cancellation = default)
    {
        await Task.CompletedTask.ConfigureAwait(false);
        var row = 0L;
        foreach (var (path, content) in Walk(folder, "", new(folder, null)))
        {
            cancellation.ThrowIfCancellationRequested();
            yield return new(row++, prefix + path, content, []);
        }
        if (row == 0)
            throw new InvalidDataException(whenEmpty);
    }

    private IEnumerable<(string Path, ItemContent Content)> Walk(string at, string relative, Folder real)
    {
        IEnumerable<FileSystemInfo[]>? blocks = null;
        (string, ItemContent)? broken = null;
        try
        {
            blocks = new DirectoryInfo(at).EnumerateFileSystemInfos("*", Visible).Chunk(SortedTogether);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            broken = (relative.TrimEnd('/'), new BrokenContent($"The folder can't be listed: {RowError.Sentence(error)}", new(at)));
        }
        if (broken is { } unlisted)
            yield return unlisted;
        foreach (var entry in (blocks ?? []).SelectMany(block => block.OrderBy(entry => entry.Name, NaturalOrder.Comparer)))
        {
            var path = relative + entry.Name;
            if (entry is DirectoryInfo inner)
            {
                var target = inner.LinkTarget is null ? Path.Combine(real.Path, inner.Name)
                    : inner.ResolveLinkTarget(returnFinalTarget: true)!.FullName;
                if (!real.IsIn(target))
                    foreach (var item in Walk(inner.FullName, path + "/", new(target, real)))
                        yield return item;
            }
            else if (takes(path))
                yield return (path, new StoredContent(new(entry.FullName)));
        }
    }

    /// <summary>A folder without links in its path, and the one through which the walk came to it.</summary>
    private sealed record Folder(string Path, Folder? Outer)
    {
        internal bool IsIn(string folder) => Path == folder || Outer?.IsIn(folder) == true;
    }
}

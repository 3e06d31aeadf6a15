using System.Runtime.CompilerServices;

namespace TorchSharp.Fx.Data;

/// <summary>The inputs that a table names: a column with their paths or addresses, and others that go into the result unchanged.</summary>
/// <remarks>Relative paths start at the manifest's folder. What the column says is the path in the result.</remarks>
internal sealed class ManifestSource : DataSource
{
    private static readonly string[] UsualNames = ["path", "url", "uri", "file", "filename", "image"];

    private readonly string location;
    private readonly Manifest manifest;
    private readonly int path;

    /// <param name="location">The manifest's full path.</param>
    /// <param name="pathColumn">The column with the paths; null for a usual name.</param>
    internal ManifestSource(string location, string? pathColumn)
    {
        if (ContentLocation.AddressOf(location) is not null)
            throw new NotSupportedException(
                $"The manifest '{location}' has to be here as a file: download it. The inputs that it names may be anywhere.");
        this.location = location;
        manifest = Manifest.Open(location);
        path = Array.FindIndex([.. manifest.Columns], column
            => pathColumn is null ? UsualNames.Contains(column.Name, StringComparer.OrdinalIgnoreCase) : column.Name == pathColumn);
        if (path < 0 || manifest.Columns[path].Type != typeof(string))
            throw new InvalidDataException(
                $"The manifest '{location}' has no column of texts named {(pathColumn is null ? string.Join(", ", UsualNames.Select(name =>
                    $"'{name}'")) : $"'{pathColumn}'")}; "
                + $"its columns are {string.Join(", ", manifest.Columns.Select(column =>
                    $"'{column.Name}'"))}. Name the one that has the paths or addresses.");
        Columns = [.. manifest.Columns.Where((_, place) => place != path)];
    }

    public override IReadOnlyList<DataColumn> Columns { get; }

    public override async IAsyncEnumerable<DataItem> ItemsAsync([EnumeratorCancellation] CancellationToken cancellation = default)
    {
        await Task.CompletedTask.ConfigureAwait(false);
        var folder = Path.GetDirectoryName(location)!;
        var row = 0L;
        foreach (var line in manifest.Read())
        {
            cancellation.ThrowIfCancellationRequested();
            object?[] values = [.. line.Values.Where((_, place) => place != path)];
            var text = line.Values[path] as string;
            yield return new(row++, text ?? $"line {line.Number}", line.Error is not null ? new BrokenContent(line.Error)
                : string.IsNullOrEmpty(text)
                    ? new BrokenContent(
                        $"Row {line.Number} of {Path.GetFileName(location)} has no path in the column '{manifest.Columns[path].Name}'.")
                : new StoredContent(new(ContentLocation.AddressOf(text) is null ? Path.GetFullPath(text, folder) : text)), values);
        }
    }
}

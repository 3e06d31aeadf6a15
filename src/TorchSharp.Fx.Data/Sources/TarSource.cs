using System.Formats.Tar;
using System.Runtime.CompilerServices;

namespace TorchSharp.Fx.Data;

/// <summary>The images of a tar archive, plain or compressed, in its order.</summary>
/// <remarks>
/// In a shard of the webdataset kind, files that have one name up to the first dot of the last part are one sample: what stands beside the
/// image in <c>.cls</c>, <c>.txt</c> and <c>.json</c> files
/// goes into columns of these names, as text. Which there are is told by the first sample.
/// A plain archive's images are read where they lie, when their turn comes; a compressed one is read once, in order.
/// </remarks>
/// <param name="location">The archive's full path or address.</param>
/// <param name="prefix">What every path begins with.</param>
internal sealed class TarSource(string location, string prefix) : DataSource
{
    private const int LongestText = 1 << 20;

    private static readonly string[] Texts = ["cls", "json", "txt"];

    private readonly Lazy<DataColumn[]> columns = new(() => FirstSample(location));

    public override IReadOnlyList<DataColumn> Columns => columns.Value;

    public override async IAsyncEnumerable<DataItem> ItemsAsync([EnumeratorCancellation] CancellationToken cancellation = default)
    {
        var row = 0L;
        await foreach (var sample in Samples(location, cancellation).ConfigureAwait(false))
            foreach (var (name, content) in sample.Images)
                yield return new(row++, prefix + name, content, [.. Columns.Select(column => sample.Texts.GetValueOrDefault(column.Name))]);
        if (row == 0)
            throw new InvalidDataException($"The archive '{location}' has no images ({string.Join(", ", SourceTexts.ImageEndings)}).");
    }

    private static DataColumn[] FirstSample(string location) => Task.Run(async () =>
    {
        await foreach (var sample in Samples(location, default).ConfigureAwait(false))
            if (sample.Images.Count > 0)
                return sample.Texts.Keys.Order(StringComparer.Ordinal).Select(name => new DataColumn(name, typeof(string))).ToArray();
        return [];
    }).GetAwaiter().GetResult();

    /// <summary>Entries with one key, together.</summary>
    private static async IAsyncEnumerable<Sample> Samples(string location, [EnumeratorCancellation] CancellationToken cancellation)
    {
        var sample = new Sample("");
        var stream = await ContentReader.OpenTarAsync(location, cancellation).ConfigureAwait(false);
        await using var _ = stream.ConfigureAwait(false);
        var reader = new TarReader(stream);
        await using var __ = reader.ConfigureAwait(false);
        string? broken = null;
        while (broken is null)
        {
            TarEntry? entry = null;
            try
            {
                entry = await reader.GetNextEntryAsync(copyData: false, cancellation).ConfigureAwait(false);
            }
            catch (Exception error) when (error is InvalidDataException or IOException or FormatException)
            {
                broken = $"The archive is damaged from here on: {RowError.Sentence(error)}";
            }
            if (entry is null)
                break;
            if (entry.EntryType is not (TarEntryType.RegularFile or TarEntryType.V7RegularFile or TarEntryType.ContiguousFile))
                continue;
            var name = entry.Name.StartsWith("./", StringComparison.Ordinal) ? entry.Name[2..] : entry.Name;
            var (key, extension) = Key(name);
            if (key != sample.Key)
            {
                yield return sample;
                sample = new(key);
            }
            if (SourceTexts.IsImage(name))
                sample.Images.Add((name, await Content(location, entry, stream, cancellation).ConfigureAwait(false)));
            else if (Texts.Contains(extension) && entry is { Length: <= LongestText, DataStream: { } data })
                sample.Texts[extension] = (await new StreamReader(data).ReadToEndAsync(cancellation).ConfigureAwait(false)).Trim();
        }
        yield return sample;
        if (broken is not null)
            yield return new Sample("") { Images = { (Path.GetFileName(location), new BrokenContent(broken, new(location))) } };
    }

    /// <summary>A name up to the first dot of its last part, and what stands behind that.</summary>
    private static (string Key, string Extension) Key(string name)
        => name.IndexOf('.', name.LastIndexOf('/') + 1) is var dot and >= 0 ? (name[..dot], name[(dot + 1)..].ToLowerInvariant())
            : (name, "");

    private static async ValueTask<ItemContent> Content(string location, TarEntry entry, Stream stream, CancellationToken cancellation)
    {
        if (stream.CanSeek)
            return new StoredContent(new(location, null, entry.DataOffset, entry.Length));
        var where = new ContentLocation(location, entry.Name);
        if (entry.Length > ContentReader.Largest)
            return new BrokenContent(ContentReader.TooLarge(entry.Name, entry.Length), where);
        var bytes = new byte[entry.Length];
        try
        {
            await (entry.DataStream ?? Stream.Null).ReadExactlyAsync(bytes, cancellation).ConfigureAwait(false);
            return new ReadContent(where, bytes);
        }
        catch (Exception error) when (error is IOException or InvalidDataException)
        {
            return new BrokenContent($"{entry.Name} is cut off in its archive.", where);
        }
    }

    /// <summary>The entries of one key.</summary>
    private sealed record Sample(string Key)
    {
        internal List<(string Name, ItemContent Content)> Images { get; } = [];

        internal Dictionary<string, string> Texts { get; } = new(StringComparer.Ordinal);
    }
}

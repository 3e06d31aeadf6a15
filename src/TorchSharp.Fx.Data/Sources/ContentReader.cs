using System.Formats.Tar;
using System.IO.Compression;
using TorchSharp.Fx.Vision;

namespace TorchSharp.Fx.Data;

/// <summary>Reads the bytes that locations stand for; sizes are checked before anything is allocated.</summary>
internal sealed class ContentReader : IDisposable
{
    /// <summary>The most bytes of one input. The largest image that is decoded has less than a gigabyte of pixels.</summary>
    internal const long Largest = 1L << 30;

    private readonly Lock zips = new();
    private (string Path, ZipArchive Archive)? zip;
    private readonly SemaphoreSlim sequence = new(1);
    private (string Uri, Stream Stream, TarReader Reader)? tar;

    internal static string TooLarge(string name, long length)
        => FormattableString.Invariant($"{name} has {length} bytes, more than the {Largest} that are read.");

    /// <summary>A file or an address as a stream; a file's can seek.</summary>
    internal static async Task<Stream> OpenAsync(string uri, CancellationToken cancellation) => ContentLocation.AddressOf(uri) switch
    {
        null => new FileStream(uri, new FileStreamOptions { Access = FileAccess.Read, Share = FileShare.ReadWrite | FileShare.Delete,
            Options = FileOptions.Asynchronous }),
        { Scheme: S3.Scheme } => (await S3.GetAsync(uri, 0, null, cancellation).ConfigureAwait(false)).ResponseStream,
        var address => await Fetch.OpenAsync(address, cancellation).ConfigureAwait(false),
    };

    /// <summary>A tar archive as its entries lie in it, compressed or not.</summary>
    internal static async Task<Stream> OpenTarAsync(string location, CancellationToken cancellation)
    {
        var stream = await OpenAsync(location, cancellation).ConfigureAwait(false);
        return SourceTexts.IsCompressed(location) ? new GZipStream(stream, CompressionMode.Decompress) : stream;
    }

    internal async ValueTask<ReadOnlyMemory<byte>> ReadAsync(ContentLocation location, string name, CancellationToken cancellation)
    {
        if (location.Entry is not null)
            return SourceTexts.Ends(location.Uri, ".zip") ? FromZip(location, name)
                : await FromSequence(location, name, cancellation).ConfigureAwait(false);
        if (location.Address?.Scheme == S3.Scheme)
            return await S3.ReadAsync(location.Uri, location.Offset, location.Length, cancellation).ConfigureAwait(false);
        if (location.Address is { } address)
            return await Fetch.ReadAsync(address, location.Offset, location.Length, Largest, cancellation).ConfigureAwait(false);
        if (IsEmpty(location.Uri))
            return default;
        using var file = File.OpenHandle(location.Uri, options: FileOptions.Asynchronous);
        var length = location.Length ?? RandomAccess.GetLength(file);
        if (length > Largest)
            throw new InvalidDataException(TooLarge(name, length));
        var bytes = new byte[length];
        for (var read = 0; read < length;)
        {
            var more = await RandomAccess.ReadAsync(file, bytes.AsMemory(read), location.Offset + read, cancellation).ConfigureAwait(false);
            read = more > 0 ? read + more
                : throw new InvalidDataException($"{name} is cut off: its file ends after {read} of {length} bytes.");
        }
        return bytes;
    }

    /// <summary>
    /// Whether there is nothing in a file; pipes and devices, which may wait for ever when they are opened, have no length either.
    /// </summary>
    private static bool IsEmpty(string path)
    {
        var file = new FileInfo(path);
        if (file.LinkTarget is not null && file.ResolveLinkTarget(returnFinalTarget: true) is FileInfo target)
            file = target;
        return file is { Exists: true, Length: 0 };
    }

    /// <summary>An archive stays open, as its list is long to read; it can't be read by several at once.</summary>
    private ReadOnlyMemory<byte> FromZip(ContentLocation location, string name)
    {
        lock (zips)
        {
            if (zip?.Path != location.Uri)
            {
                zip?.Archive.Dispose();
                zip = null;
                zip = (location.Uri, ZipFile.OpenRead(location.Uri));
            }
            var entry = zip!.Value.Archive.GetEntry(location.Entry!)
                ?? throw new InvalidDataException($"{name} is not in its archive any more.");
            if (entry.Length > Largest)
                throw new InvalidDataException(TooLarge(name, entry.Length));
            using var stream = entry.Open();
            var bytes = new byte[entry.Length];
            stream.ReadExactly(bytes);
            return bytes;
        }
    }

    /// <summary>An archive that can't be sought in is read on from the last entry; from its beginning where that lies behind.</summary>
    private async Task<ReadOnlyMemory<byte>> FromSequence(ContentLocation location, string name, CancellationToken cancellation)
    {
        await sequence.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            for (var fresh = false; ; fresh = true)
            {
                if (fresh || tar?.Uri != location.Uri)
                {
                    await CloseTar().ConfigureAwait(false);
                    var stream = await OpenTarAsync(location.Uri, cancellation).ConfigureAwait(false);
                    (tar, fresh) = ((location.Uri, stream, new TarReader(stream)), true);
                }
                while (await tar!.Value.Reader.GetNextEntryAsync(copyData: false, cancellation).ConfigureAwait(false) is { } entry)
                {
                    if (entry.Name != location.Entry)
                        continue;
                    if (entry.Length > Largest)
                        throw new InvalidDataException(TooLarge(name, entry.Length));
                    var bytes = new byte[entry.Length];
                    await (entry.DataStream ?? Stream.Null).ReadExactlyAsync(bytes, cancellation).ConfigureAwait(false);
                    return bytes;
                }
                await CloseTar().ConfigureAwait(false);
                if (fresh)
                    throw new InvalidDataException($"{name} is not in its archive any more.");
            }
        }
        finally
        {
            sequence.Release();
        }
    }

    private async ValueTask CloseTar()
    {
        if (tar is not var (_, stream, reader))
            return;
        await reader.DisposeAsync().ConfigureAwait(false);
        await stream.DisposeAsync().ConfigureAwait(false);
        tar = null;
    }

    public void Dispose()
    {
        zip?.Archive.Dispose();
        tar?.Reader.Dispose();
        tar?.Stream.Dispose();
        sequence.Dispose();
    }
}

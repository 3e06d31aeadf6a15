using System.Net;
using System.Net.Http.Headers;

namespace TorchSharp.Fx.Vision;

/// <summary>Reads what lies at an address into memory, or as a stream.</summary>
internal static class Fetch
{
    private static readonly DownloadOptions options = new();

    /// <summary>All of it, or a part.</summary>
    /// <param name="url">The address.</param>
    /// <param name="offset">The first byte.</param>
    /// <param name="length">How many; null for all to the end.</param>
    /// <param name="most">More bytes than these are refused.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <exception cref="DownloadException">It could not be read.</exception>
    /// <exception cref="InvalidDataException">It is larger, or shorter than what was asked for.</exception>
    public static Task<byte[]> ReadAsync(Uri url, long offset, long? length, long most, CancellationToken cancellation)
        => Attempts.Run(options, async silence =>
    {
        using var response = await Get(url, offset, length, silence).ConfigureAwait(false);
        var announced = response.Content.Headers.ContentLength;
        if (announced > most)
            throw new InvalidDataException(
                FormattableString.Invariant($"{url} has {announced} bytes, more than the {most} that are read."));
        var isPart = response.StatusCode == HttpStatusCode.PartialContent;
        if (isPart && response.Content.Headers.ContentRange?.From != offset)
            throw new InvalidDataException($"{url} was asked for the bytes from {offset}, and others came.");
        await using var stream = await response.Content.ReadAsStreamAsync(silence.Token).ConfigureAwait(false);
        using var bytes = new MemoryStream((int)(announced ?? 0));
        var buffer = new byte[1 << 16];
        // A server that knows no ranges sends all: what comes before is passed over.
        for (var skip = isPart ? 0 : offset; ;)
        {
            var read = await stream.ReadAsync(buffer, silence.Token).ConfigureAwait(false);
            if (read == 0) break;
            var passed = (int)Math.Min(skip, read);
            skip -= passed;
            bytes.Write(buffer, passed, (int)Math.Min(read - passed, (length ?? most + 1) - bytes.Length));
            if (bytes.Length > most)
                throw new InvalidDataException(FormattableString.Invariant($"{url} has more than the {most} bytes that are read."));
            if (bytes.Length == length) break;
            silence.CancelAfter(options.silence);
        }
        if (length is null && announced > bytes.Length + (isPart ? 0
            : offset)) throw new IOException($"the server announced {announced} bytes and sent {bytes.Length}");
        return length > bytes.Length ? throw new InvalidDataException($"{url} ends after {bytes.Length} of {length} bytes from {offset}.")
            : bytes.ToArray();
    }, e => Failed(url, e), cancellation);

    /// <summary>All of it, as it comes; a connection that breaks is not taken up again.</summary>
    /// <exception cref="DownloadException">It could not be opened.</exception>
    public static Task<Stream> OpenAsync(Uri url, CancellationToken cancellation) => Attempts.Run(options, async silence =>
    {
        var response = await Get(url, 0, null, silence).ConfigureAwait(false);
        return await response.Content.ReadAsStreamAsync(silence.Token).ConfigureAwait(false);
    }, e => Failed(url, e), cancellation);

    private static async Task<HttpResponseMessage> Get(Uri url, long offset, long? length, CancellationTokenSource silence)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, url);
        if (offset > 0 || length is not null) request.Headers.Range = new RangeHeaderValue(offset, offset + length - 1);
        var response = await Attempts.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, silence.Token)
            .ConfigureAwait(false);
        if (response.IsSuccessStatusCode) return response;
        using (response) response.EnsureSuccessStatusCode();
        return response;
    }

    private static DownloadException Failed(Uri url, Exception e) => new($"{url} can't be read: {e.Message.TrimEnd('.')}.", e);
}

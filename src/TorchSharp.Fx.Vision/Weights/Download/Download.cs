using System.Net;
using System.Net.Http.Headers;

namespace TorchSharp.Fx.Vision;

/// <summary>One file on its way: it grows beside its place, is checked, and moved there whole.</summary>
internal sealed class Download(Uri url, string target, DownloadOptions options)
{
    // How often another one may have taken the file away just when it was to be opened; more often it is something else.
    private const int MostGone = 5;

    private readonly string partial = target + ".partial";

    private string Name => Path.GetFileName(target);

    public async Task<string> Run(CancellationToken cancellation)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(target)!);
        // The file that grows is also the lock: only one process can have it open.
        await using (var file = await Lock(cancellation).ConfigureAwait(false))
        {
            if (!File.Exists(target)) await Retry(file, cancellation).ConfigureAwait(false);
        }
        Publish();
        return target;
    }

    private void Publish()
    {
        try
        {
            if (File.Exists(target)) File.Delete(partial);
            else File.Move(partial, target);
        }
        catch (IOException) when (File.Exists(target))
        {
            // Another process has come first; its file has passed the same check.
        }
    }

    private async Task<FileStream> Lock(CancellationToken cancellation)
    {
        for (var gone = 0; ;)
        {
            try
            {
                return new FileStream(partial, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            // Another one holds the file, or held it and has just moved it away.
            catch (IOException) when (File.Exists(partial) || ++gone < MostGone)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(100), cancellation).ConfigureAwait(false);
            }
        }
    }

    private Task Retry(FileStream file, CancellationToken cancellation) => Attempts.Run(options, async silence =>
    {
        await Receive(file, silence).ConfigureAwait(false);
        await Check(file, cancellation).ConfigureAwait(false);
        return file.Length;
    }, Failed, cancellation);

    private async Task Receive(FileStream file, CancellationTokenSource silence)
    {
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, url);
            if (file.Length > 0) request.Headers.Range = new RangeHeaderValue(file.Length, null);
            using var response = await Attempts.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, silence.Token)
                .ConfigureAwait(false);
            // There is nothing after what is here already: complete, or of another file, as the check will tell.
            if (response.StatusCode == HttpStatusCode.RequestedRangeNotSatisfiable && file.Length > 0) return;
            response.EnsureSuccessStatusCode();
            var resumed = response.StatusCode == HttpStatusCode.PartialContent
                && response.Content.Headers.ContentRange?.From == file.Length;
            if (!resumed) file.SetLength(0);
            file.Position = file.Length;
            await Copy(response.Content, file, silence).ConfigureAwait(false);
        }
        finally
        {
            await file.FlushAsync(CancellationToken.None).ConfigureAwait(false);
        }
    }

    private async Task Copy(HttpContent content, FileStream file, CancellationTokenSource silence)
    {
        var total = file.Length + content.Headers.ContentLength;
        await using var stream = await content.ReadAsStreamAsync(silence.Token).ConfigureAwait(false);
        var buffer = new byte[1 << 16];
        for (int read; (read = await stream.ReadAsync(buffer, silence.Token).ConfigureAwait(false)) > 0;)
        {
            await file.WriteAsync(buffer.AsMemory(0, read), silence.Token).ConfigureAwait(false);
            options.progress?.Report(new(Name, file.Length, total));
            silence.CancelAfter(options.silence);
        }
        if (total > file.Length) throw new IOException($"the server announced {total} bytes and sent {file.Length}");
    }

    // What is wrong is thrown away: going on from it could never come right.
    private async Task Check(FileStream file, CancellationToken cancellation)
    {
        if (!options.check_hash || FileHash.InName(Name) is not { } expected) return;
        file.Position = 0;
        var hash = await FileHash.Of(file, cancellation).ConfigureAwait(false);
        if (hash.StartsWith(expected, StringComparison.Ordinal)) return;
        var length = file.Length;
        file.SetLength(0);
        throw new InvalidHashException($"the {length} bytes received have the SHA-256 {hash[..expected.Length]}… instead of {expected}…");
    }

    private DownloadException Failed(Exception e) => new(
        $"'{Name}' could not be downloaded from {url} ({e.Message.TrimEnd('.')}). Where there is no network, get that file in another way "
            + $"and put it at {target}.", e);

    private sealed class InvalidHashException(string message) : IOException(message);
}

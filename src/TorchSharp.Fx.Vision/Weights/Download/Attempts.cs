using System.Net;

namespace TorchSharp.Fx.Vision;

/// <summary>Asks a server again where it may yet answer: after silence, a broken connection, or an error of its own.</summary>
internal static class Attempts
{
    /// <summary>One for all, as HttpClient is meant to be used. Silence is measured here, for each part.</summary>
    public static HttpClient Client { get; } = new() { Timeout = Timeout.InfiniteTimeSpan };

    /// <param name="options">How often, with which pauses, and how long the server may be silent.</param>
    /// <param name="attempt">One attempt; it is ended by what it is given, and puts that off whenever something arrives.</param>
    /// <param name="failed">The exception for the last failure.</param>
    /// <param name="cancellation">Ends it all.</param>
    public static async Task<T> Run<T>(DownloadOptions options, Func<CancellationTokenSource, Task<T>> attempt, Func<Exception,
        Exception> failed, CancellationToken cancellation)
    {
        var pause = options.pause;
        for (var number = 1; ; number++, pause *= 2)
        {
            try
            {
                return await Once(options, attempt, cancellation).ConfigureAwait(false);
            }
            catch (Exception e) when (e is HttpRequestException or IOException or TimeoutException && !cancellation.IsCancellationRequested)
            {
                if (number >= options.attempts || IsFinal(e)) throw failed(e);
                await Task.Delay(pause, cancellation).ConfigureAwait(false);
            }
        }
    }

    private static async Task<T> Once<T>(DownloadOptions options, Func<CancellationTokenSource, Task<T>> attempt,
        CancellationToken cancellation)
    {
        using var silence = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        silence.CancelAfter(options.silence);
        try
        {
            return await attempt(silence).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new TimeoutException($"the server was silent for {options.silence.TotalSeconds:0.#} s");
        }
    }

    private static bool IsFinal(Exception e)
        => e is HttpRequestException { StatusCode: >= HttpStatusCode.BadRequest and < HttpStatusCode.InternalServerError
            and not (HttpStatusCode.RequestTimeout or HttpStatusCode.TooManyRequests) };
}

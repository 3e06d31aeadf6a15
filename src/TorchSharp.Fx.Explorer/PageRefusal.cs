using System.Reflection;
using Microsoft.AspNetCore.Http;
using TorchSharp.Fx.Vision;

namespace TorchSharp.Fx.Explorers;

/// <summary>The sentence that the page is told where something is refused.</summary>
internal static class PageRefusal
{
    internal static Task Write(HttpContext context, int status, string sentence)
    {
        context.Response.StatusCode = status;
        // What is still being sent is not waited for.
        if (status == 413)
            context.Response.Headers.Connection = "close";
        return context.Response.WriteAsJsonAsync(new { error = sentence });
    }

    internal static string TooLarge(long? bytes = null) => FormattableString.Invariant(
        $"The upload is {(bytes is null ? "" : $"{bytes / 1048576.0:F0} MiB, ")}larger than the {Access.LargestUpload >> 20} MiB that are taken.");

    internal static (int Status, string Sentence) Of(Exception error) => error switch
    {
        BadHttpRequestException { StatusCode: 413 } => (413, TooLarge()),
        BadHttpRequestException { StatusCode: var status } => (status, error.Message),
        TargetInvocationException { InnerException: { } inner } => Of(inner),
        ArgumentException => (400, FirstLine(error.Message.Split(" (Parameter '")[0].Split(" Hint: ")[0])),
        ImageDecodeException or InvalidDataException or NotSupportedException or IOException or KeyNotFoundException
            => (400, FirstLine(error.Message)),
        // The library's own exceptions are sentences.
        _ when error.GetType().Namespace?.StartsWith("TorchSharp.Fx", StringComparison.Ordinal) is true => (400, FirstLine(error.Message)),
        _ => (500, $"An unexpected {error.GetType().Name}: {FirstLine(error.Message)}"),
    };

    /// <summary>libtorch's messages go on with its own stack.</summary>
    private static string FirstLine(string message) => message.AsSpan().IndexOfAny('\r', '\n') is var end and >= 0 ? message[..end]
        : message;
}

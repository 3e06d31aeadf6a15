using System.Runtime.InteropServices;
using TorchSharp.Fx.Vision;

namespace TorchSharp.Fx.Data;

/// <summary>The fault of one input, in one sentence.</summary>
internal static class RowError
{
    /// <summary>Whether it is the input's fault, so that its row says so and the run goes on.</summary>
    internal static bool IsInputs(Exception error)
        => error is ImageDecodeException or InvalidDataException or IOException or UnauthorizedAccessException or NotSupportedException;

    /// <summary>Whether a model refused an input: libtorch, an assertion of the graph, or the model's own code.</summary>
    internal static bool IsModels(Exception error)
        => error is ExternalException or NodeExecutionException or GraphAssertionException or ArgumentException or InvalidOperationException
            or InvalidDataException;

    internal static string Sentence(Exception error)
    {
        var message = error switch
        {
            FileNotFoundException { FileName: { } file } => $"There is no file '{file}'.",
            DirectoryNotFoundException => "There is no file, nor its folder.",
            _ => error.Message,
        };
        return message.AsSpan().IndexOfAny('\r', '\n') is var end and >= 0 ? message[..end] : message;
    }
}

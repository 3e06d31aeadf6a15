using System.Reflection;
using System.Runtime.InteropServices;
using TorchSharp.Fx.Vision;

namespace TorchSharp.Fx.Cli;

/// <summary>The sentence that an exception tells the user.</summary>
internal static class Failure
{
    internal static string Sentence(Exception error) => error switch
    {
        ToolException or TraceException or TracedProgramException or InterpreterFault or Onnx.OnnxExportException
            or Onnx.OnnxImportException or TorchScript.TorchScriptExportException or NodeExecutionException
            or GraphAssertionException => FirstLine(error.Message),
        ImageDecodeException or InvalidDataException => FirstLine(error.Message),
        ArgumentException argument => WithoutParameter(argument),
        FileNotFoundException { FileName: { } file } => $"There is no file '{file}'.",
        IOException or UnauthorizedAccessException => FirstLine(error.Message),
        TypeInitializationException { InnerException: { } inner } => Sentence(inner),
        TargetInvocationException { InnerException: { } inner } => Sentence(inner),
        DllNotFoundException or NotSupportedException
            when error.Message.Contains("libtorch", StringComparison.OrdinalIgnoreCase) =>
                "TorchSharp's native library does not load; 'torchfx doctor' says why and what to do.",
        // What the libraries refuse they say in a sentence of their own.
        NotSupportedException or ExternalException => FirstLine(error.Message),
        _ => $"An unexpected {error.GetType().Name}: {FirstLine(error.Message)} (--verbose shows where.)",
    };

    /// <summary>libtorch's messages go on with its own stack.</summary>
    internal static string FirstLine(string message)
        => message.AsSpan().IndexOfAny('\r', '\n') is var end and >= 0 ? message[..end] : message;

    /// <summary>The library's hint is for programmers; the parameter's name .NET adds too.</summary>
    private static string WithoutParameter(ArgumentException error)
    {
        var message = error.Message.Split(" (Parameter '")[0].Split(" Hint: ")[0];
        return FirstLine(message);
    }
}

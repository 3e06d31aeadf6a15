using System.Runtime.InteropServices;

namespace TorchSharp.Fx.Cli;

/// <summary>What libtorch writes to the terminal by itself.</summary>
internal static class LibTorchLog
{
    private const int Errors = 2;

    /// <summary>
    /// Keeps libtorch from warning of what users can't change: on processors that NNPACK doesn't know it does so at each convolution.
    /// Errors stay, and all of it where <c>TORCH_CPP_LOG_LEVEL</c> has a value.
    /// </summary>
    internal static void OnlyErrors()
    {
        if (Environment.GetEnvironmentVariable("TORCH_CPP_LOG_LEVEL") is null && NativeFiles.Find(NativeFiles.Name("c10")) is { } file
            && NativeLibrary.TryLoad(file, out var library) && NativeLibrary.TryGetExport(library, "FLAGS_caffe2_log_level", out var level))
            Marshal.WriteInt32(level, Errors);
    }
}

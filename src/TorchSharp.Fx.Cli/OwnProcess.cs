using System.Diagnostics;
using System.Globalization;

namespace TorchSharp.Fx.Cli;

/// <summary>The tool again, in a process of its own.</summary>
internal static class OwnProcess
{
    /// <param name="arguments">Its command line.</param>
    /// <param name="threads">How many threads libtorch gets.</param>
    internal static ProcessStartInfo Start(IEnumerable<string> arguments, int threads)
    {
        // The tool runs as a program of its own, or as a library that dotnet runs.
        var self = Environment.ProcessPath!;
        var library = Path.GetFileNameWithoutExtension(self) == "dotnet" ? new[] { Path.Combine(AppContext.BaseDirectory, "torchfx.dll") }
            : [];
        var start = new ProcessStartInfo(self, [.. library, .. arguments]);
        start.Environment["OMP_NUM_THREADS"] = threads.ToString(CultureInfo.InvariantCulture);
        return start;
    }
}

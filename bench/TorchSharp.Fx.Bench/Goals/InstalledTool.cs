using System.Diagnostics;

namespace TorchSharp.Fx.Bench;

/// <summary>The <c>torchfx</c> that is measured: an installed one, or else the one that was built with this program.</summary>
/// <param name="Path">The installed program; null for the other.</param>
internal sealed record InstalledTool(string? Path)
{
    /// <summary>Runs it, and tells how long that took and whether it ended well.</summary>
    /// <param name="quiet">Whether what it prints is of no interest.</param>
    /// <param name="arguments">Its command line.</param>
    internal (TimeSpan Time, bool HasSucceeded) Run(bool quiet, params IEnumerable<string> arguments)
    {
        var library = Path is null ? new[] { System.IO.Path.Combine(AppContext.BaseDirectory, "torchfx.dll") } : [];
        var start = new ProcessStartInfo(Path ?? "dotnet", [.. library, .. arguments]) { RedirectStandardOutput = quiet };
        var watch = Stopwatch.StartNew();
        using var process = Process.Start(start)!;
        if (quiet)
            process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (watch.Elapsed, process.ExitCode == 0);
    }
}

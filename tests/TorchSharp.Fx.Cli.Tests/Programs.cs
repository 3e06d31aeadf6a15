using System.Diagnostics;

namespace TorchSharp.Fx.Cli.Tests;

/// <summary>Programs of the system that tests start: servers, and what speaks to them.</summary>
internal static class Programs
{
    /// <summary>Runs one to its end, and fails unless that is a good one.</summary>
    internal static void Run(string[] command, IReadOnlyDictionary<string, string>? environment = null)
    {
        // A server that it leaves behind must not hold the test runner's own output open.
        var log = Path.GetTempFileName();
        var start = new ProcessStartInfo("sh", ["-c", "log=$0; exec \"$@\" >\"$log\" 2>&1", log, .. command]) { WorkingDirectory = "/" };
        foreach (var (name, value) in environment ?? new Dictionary<string, string>())
            start.Environment[name] = value;
        using var process = Process.Start(start)!;
        process.WaitForExit();
        var output = File.ReadAllText(log);
        File.Delete(log);
        Assert.True(process.ExitCode == 0, $"{string.Join(' ', command)} ended with {process.ExitCode}: {output}");
    }

    /// <summary>The same as another user, where the tests run as an administrator.</summary>
    internal static void RunAs(string user, string[] command)
        => Run(Environment.IsPrivilegedProcess ? ["runuser", "-u", user, "--", .. command] : command);
}

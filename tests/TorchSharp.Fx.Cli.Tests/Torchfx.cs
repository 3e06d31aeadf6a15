using System.Diagnostics;

namespace TorchSharp.Fx.Cli.Tests;

/// <summary>One run of the real tool.</summary>
internal sealed record Torchfx(int ExitCode, string Out, string Error)
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(15);

    public string[] Lines => Out.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    public static Torchfx Run(params string[] args) => RunFrom(AppContext.BaseDirectory, args);

    /// <summary>A shell starts what it runs in the background with SIGINT ignored, and children inherit that.</summary>
    public static void SkipWhereInterruptsAreIgnored()
    {
        const string Status = "/proc/self/status", Ignored = "SigIgn:";
        Assert.SkipWhen(File.Exists(Status) && File.ReadLines(Status).First(line => line.StartsWith(Ignored, StringComparison.Ordinal)) is var line
            && (Convert.ToUInt64(line[Ignored.Length..].Trim(), 16) & 2) != 0, "This process and its children ignore interrupts: a shell runs it in the background.");
    }

    /// <summary>Runs it with these variables in its environment.</summary>
    public static Torchfx Run(Dictionary<string, string> environment, params string[] args) => Finish(Start(AppContext.BaseDirectory, args, environment), args);

    /// <summary>Runs the tool of another folder.</summary>
    public static Torchfx RunFrom(string folder, params string[] args) => Finish(Start(folder, args), args);

    private static Torchfx Finish(Process started, string[] args)
    {
        using var process = started;
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        if (!process.WaitForExit(Limit))
        {
            process.Kill(entireProcessTree: true);
            Assert.Fail($"torchfx {string.Join(' ', args)} did not end. It wrote:\n{output.Result}\n{error.Result}");
        }
        return new(process.ExitCode, output.Result, error.Result);
    }

    public static Process Start(string folder, string[] args, Dictionary<string, string>? environment = null)
    {
        var start = new ProcessStartInfo("dotnet", [Path.Combine(folder, "torchfx.dll"), .. args])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = AppContext.BaseDirectory,
        };
        // Several runs share the processors; one of them should not wait for threads of its own.
        start.Environment["OMP_NUM_THREADS"] = "1";
        foreach (var (name, value) in environment ?? [])
            start.Environment[name] = value;
        return Process.Start(start)!;
    }

    /// <summary>Fails unless the run failed with just this sentence.</summary>
    public void AssertFailed(string sentence, int exitCode = 1)
    {
        Assert.Equal($"torchfx: {sentence}", Error.TrimEnd('\n'));
        Assert.Equal("", Out);
        Assert.Equal(exitCode, ExitCode);
    }

    /// <summary>Fails unless the run printed just this.</summary>
    public void AssertPrinted(string text, int exitCode = 0)
    {
        Assert.Equal(text, Out);
        Assert.Equal(exitCode, ExitCode);
    }
}

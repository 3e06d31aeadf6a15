using System.Diagnostics;
using System.Text.RegularExpressions;

namespace TorchSharp.Fx.Mutation;

/// <summary>A process of a test assembly in the copy: some of its classes, with one mutant on, or with none.</summary>
internal sealed partial record TestRun(bool Passed, string FirstFailure, double Seconds, int[] Reached)
{
    internal static TestRun Of(string folder, string assembly, IEnumerable<string> classes, int mutant, double limit)
    {
        var reached = Directory.CreateTempSubdirectory("reached").FullName;
        var clock = Stopwatch.StartNew();
        var names = classes.SelectMany(name => new[] { "-class", name });
        string[] arguments = ["-noColor", "-noLogo", "-stopOnFail", "-maxThreads", "2", .. names];
        using var process = Process.Start(new ProcessStartInfo(Program(folder, assembly), arguments)
        {
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            Environment = { ["TORCHFX_MUTANT"] = $"{mutant}", ["TORCHFX_REACHED"] = reached },
        })!;
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEndAsync();
        if (!process.WaitForExit(TimeSpan.FromSeconds(limit)))
        {
            process.Kill(entireProcessTree: true);
            return new(false, $"no end after {limit:F0} s", clock.Elapsed.TotalSeconds, []);
        }
        var text = output.Result + errors.Result;
        int[] ids = [.. Directory.GetFiles(reached).SelectMany(File.ReadLines).Select(int.Parse).Distinct().Order()];
        Directory.Delete(reached, recursive: true);
        var failure = Failure().Match(text) is { Success: true } match ? match.Groups[1].Value : $"exit code {process.ExitCode}";
        return new(process.ExitCode == 0, failure, clock.Elapsed.TotalSeconds, ids);
    }

    /// <summary>The assembly's test classes.</summary>
    internal static string[] Classes(string folder, string assembly)
    {
        var start = new ProcessStartInfo(Program(folder, assembly), ["-noLogo", "-list", "classes"]) { RedirectStandardOutput = true };
        using var process = Process.Start(start)!;
        var lines = process.StandardOutput.ReadToEnd().Split('\n', StringSplitOptions.TrimEntries);
        process.WaitForExit();
        return [.. lines.Where(line => line.StartsWith("TorchSharp.", StringComparison.Ordinal))];
    }

    private static string Program(string folder, string assembly)
        => Path.Combine(folder, "tests", assembly, "bin", "Debug", "net10.0", assembly);

    [GeneratedRegex(@"^ *(\S.*) \[FAIL\]", RegexOptions.Multiline)]
    private static partial Regex Failure();
}

using System.Diagnostics;
using System.Text.Json;

namespace TorchSharp.Fx.Mutation;

/// <summary>A copy of the repository's tracked files, in which the mutants are built.</summary>
internal static class Copy
{
    private const string NoAnalyzers = "-p:RunAnalyzersDuringBuild=false";

    internal static void Make(string repository, string folder)
    {
        var tracked = Output("git", repository, "ls-files", "-z").Split('\0', StringSplitOptions.RemoveEmptyEntries);
        foreach (var file in tracked.Where(file => File.Exists(Path.Combine(repository, file))))
        {
            var target = Path.Combine(folder, file);
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(Path.Combine(repository, file), target, overwrite: true);
        }
    }

    /// <summary>What the project is compiled of: its sources, with those that the build makes, and its references.</summary>
    internal static (string[] Sources, string[] References) Inputs(string project)
    {
        Output("dotnet", project, "restore", "-v", "q");
        using var built = JsonDocument.Parse(Output("dotnet", project, "build", "--no-restore", "-t:Build", NoAnalyzers,
            "-getItem:Compile", "-getItem:ReferencePathWithRefAssemblies"));
        var items = built.RootElement.GetProperty("Items");
        return (Paths(items.GetProperty("Compile")), Paths(items.GetProperty("ReferencePathWithRefAssemblies")));
    }

    internal static void Build(string project) => Output("dotnet", project, "build", "-v", "q", NoAnalyzers,
        "-p:EnforceCodeStyleInBuild=false", "-p:TreatWarningsAsErrors=false", "-p:WarningLevel=0");

    private static string[] Paths(JsonElement items)
        => [.. items.EnumerateArray().Select(item => item.GetProperty("FullPath").GetString()!)];

    private static string Output(string program, string folder, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { WorkingDirectory = folder, RedirectStandardOutput = true };
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 ? output
            : throw new InvalidOperationException($"{program} {string.Join(' ', arguments)} in {folder} failed:\n{output}");
    }
}

using System.Diagnostics;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using TorchSharp.Fx.Cli.Tests;

namespace TorchSharp.Fx.Explorers.Tests;

/// <summary>Compiles and runs the C# lines that the page shows.</summary>
internal static class Script
{
    private const string Usings = "global using System; global using System.Collections.Generic; global using System.Linq;";

    /// <summary>
    /// Runs the lines in a process of their own, and gives the file that they write. Beside other tests their seed would be
    /// drawn on by whatever runs at the same time: TorchSharp has one generator a process.
    /// </summary>
    internal static string Run(string code, TemporaryFolder folder)
    {
        foreach (var file in new[] { "features.safetensors", "inputs.safetensors" })
            code = code.Replace($"\"{file}\"", $"@\"{folder[file]}\"", StringComparison.Ordinal);
        // Beside the tests' own assemblies, where the host looks for what it references.
        var name = $"Script{Guid.NewGuid():N}";
        var script = Path.Combine(AppContext.BaseDirectory, name + ".dll");
        try
        {
            Compile(code, name, script);
            var tests = Path.Combine(AppContext.BaseDirectory, typeof(Script).Assembly.GetName().Name!);
            using var process = Process.Start(new ProcessStartInfo("dotnet",
                ["exec", "--depsfile", tests + ".deps.json", "--runtimeconfig", tests + ".runtimeconfig.json", script]) { RedirectStandardError = true })!;
            var error = process.StandardError.ReadToEnd();
            process.WaitForExit();
            Assert.True(process.ExitCode == 0, $"{code}\n{error}");
        }
        finally
        {
            File.Delete(script);
        }
        return folder["features.safetensors"];
    }

    private static void Compile(string code, string name, string script)
    {
        var references = ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator)
            .Select(path => MetadataReference.CreateFromFile(path));
        var result = CSharpCompilation.Create(name, [CSharpSyntaxTree.ParseText(Usings), CSharpSyntaxTree.ParseText(code)],
            references, new(OutputKind.ConsoleApplication)).Emit(script);
        Assert.True(result.Success, $"{code}\n{string.Join('\n', result.Diagnostics.Where(each => each.Severity == DiagnosticSeverity.Error))}");
    }
}

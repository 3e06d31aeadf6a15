using System.Reflection;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Emit;

namespace TorchSharp.Fx.Fuzz;

/// <summary>Many programs compiled at once.</summary>
internal static class Batch
{
    private static readonly MetadataReference[] References =
        [.. ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator).Where(path => Path.GetFileName(path).StartsWith("System", StringComparison.Ordinal) || path.EndsWith("TorchSharp.dll", StringComparison.Ordinal)).Select(path => MetadataReference.CreateFromFile(path))];

    private static int count;

    /// <summary>The compiled programs; null and what is wrong if they don't compile.</summary>
    internal static Assembly? TryCompile(string source, OptimizationLevel level, out string errors)
    {
        var options = new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, optimizationLevel: level, allowUnsafe: true, nullableContextOptions: NullableContextOptions.Enable, concurrentBuild: false);
        var compilation = CSharpCompilation.Create($"Fuzz{Interlocked.Increment(ref count)}", [CSharpSyntaxTree.ParseText(Prelude.Text + source, path: "Fuzz.cs", encoding: System.Text.Encoding.UTF8)], References, options);
        using var stream = new MemoryStream();
        var result = compilation.Emit(stream, options: new EmitOptions(debugInformationFormat: DebugInformationFormat.Embedded));
        errors = string.Join("\n", result.Diagnostics.Where(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error).Take(12).Select(diagnostic => $"{diagnostic}\n    {compilation.SyntaxTrees[0].GetText().Lines[diagnostic.Location.GetLineSpan().StartLinePosition.Line]}"));
        return result.Success ? Assembly.Load(stream.ToArray()) : null;
    }

    internal static Assembly Compile(string source, OptimizationLevel level)
        => TryCompile(source, level, out var errors) ?? throw new InvalidOperationException($"The grammar makes programs that do not compile:\n{errors}");
}

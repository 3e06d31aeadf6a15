using System.Collections.Immutable;
using System.Reflection;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Diagnostics;

namespace TorchSharp.Fx.Analyzers.Tests;

/// <summary>C# code, compiled against TorchSharp as a user's project is.</summary>
internal sealed class Code
{
    internal const string Usings = """
        global using System;
        global using System.Collections.Generic;
        global using System.IO;
        global using System.Linq;
        global using System.Net.Http;
        global using System.Threading;
        global using System.Threading.Tasks;
        """;

    private static readonly ImmutableArray<(string Name, MetadataReference Reference)> Platform =
    [
        .. ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator).Select(path => (Path.GetFileNameWithoutExtension(path), (MetadataReference)MetadataReference.CreateFromFile(path))),
    ];

    private readonly CSharpCompilation compilation;

    /// <param name="name">The assembly's name.</param>
    /// <param name="files">The paths and texts of the files.</param>
    internal Code(string name, params IEnumerable<(string Path, string Text)> files)
    {
        var parsing = new CSharpParseOptions(LanguageVersion.Preview);
        var options = new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, nullableContextOptions: NullableContextOptions.Enable, allowUnsafe: true);
        var trees = files.Append((Path: "Usings.cs", Text: Usings)).Select(file => CSharpSyntaxTree.ParseText(file.Text, parsing, file.Path));
        compilation = CSharpCompilation.Create(name, trees, Platform.Where(assembly => assembly.Name != name).Select(assembly => assembly.Reference), options);
    }

    /// <summary>What the compiler holds against it.</summary>
    internal IEnumerable<Diagnostic> Errors => compilation.GetDiagnostics().Where(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error);

    /// <summary>What the analyzers tell, in order of appearance.</summary>
    internal IReadOnlyList<Diagnostic> Diagnostics()
    {
        var analyzed = compilation.WithAnalyzers([new ForwardAnalyzer(), new RegistrationAnalyzer()]).GetAnalyzerDiagnosticsAsync(TestContext.Current.CancellationToken).GetAwaiter().GetResult();
        Assert.DoesNotContain(analyzed, diagnostic => diagnostic.Id == "AD0001");
        return [.. analyzed.OrderBy(diagnostic => diagnostic.Location.SourceTree!.FilePath).ThenBy(diagnostic => diagnostic.Location.SourceSpan.Start)];
    }

    internal Assembly Load()
    {
        using var stream = new MemoryStream();
        var result = compilation.Emit(stream);
        Assert.True(result.Success, string.Join('\n', result.Diagnostics));
        return Assembly.Load(stream.ToArray());
    }
}

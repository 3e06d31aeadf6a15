using System.Reflection;
using System.Runtime.Loader;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace TorchSharp.Fx.Fuzz;

/// <summary>Many programs compiled at once, as the Debug and as the Release compiler do it; they go away together, so that a long run needs no more memory than a short one.</summary>
internal sealed class Builds : IDisposable
{
    private static readonly CSharpCompilation Empty = Compilation(Prelude.Text);

    private readonly AssemblyLoadContext[] contexts;

    internal Builds(params MemoryStream[] images)
    {
        contexts = Array.ConvertAll(images, _ => new AssemblyLoadContext("Fuzz", isCollectible: true));
        Assemblies = [.. contexts.Zip(images, (context, image) => context.LoadFromStream(image))];
    }

    /// <summary>For C# the Debug and the Release build.</summary>
    internal Assembly[] Assemblies { get; }

    /// <summary>The name of a build, for who reads a difference.</summary>
    internal string NameOf(Assembly assembly) => Assemblies.Length == 1 ? "the code" : assembly == Assemblies[0] ? "Debug code" : "Release code";

    /// <summary>What programs are compiled together with.</summary>
    internal static CSharpCompilation Compilation(string prelude, params MetadataReference[] references) => CSharpCompilation.Create("Fuzz", [Parsed(prelude)], [.. References(), .. references],
        new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, allowUnsafe: true, nullableContextOptions: NullableContextOptions.Enable, concurrentBuild: false));

    /// <summary>Both builds of a C# source; null and what is wrong if it doesn't compile.</summary>
    internal static Builds? TryCompile(string source, out string errors) => TryCompile(Empty, source, out errors);

    /// <inheritdoc cref="TryCompile(string, out string)"/>
    internal static Builds? TryCompile(CSharpCompilation prelude, string source, out string errors)
    {
        var compilation = prelude.AddSyntaxTrees(Parsed(source));
        return Emit(compilation, OptimizationLevel.Debug, out errors) is { } debug && Emit(compilation, OptimizationLevel.Release, out errors) is { } release ? new(debug, release) : null;
    }

    public void Dispose()
    {
        foreach (var context in contexts)
            context.Unload();
    }

    private static MemoryStream? Emit(CSharpCompilation compilation, OptimizationLevel level, out string errors)
    {
        var stream = new MemoryStream();
        var result = compilation.WithOptions(compilation.Options.WithOptimizationLevel(level)).Emit(stream);
        errors = string.Join("\n", result.Diagnostics.Where(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error).Take(12).Select(diagnostic => $"{diagnostic}\n    {LineOf(diagnostic)}"));
        stream.Position = 0;
        return result.Success ? stream : null;
    }

    private static string LineOf(Diagnostic diagnostic)
        => diagnostic.Location.SourceTree is { } tree ? tree.GetText().Lines[diagnostic.Location.GetLineSpan().StartLinePosition.Line].ToString() : "";

    private static SyntaxTree Parsed(string source) => CSharpSyntaxTree.ParseText(source, new CSharpParseOptions(LanguageVersion.Latest, preprocessorSymbols: ["TRACE"]));

    private static IEnumerable<MetadataReference> References()
        => ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator)
            .Where(path => Path.GetFileName(path) is "TorchSharp.dll" or "netstandard.dll" || Path.GetFileName(path).StartsWith("System.", StringComparison.Ordinal))
            .Select(path => MetadataReference.CreateFromFile(path));
}

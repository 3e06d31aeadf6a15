using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace TorchSharp.Fx.Analyzers.Tests;

/// <summary>On code of the repository that is known to trace, nothing is told; on the corpus, only what the corpus says of its modules.</summary>
public sealed partial class RealCodeTests
{
    /// <summary>Classes of the corpus that register nothing, or keep modules in a collection; the corpus lists what follows from it.</summary>
    private static readonly string[] Unregistered = ["ObjectCacheDecoder", "TemporalDifference", "LazyProjection", "ScriptedParts"];

    [Fact]
    public void Nothing_is_told_of_Visions_models()
    {
        var code = new Code("TorchSharp.Fx.Vision", [.. Sources("vision"), ("Files.cs", "global using TorchSharp.Fx.Files;")]);
        // Source generators don't run here.
        Assert.Equal("", string.Join('\n', code.Errors.Where(error => error.Id != "CS8795")));
        // Preprocessing branches on the number of dimensions, and nobody traces it.
        Assert.DoesNotContain(code.Diagnostics(), diagnostic => !diagnostic.Location.SourceTree!.FilePath.StartsWith("Transforms", StringComparison.Ordinal));
    }

    [Fact]
    public void What_is_told_of_the_corpus_is_so()
    {
        var outcomes = Row().Matches(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "docs", "generality.md"))).DistinctBy(row => row.Groups[1].Value).ToDictionary(row => row.Groups[1].Value, row => row.Groups[2].Value);
        var told = new Code("TorchSharp.Fx.Tests", Sources("corpus").Where(file => !file.Path.EndsWith("Tests.cs", StringComparison.Ordinal))).Diagnostics();
        Assert.NotEmpty(told);
        Assert.Equal("", string.Join('\n', told.Where(diagnostic => !IsSo(diagnostic, outcomes))));
    }

    /// <summary>A warning of a forward is of a module that is refused, a hint of one that needs an example, and a field of a module that the trace reports as unregistered.</summary>
    private static bool IsSo(Diagnostic diagnostic, Dictionary<string, string> outcomes)
    {
        var place = diagnostic.Location.SourceTree!.GetRoot(TestContext.Current.CancellationToken).FindNode(diagnostic.Location.SourceSpan);
        var name = place.AncestorsAndSelf().OfType<ClassDeclarationSyntax>().Select(type => type.Identifier.Text).FirstOrDefault(outcomes.ContainsKey);
        if (diagnostic.Id == "FX101")
            return Unregistered.Contains(place.FirstAncestorOrSelf<ClassDeclarationSyntax>()!.Identifier.Text);
        return name is not null && outcomes[name] != "by symbols" && (diagnostic.Severity == DiagnosticSeverity.Info || outcomes[name].StartsWith("refused", StringComparison.Ordinal));
    }

    /// <summary>A module of the corpus, and how its trace goes; what can be made of the graph follows.</summary>
    [GeneratedRegex(@"^\| (\w+) \|.*\| ([^|]+) \|[^|]*\|[^|]*\|[^|]*\|$", RegexOptions.Multiline)]
    private static partial Regex Row();

    private static IEnumerable<(string Path, string Text)> Sources(string folder)
    {
        var root = Path.Combine(AppContext.BaseDirectory, "sources", folder);
        return Directory.EnumerateFiles(root, "*.cs", SearchOption.AllDirectories).Select(path => (Path.GetRelativePath(root, path), File.ReadAllText(path)));
    }
}

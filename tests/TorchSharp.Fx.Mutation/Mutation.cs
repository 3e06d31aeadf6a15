using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace TorchSharp.Fx.Mutation;

/// <summary>Puts mutants into the sources of a project, all at once: <c>(MutantSwitch.Is(17) ? a &lt;= b : a &lt; b)</c>.</summary>
internal sealed class Mutation
{
    private readonly CSharpCompilation compilation;
    private readonly string root;

    /// <summary><paramref name="files"/> and <paramref name="references"/> are what the project is compiled of.</summary>
    internal Mutation(string root, IEnumerable<string> files, IEnumerable<string> references)
    {
        var options = new CSharpParseOptions(LanguageVersion.Latest, preprocessorSymbols: ["TRACE", "DEBUG", "NET", "NET10_0_OR_GREATER"]);
        this.root = root;
        compilation = CSharpCompilation.Create("Mutated",
            files.Select(file => CSharpSyntaxTree.ParseText(File.ReadAllText(file), options, file)),
            references.Select(reference => MetadataReference.CreateFromFile(reference)),
            new(OutputKind.DynamicallyLinkedLibrary, allowUnsafe: true, nullableContextOptions: NullableContextOptions.Enable));
    }

    /// <summary>Writes mutants into the files.</summary>
    /// <param name="count">How many by chance.</param>
    /// <param name="seed">Of that chance.</param>
    /// <param name="also">Lines ("File.cs:12") of which each site becomes one besides.</param>
    internal IEnumerable<Mutant> Write(int count, int seed, IReadOnlyCollection<string> also)
    {
        var trees = compilation.SyntaxTrees.Where(IsSource).OrderBy(tree => tree.FilePath, StringComparer.Ordinal);
        var sites = trees.SelectMany(tree => new Sites(compilation.GetSemanticModel(tree)).All()).ToArray();
        Console.WriteLine($"{sites.Length} sites");
        ExpressionSyntax[] named = [.. sites.Where(site => also.Contains($"{Path.GetFileName(site.SyntaxTree.FilePath)}:{Line(site)}"))];
        new Random(seed).Shuffle(sites);
        var some = sites.Except(named).Where(Compiles).Take(count).OrderBy(site => site.SyntaxTree.FilePath, StringComparer.Ordinal);
        ExpressionSyntax[] chosen = [.. some.ThenBy(site => site.SpanStart), .. named.Where(Compiles)];
        var numbers = chosen.Index().ToDictionary(pair => (SyntaxNode)pair.Item, pair => pair.Index + 1);
        foreach (var tree in chosen.Select(site => site.SyntaxTree).Distinct())
            File.WriteAllText(tree.FilePath, Rewritten(tree, numbers).ToFullString());
        return chosen.Select(site => new Mutant(numbers[site], Path.GetRelativePath(root, site.SyntaxTree.FilePath), Line(site),
            site.Kind().ToString(), OneLine(site), OneLine(Sites.Changed(site))));
    }

    private bool IsSource(SyntaxTree tree) => Path.GetFileName(tree.FilePath) != "MutantSwitch.cs"
        && !Path.GetRelativePath(root, tree.FilePath).Split('/', '\\').Contains("obj");

    /// <summary>Whether the mutant brings no new error: an unset variable, a path without a return, two variables of one name.</summary>
    private bool Compiles(ExpressionSyntax site)
    {
        var tree = site.SyntaxTree;
        var changed = tree.WithRootAndOptions(Rewritten(tree, new() { [site] = 1 }), tree.Options);
        return Errors(compilation.ReplaceSyntaxTree(tree, changed), changed) <= Errors(compilation, tree);
    }

    private static int Errors(CSharpCompilation compilation, SyntaxTree tree)
        => compilation.GetSemanticModel(tree).GetDiagnostics().Count(found => found.Severity == DiagnosticSeverity.Error);

    private SyntaxNode Rewritten(SyntaxTree tree, Dictionary<SyntaxNode, int> numbers)
    {
        var sites = new Sites(compilation.GetSemanticModel(tree));
        return tree.GetRoot().ReplaceNodes(numbers.Keys.Where(site => site.SyntaxTree == tree), (site, rewritten) =>
            Switch(numbers[site], (ExpressionSyntax)rewritten, sites.TypeOf((ExpressionSyntax)site)).WithTriviaFrom(site));
    }

    private static ExpressionSyntax Switch(int number, ExpressionSyntax original, string? type)
    {
        var cast = type is null ? "" : $"({type})";
        var (changed, kept) = (Sites.Changed(original).WithoutTrivia(), original.WithoutTrivia());
        return SyntaxFactory.ParseExpression($"(global::TorchSharp.Fx.MutantSwitch.Is({number}) ? {cast}{changed} : {cast}{kept})");
    }

    private static int Line(SyntaxNode node) => node.GetLocation().GetLineSpan().StartLinePosition.Line + 1;

    private static string OneLine(SyntaxNode node)
        => string.Join(' ', node.ToString().Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
}

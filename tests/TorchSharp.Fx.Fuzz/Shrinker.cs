using System.Diagnostics;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace TorchSharp.Fx.Fuzz;

/// <summary>Makes a failing program smaller: without a statement, or with a part of an expression or statement in its place, as long as it fails.</summary>
internal static class Shrinker
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(40);

    internal static string Shrink(string source, Func<string, bool> fails)
    {
        var watch = Stopwatch.StartNew();
        for (var progress = true; progress;)
        {
            progress = false;
            foreach (var smaller in Smaller(source))
                if (watch.Elapsed < Patience && fails(smaller))
                {
                    source = smaller;
                    progress = true;
                    break;
                }
        }
        return source;
    }

    private static IEnumerable<string> Smaller(string source)
    {
        var root = CSharpSyntaxTree.ParseText(source).GetRoot();
        foreach (var statement in root.DescendantNodes().OfType<StatementSyntax>().Where(statement => statement.Parent is BlockSyntax or SwitchSectionSyntax && !IsRegistration(statement)).OrderByDescending(statement => statement.Span.Length))
            yield return With(statement, "");
        foreach (var field in root.DescendantNodes().OfType<FieldDeclarationSyntax>())
            yield return With(field, "");
        foreach (var statement in root.DescendantNodes().OfType<StatementSyntax>().Where(statement => statement is not BlockSyntax))
            foreach (var block in statement.ChildNodes().OfType<BlockSyntax>())
                yield return With(statement, block.ToFullString());
        foreach (var expression in root.DescendantNodes().OfType<ExpressionSyntax>().OrderByDescending(expression => expression.Span.Length))
            foreach (var part in expression.ChildNodes().OfType<ExpressionSyntax>())
                yield return With(expression, part.ToString());

        string With(SyntaxNode node, string text) => source.Remove(node.SpanStart, node.Span.Length).Insert(node.SpanStart, text);
    }

    /// <summary>Without it a module's parameters aren't seen, and every program looks different.</summary>
    private static bool IsRegistration(StatementSyntax statement) => statement.ToString() == "RegisterComponents();";
}

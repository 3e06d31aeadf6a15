using System.Collections.Immutable;
using System.Composition;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeActions;
using Microsoft.CodeAnalysis.CodeFixes;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Formatting;

namespace TorchSharp.Fx.Analyzers;

/// <summary>Moves or adds <c>RegisterComponents()</c> as the last statement of the constructor.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp), Shared]
public sealed class RegistrationFix : CodeFixProvider
{
    private const string Title = "Call RegisterComponents() last";

    /// <inheritdoc/>
    public override ImmutableArray<string> FixableDiagnosticIds { get; } = [Rules.Unregistered.Id, Rules.AssignedLate.Id];

    /// <inheritdoc/>
    public override FixAllProvider GetFixAllProvider() => WellKnownFixAllProviders.BatchFixer;

    /// <inheritdoc/>
    public override async Task RegisterCodeFixesAsync(CodeFixContext context)
    {
        var root = await context.Document.GetSyntaxRootAsync(context.CancellationToken).ConfigureAwait(false);
        foreach (var diagnostic in context.Diagnostics.Where(diagnostic =>
            !diagnostic.Properties.ContainsKey(RegistrationAnalyzer.IsCollection)))
            if (root?.FindNode(diagnostic.Location.SourceSpan) is { } node && ConstructorOf(node) is { Body: { } body } constructor)
                context.RegisterCodeFix(
                    CodeAction.Create(Title,
                        _ => Task.FromResult(
                            context.Document.WithSyntaxRoot(root.ReplaceNode(constructor, constructor.WithBody(RegisteringLast(body))))),
                            Title),
                    diagnostic);
    }

    /// <summary>The constructor that the code is in, or the only one of the class that it is in.</summary>
    private static ConstructorDeclarationSyntax? ConstructorOf(SyntaxNode node)
    {
        if (node.FirstAncestorOrSelf<ConstructorDeclarationSyntax>() is { } around)
            return around;
        var constructors = node.FirstAncestorOrSelf<ClassDeclarationSyntax>()?.Members.OfType<ConstructorDeclarationSyntax>()
            .Where(constructor => !constructor.Modifiers.Any(SyntaxKind.StaticKeyword)).ToArray();
        return constructors?.Length == 1 ? constructors[0] : null;
    }

    private static BlockSyntax RegisteringLast(BlockSyntax body)
        => body.WithStatements(
            [.. body.Statements.Where(statement => !IsRegistration(statement)),
                SyntaxFactory.ParseStatement("RegisterComponents();").WithTrailingTrivia(SyntaxFactory.ElasticLineFeed)])
            .WithAdditionalAnnotations(Formatter.Annotation);

    private static bool IsRegistration(StatementSyntax statement)
        => statement is ExpressionStatementSyntax { Expression: InvocationExpressionSyntax { Expression: IdentifierNameSyntax { Identifier.ValueText: "RegisterComponents" } } };
}

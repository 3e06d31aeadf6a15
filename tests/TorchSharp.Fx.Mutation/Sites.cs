using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace TorchSharp.Fx.Mutation;

/// <summary>The places of a file that a mutant can be made of: what the program does depends on them.</summary>
internal sealed class Sites(SemanticModel model)
{
    private static readonly Dictionary<SyntaxKind, SyntaxKind> Operators = new()
    {
        [SyntaxKind.EqualsEqualsToken] = SyntaxKind.ExclamationEqualsToken,
        [SyntaxKind.ExclamationEqualsToken] = SyntaxKind.EqualsEqualsToken,
        [SyntaxKind.LessThanToken] = SyntaxKind.LessThanEqualsToken,
        [SyntaxKind.LessThanEqualsToken] = SyntaxKind.LessThanToken,
        [SyntaxKind.GreaterThanToken] = SyntaxKind.GreaterThanEqualsToken,
        [SyntaxKind.GreaterThanEqualsToken] = SyntaxKind.GreaterThanToken,
        [SyntaxKind.AmpersandAmpersandToken] = SyntaxKind.BarBarToken,
        [SyntaxKind.BarBarToken] = SyntaxKind.AmpersandAmpersandToken,
        [SyntaxKind.PlusToken] = SyntaxKind.MinusToken,
        [SyntaxKind.MinusToken] = SyntaxKind.PlusToken,
    };

    internal IEnumerable<ExpressionSyntax> All() => model.SyntaxTree.GetRoot().DescendantNodes().OfType<ExpressionSyntax>()
        .Where(node => MayChange(node) && !IsConstant(node) && !node.Ancestors().Any(IsLeftAlone));

    /// <summary>The expression that stands in the mutant for <paramref name="node"/>, whose own parts may be mutants as well.</summary>
    internal static ExpressionSyntax Changed(ExpressionSyntax node) => node switch
    {
        BinaryExpressionSyntax binary => Turned(binary, Operators[binary.OperatorToken.Kind()]),
        PrefixUnaryExpressionSyntax negation => SyntaxFactory.ParenthesizedExpression(negation.Operand.WithoutTrivia()),
        LiteralExpressionSyntax literal => SyntaxFactory.ParseExpression(literal.Token.ValueText switch
        {
            "true" => "false",
            "false" => "true",
            _ => $"({literal.WithoutTrivia()} + 1)",
        }),
        _ => throw new ArgumentException($"No mutant is made of {node}.", nameof(node)),
    };

    /// <summary>The type that a literal is converted to where it stands; a conditional of two literals would not be.</summary>
    internal string? TypeOf(ExpressionSyntax node)
    {
        var (own, wanted) = (model.GetTypeInfo(node).Type, model.GetTypeInfo(node).ConvertedType);
        var isConverted = IsNumber(wanted) && !SymbolEqualityComparer.Default.Equals(own, wanted);
        return node is LiteralExpressionSyntax && isConverted ? wanted!.ToDisplayString() : null;
    }

    private bool MayChange(ExpressionSyntax node) => node switch
    {
        BinaryExpressionSyntax binary when binary.Kind() is SyntaxKind.AddExpression or SyntaxKind.SubtractExpression
            => IsNumber(model.GetTypeInfo(binary).Type),
        BinaryExpressionSyntax binary => Operators.ContainsKey(binary.OperatorToken.Kind()),
        PrefixUnaryExpressionSyntax unary => unary.IsKind(SyntaxKind.LogicalNotExpression),
        LiteralExpressionSyntax literal => literal.Kind()
            is SyntaxKind.NumericLiteralExpression or SyntaxKind.TrueLiteralExpression or SyntaxKind.FalseLiteralExpression,
        _ => false,
    };

    private static bool IsNumber(ITypeSymbol? type) => type?.SpecialType
        is >= SpecialType.System_SByte and <= SpecialType.System_Double or SpecialType.System_IntPtr or SpecialType.System_UIntPtr;

    /// <summary>A literal by itself changes what happens; within a constant the whole would have to be one still.</summary>
    private bool IsConstant(ExpressionSyntax node) => node is LiteralExpressionSyntax
        ? node.Parent is ExpressionSyntax parent && model.GetConstantValue(parent).HasValue
        : model.GetConstantValue(node).HasValue;

    private bool IsLeftAlone(SyntaxNode around) => around switch
    {
        AttributeSyntax or ParameterSyntax or PatternSyntax or SwitchLabelSyntax or EnumMemberDeclarationSyntax => true,
        InterpolationSyntax or ThrowStatementSyntax or ThrowExpressionSyntax => true,
        FieldDeclarationSyntax field => field.Modifiers.Any(SyntaxKind.ConstKeyword),
        LocalDeclarationStatementSyntax local => local.IsConst,
        BaseObjectCreationExpressionSyntax made
            => model.GetTypeInfo(made).Type is { } type && type.Name.EndsWith("Exception", StringComparison.Ordinal),
        InvocationExpressionSyntax { Expression: IdentifierNameSyntax { Identifier.ValueText: "nameof" } } => true,
        LambdaExpressionSyntax lambda => model.GetTypeInfo(lambda).ConvertedType is { Name: "Expression" },
        _ => false,
    };

    private static BinaryExpressionSyntax Turned(BinaryExpressionSyntax binary, SyntaxKind token) => SyntaxFactory.BinaryExpression(
        SyntaxFacts.GetBinaryExpression(token), binary.Left, SyntaxFactory.Token(token).WithTriviaFrom(binary.OperatorToken), binary.Right);
}

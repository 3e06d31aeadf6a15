using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace TorchSharp.Fx.Analyzers;

/// <summary>Reports modules and parameters in a module's fields that are never registered.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class RegistrationAnalyzer : DiagnosticAnalyzer
{
    /// <summary>Marks what calling <c>RegisterComponents()</c> does not help against.</summary>
    internal const string IsCollection = nameof(IsCollection);

    private const string All = "RegisterComponents";

    private static readonly HashSet<string> Registrations = [All, "register_module", "add_module", "register_parameter", "register_buffer"];

    /// <inheritdoc/>
    public override ImmutableArray<DiagnosticDescriptor> SupportedDiagnostics { get; } = [Rules.Unregistered, Rules.AssignedLate];

    /// <inheritdoc/>
    public override void Initialize(AnalysisContext context)
    {
        context.ConfigureGeneratedCodeAnalysis(GeneratedCodeAnalysisFlags.None);
        context.EnableConcurrentExecution();
        context.RegisterCompilationStartAction(start =>
        {
            if (KnownTypes.Of(start.Compilation) is not { } types)
                return;
            start.RegisterOperationBlockAction(block => FindLate(block, types));
            start.RegisterSymbolStartAction(symbol => FindUnregistered(symbol, types), SymbolKind.NamedType);
        });
    }

    /// <summary>A class that registers anything one by one is taken to know what it does, and so is one whose base registers.</summary>
    private static void FindUnregistered(SymbolStartAnalysisContext context, KnownTypes types)
    {
        var type = (INamedTypeSymbol)context.Symbol;
        if (!types.IsModule(type) || type.IsAbstract || !types.IsOfTorchSharp(type.BaseType!))
            return;
        var calls = new System.Collections.Concurrent.ConcurrentDictionary<string, bool>(StringComparer.Ordinal);
        context.RegisterOperationAction(
            operation =>
            {
                if (operation.Operation is IInvocationOperation { TargetMethod: var method } && types.IsOfModule(method)
                    && Registrations.Contains(method.Name))
                    calls[method.Name] = true;
            },
            OperationKind.Invocation);
        context.RegisterSymbolEndAction(end =>
        {
            if (calls.Keys.Any(name => name != All))
                return;
            foreach (var field in type.GetMembers().OfType<IFieldSymbol>().Where(field => !field.IsStatic))
                if (types.IsPlainCollectionOfModules(field.Type))
                    Report(end, field, "use ModuleList or ModuleDict", ImmutableDictionary<string, string?>.Empty.Add(IsCollection, null));
                else if (calls.IsEmpty && types.IsState(field.Type))
                    Report(end, field, "call RegisterComponents() at the end of the constructor", null);
        });
    }

    private static void Report(SymbolAnalysisContext context, IFieldSymbol field, string remedy,
        ImmutableDictionary<string, string?>? properties)
    {
        var declared = field.AssociatedSymbol ?? field;
        context.ReportDiagnostic(Diagnostic.Create(Rules.Unregistered, declared.Locations[0], properties, declared.Name, remedy));
    }

    private static void FindLate(OperationBlockAnalysisContext context, KnownTypes types)
    {
        if (context.OwningSymbol is not IMethodSymbol { MethodKind: MethodKind.Constructor } constructor
            || !types.IsModule(constructor.ContainingType))
            return;
        foreach (var block in context.OperationBlocks.OfType<IBlockOperation>())
        {
            var late = block.Operations.SkipWhile(statement => !IsCallOf(statement, types, All)).Skip(1).ToArray();
            var registered =
                late.Any(statement => statement.DescendantsAndSelf()
                    .Any(inner => inner is IInvocationOperation { TargetMethod: var method } && types.IsOfModule(method)
                        && method.Name != All && Registrations.Contains(method.Name)));
            if (registered)
                continue;
            foreach (var assignment in late.SelectMany(statement => statement.DescendantsAndSelf()).OfType<ISimpleAssignmentOperation>())
                if (assignment.Target is IMemberReferenceOperation { Instance: IInstanceReferenceOperation,
                    Member: IFieldSymbol or IPropertySymbol } target && types.IsState(target.Type))
                    context.ReportDiagnostic(Diagnostic.Create(Rules.AssignedLate, assignment.Syntax.GetLocation(), target.Member.Name));
        }
    }

    private static bool IsCallOf(IOperation statement, KnownTypes types, string name)
        => statement is IExpressionStatementOperation { Operation: IInvocationOperation { TargetMethod: var method } }
            && types.IsOfModule(method) && method.Name == name;
}

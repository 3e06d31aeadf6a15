using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace TorchSharp.Fx.Analyzers;

/// <summary>Reports code in a module's <c>forward</c> that the tracer would refuse, as far as the method alone shows it.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class ForwardAnalyzer : DiagnosticAnalyzer
{
    private const string LeafAttribute = "FxLeafAttribute";

    private static readonly HashSet<string> Readers = ["data", "bytes", "tolist"];

    private static readonly HashSet<string> Changers =
        ["register_buffer", "register_parameter", "register_module", "add_module", "RegisterComponents"];

    /// <inheritdoc/>
    public override ImmutableArray<DiagnosticDescriptor> SupportedDiagnostics { get; } =
    [
        Rules.BranchOnSize, Rules.NeedsValue, Rules.NativeCode, Rules.ReadsTensor, Rules.StaticModule, Rules.Concurrency,
        Rules.ChangesModel, Rules.ArrayIndex,
        Rules.InputType, Rules.BranchOnContent,
    ];

    /// <inheritdoc/>
    public override void Initialize(AnalysisContext context)
    {
        context.ConfigureGeneratedCodeAnalysis(GeneratedCodeAnalysisFlags.None);
        context.EnableConcurrentExecution();
        context.RegisterCompilationStartAction(start =>
        {
            if (KnownTypes.Of(start.Compilation) is { } types)
                start.RegisterOperationBlockAction(block => Analyze(block, types));
        });
    }

    private static void Analyze(OperationBlockAnalysisContext context, KnownTypes types)
    {
        if (context.OwningSymbol is not IMethodSymbol { Name: "forward", IsStatic: false } method || !types.IsModule(method.ContainingType)
            || IsLeaf(method.ContainingType) || IsLeaf(method))
            return;
        foreach (var text in method.Parameters.Where(parameter =>
            parameter is { Type.SpecialType: SpecialType.System_String, HasExplicitDefaultValue: false }))
            context.ReportDiagnostic(Diagnostic.Create(Rules.InputType, text.Locations[0], text.Name));
        foreach (var block in context.OperationBlocks)
        {
            var flow = new InputFlow(types, method, block);
            foreach (var operation in block.DescendantsAndSelf())
                if (Find(operation, flow, types) is { } diagnostic)
                    context.ReportDiagnostic(diagnostic);
        }
    }

    private static bool IsLeaf(ISymbol symbol) => symbol.GetAttributes().Any(attribute => attribute.AttributeClass?.Name == LeafAttribute);

    private static Diagnostic? Find(IOperation operation, InputFlow flow, KnownTypes types) => operation switch
    {
        IConditionalOperation { Condition: var condition } branch when !OneWayThrows(branch) => Branch(condition, flow),
        ILoopOperation loop => Branch(Condition(loop), flow),
        ISwitchOperation choice => Branch(choice.Value, flow),
        ISwitchExpressionOperation choice
            when !choice.Arms.All(arm => arm.Value is IThrowOperation || arm.Pattern is IDiscardPatternOperation) =>
                Branch(choice.Value, flow),
        IAwaitOperation => At(Rules.Concurrency, operation, "await"),
        IObjectCreationOperation { Type: { Name: "Thread" } type }
            when type.ContainingNamespace.ToDisplayString() == "System.Threading" => At(Rules.Concurrency, operation, "Thread"),
        IArrayElementReferenceOperation element when flow.Of(element.ArrayReference) == Dependence.None
            && element.Indices.Any(index => IsNumber(index, flow))
            => At(Rules.ArrayIndex, operation, element.ArrayReference.Syntax),
        IPropertyReferenceOperation { Property: { Name: "bytes" } property, Instance: { } instance } when types.IsOfTorchSharp(property)
            && flow.Of(instance).HasFlag(Dependence.Tensor)
            => At(Rules.ReadsTensor, operation, property.Name),
        IInvocationOperation call => OfCall(call, flow, types),
        _ => null,
    };

    private static Diagnostic? OfCall(IInvocationOperation call, InputFlow flow, KnownTypes types)
    {
        var (method, depends) =
            (call.TargetMethod, call.Arguments.Aggregate(flow.Of(call.Instance), (all, argument) => all | flow.Of(argument.Value)));
        if (types.IsOfModule(method) && Changers.Contains(method.Name) && call.Instance is IInstanceReferenceOperation)
            return At(Rules.ChangesModel, call, method.Name);
        if (IsConcurrent(method))
            return At(Rules.Concurrency, call, $"{method.ContainingType.Name}.{method.Name}");
        if (method.Name is "call" or "forward" && call.Instance is IFieldReferenceOperation { Field: { IsStatic: true } field }
            && types.IsModule(field.Type))
            return At(Rules.StaticModule, call.Instance, field.Name);
        if (depends == Dependence.None)
            return null;
        if (method.IsExtern)
            return At(Rules.NativeCode, call, method.Name);
        if (types.IsOfTorchSharp(method) && Readers.Contains(method.Name) && types.IsTensor(call.Instance?.Type)
            && flow.Of(call.Instance).HasFlag(Dependence.Tensor))
            return At(Rules.ReadsTensor, call, method.Name);
        return method is { Name: "Range" or "Repeat", ContainingType.Name: "Enumerable" }
            && call.Arguments.Any(argument => argument.Parameter?.Name == "count" && IsNumber(argument.Value, flow)) && !IsLoop(call)
            ? At(Rules.NeedsValue, call, $"Enumerable.{method.Name}")
            : null;
    }

    /// <summary>
    /// <c>Range(0, n).Select(…)</c> is a loop that collects, of which a graph has the turn, where another call takes at once what it gives.
    /// </summary>
    private static bool IsLoop(IInvocationOperation call)
        => call.TargetMethod.Name == "Range" && Taker(call) is { TargetMethod: { Name: "Select", ContainingType.Name: "Enumerable" } } select
            && Taker(select) is { TargetMethod: var taker }
            && (taker.ContainingType.Name != "Enumerable" || taker.Name is "ToArray" or "ToList");

    /// <summary>The call that an operation's value is an argument of.</summary>
    private static IInvocationOperation? Taker(IOperation operation)
    {
        var around = operation.Parent;
        while (around is IConversionOperation or IArgumentOperation)
            around = around.Parent;
        return around as IInvocationOperation;
    }

    private static bool IsConcurrent(IMethodSymbol method) => method.ContainingType?.ToDisplayString() switch
    {
        "System.Threading.Tasks.Task" or "System.Threading.Tasks.TaskFactory" => method.Name is "Run" or "StartNew",
        "System.Threading.Tasks.Parallel" or "System.Threading.ThreadPool" => true,
        _ => false,
    };

    private static bool IsNumber(IOperation operation, InputFlow flow)
        => (flow.Of(operation) & (Dependence.Size | Dependence.Content)) != 0;

    private static IOperation? Condition(ILoopOperation loop) => loop switch
    {
        IForLoopOperation @for => @for.Condition,
        IWhileLoopOperation @while => @while.Condition,
        // How many sizes there are depends on an input, too.
        IForEachLoopOperation @foreach => @foreach.Collection,
        _ => null,
    };

    private static Diagnostic? Branch(IOperation? condition, InputFlow flow) => flow.Of(condition) switch
    {
        var depends when depends.HasFlag(Dependence.Content) => At(Rules.BranchOnContent, condition!, condition!.Syntax),
        var depends when depends.HasFlag(Dependence.Size) => At(Rules.BranchOnSize, condition!, condition!.Syntax),
        _ => null,
    };

    /// <summary>A check of the input: the trace goes on where it holds, and the graph asserts it.</summary>
    private static bool OneWayThrows(IConditionalOperation branch) => Throws(branch.WhenTrue) || Throws(branch.WhenFalse);

    private static bool Throws(IOperation? way) => way switch
    {
        IThrowOperation => true,
        IExpressionStatementOperation statement => Throws(statement.Operation),
        IConversionOperation conversion => Throws(conversion.Operand),
        IBlockOperation block => Throws(block.Operations.LastOrDefault()),
        _ => false,
    };

    private static Diagnostic At(DiagnosticDescriptor rule, IOperation operation, object what)
        => Diagnostic.Create(rule, operation.Syntax.GetLocation(), what.ToString());
}

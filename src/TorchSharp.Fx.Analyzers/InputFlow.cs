using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace TorchSharp.Fx.Analyzers;

/// <summary>How a value depends on an input of <c>forward</c>.</summary>
[Flags]
internal enum Dependence
{
    /// <summary>Not at all: it is the same for all inputs.</summary>
    None = 0,

    /// <summary>It is an input, or was computed from its elements as tensors are.</summary>
    Tensor = 1,

    /// <summary>It is a number that follows from the sizes of an input.</summary>
    Size = 2,

    /// <summary>It is a number that was read out of a tensor.</summary>
    Content = 4,
}

/// <summary>
/// Tells of each expression in a method whether it depends on an input. It errs on the side of no: what comes through fields, other
/// methods' results of other types, or any other way that is not seen in the method itself counts as independent.
/// </summary>
internal sealed class InputFlow
{
    private static readonly HashSet<string> Sizes = ["shape", "size", "dim", "ndim", "Dimensions", "numel", "NumberOfElements"];

    private readonly KnownTypes types;
    private readonly Dictionary<ISymbol, Dependence> known = new(SymbolEqualityComparer.Default);

    internal InputFlow(KnownTypes types, IMethodSymbol method, IOperation body)
    {
        this.types = types;
        foreach (var parameter in method.Parameters.Where(parameter => types.HoldsTensors(parameter.Type)))
            known[parameter] = Dependence.Tensor;
        var assignments = body.DescendantsAndSelf().SelectMany(Assignments).ToArray();
        // What is assigned may be read before it, in a loop: so again until nothing new comes.
        for (var grows = true; grows;)
        {
            grows = false;
            foreach (var (target, value) in assignments)
                grows |= Add(target, Of(value));
        }
    }

    internal Dependence Of(IOperation? operation) => operation switch
    {
        null => Dependence.None,
        IParameterReferenceOperation parameter => Known(parameter.Parameter),
        ILocalReferenceOperation local => Known(local.Local),
        IAnonymousFunctionOperation or INameOfOperation or ITypeOfOperation => Dependence.None,
        IInvocationOperation call => OfMember(call.TargetMethod, call.Type, Inputs(call)),
        IPropertyReferenceOperation { Property.IsIndexer: false } property =>
            OfMember(property.Property, property.Type, Of(property.Instance)),
        IConversionOperation { OperatorMethod: { } conversion } cast => OfMember(conversion, cast.Type, Of(cast.Operand)),
        IBinaryOperation binary when IsNull(binary.LeftOperand) || IsNull(binary.RightOperand) => Dependence.None,
        // A cache that is still empty: what comes after is not looked at, and the field is filled while tracing.
        IBinaryOperation { OperatorKind: BinaryOperatorKind.ConditionalOr,
            LeftOperand: IIsPatternOperation { Pattern: IConstantPatternOperation { Value: var first } } }
                when IsNull(first) => Dependence.None,
        // A tensor is never null while tracing, and what class it has is known.
        IIsPatternOperation pattern when types.HoldsTensors(pattern.Value.Type) => Dependence.None,
        _ => Fitting(operation.Type, operation.ChildOperations.Aggregate(Dependence.None, (all, child) => all | Of(child))),
    };

    /// <summary>
    /// A call or property on tensors gives tensors, sizes or content, or something that does not depend on an input as far as it is known.
    /// </summary>
    private Dependence OfMember(ISymbol member, ITypeSymbol? type, Dependence inputs)
    {
        if (inputs == Dependence.None || type is null)
            return Dependence.None;
        if (types.HoldsTensors(type))
            return Dependence.Tensor;
        var sizes = inputs & (Dependence.Size | Dependence.Content);
        if ((inputs & Dependence.Tensor) == 0)
            return sizes;
        return sizes | (!types.IsOfTorchSharp(member) ? Dependence.None
            : Sizes.Contains(member.Name) ? Dependence.Size
            : IsRead(member) ? Dependence.Content : Dependence.None);
    }

    /// <summary><c>item&lt;T>()</c>, <c>ToSingle()</c> and the casts to numbers.</summary>
    private static bool IsRead(ISymbol member)
        => member.Name is "item" or "op_Explicit"
            || member is IMethodSymbol { ContainingType.Name: "TensorExtensionMethods" or "ScalarExtensionMethods" }
                && member.Name.StartsWith("To", StringComparison.Ordinal);

    private Dependence Inputs(IInvocationOperation call)
        => call.Arguments.Aggregate(Of(call.Instance), (all, argument) => all | Of(argument.Value));

    /// <summary>A tensor is no number: one that was made with a size is a tensor all the same.</summary>
    private Dependence Fitting(ITypeSymbol? type, Dependence dependence)
        => dependence == Dependence.None ? dependence : types.HoldsTensors(type) ? Dependence.Tensor : dependence;

    private Dependence Known(ISymbol symbol) => known.TryGetValue(symbol, out var dependence) ? dependence : Dependence.None;

    private bool Add(ISymbol symbol, Dependence dependence)
    {
        var before = Known(symbol);
        known[symbol] = before | dependence;
        return known[symbol] != before;
    }

    private static bool IsNull(IOperation operation)
        => operation is { ConstantValue: { HasValue: true, Value: null } }
            or IConversionOperation { Operand.ConstantValue: { HasValue: true, Value: null } };

    private static IEnumerable<(ISymbol Target, IOperation Value)> Assignments(IOperation operation) => operation switch
    {
        IVariableDeclaratorOperation declarator
            when (declarator.Initializer ?? (declarator.Parent as IVariableDeclarationOperation)?.Initializer) is { } initializer =>
                [(declarator.Symbol, initializer.Value)],
        IDeconstructionAssignmentOperation deconstruction => Targets(deconstruction.Target)
            .Select(target => (target, deconstruction.Value)),
        IAssignmentOperation assignment => Targets(assignment.Target).Select(target => (target, assignment.Value)),
        IForEachLoopOperation loop => loop.Locals.Select(local => ((ISymbol)local, loop.Collection)),
        _ => [],
    };

    private static IEnumerable<ISymbol> Targets(IOperation target) => target switch
    {
        ILocalReferenceOperation local => [local.Local],
        IParameterReferenceOperation parameter => [parameter.Parameter],
        ITupleOperation tuple => tuple.Elements.SelectMany(Targets),
        IDeclarationExpressionOperation declaration => Targets(declaration.Expression),
        _ => [],
    };
}

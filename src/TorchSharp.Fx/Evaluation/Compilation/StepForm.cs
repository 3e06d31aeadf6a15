using System.Collections.Concurrent;
using System.Linq.Expressions;
using System.Reflection;

namespace TorchSharp.Fx.Evaluation;

/// <summary>The code of a step: it computes a node's value and disposes what was needed for the last time.</summary>
/// <param name="values">The values of the run, by their places.</param>
/// <param name="owners">Who holds what, where the graph counts it.</param>
/// <param name="places">The places of the values that this step reads and writes.</param>
/// <param name="constants">What else it needs: modules, settings, numbers.</param>
internal delegate void StepCode(object?[] values, Owners? owners, int[] places, object?[] constants);

/// <summary>
/// What a step does, without saying to which values and with which constants: all steps of one form share their code, in all graphs of the
/// process. The JIT takes some hundred microseconds for each form, and a network of two hundred nodes has a dozen.
/// </summary>
internal sealed class StepForm : ExpressionVisitor, IEquatable<StepForm>
{
    private static readonly ConcurrentDictionary<StepForm, StepCode> Shared = new();

    private static readonly ParameterExpression Values = Expression.Parameter(typeof(object[]), "values");
    private static readonly ParameterExpression Places = Expression.Parameter(typeof(int[]), "places");
    private static readonly ParameterExpression Constants = Expression.Parameter(typeof(object[]), "constants");

    /// <summary>The parameter that expressions of steps refer to.</summary>
    internal static readonly ParameterExpression OwnersParameter = Expression.Parameter(typeof(Owners), "owners");

    private readonly IReadOnlyDictionary<ParameterExpression, int> variables;
    private readonly List<(int Number, object? Thing)> signature = [];
    private readonly Dictionary<ParameterExpression, int> locals = [];
    private readonly List<int> places = [];
    private readonly List<object?> constants = [];
    private readonly Expression body;
    private int lambdas;

    /// <param name="step">What the step does.</param>
    /// <param name="variables">The variables that are values of the graph, with their places.</param>
    internal StepForm(Expression step, IReadOnlyDictionary<ParameterExpression, int> variables)
    {
        this.variables = variables;
        body = Visit(step);
        (Reads, Needs) = ([.. places], [.. constants]);
    }

    /// <summary>The places of the values of this very step.</summary>
    internal int[] Reads { get; }

    /// <summary>The constants of this very step.</summary>
    internal object?[] Needs { get; }

    /// <summary>The code of the form.</summary>
    /// <param name="own">The forms of this graph that name a type which may be unloaded, and so are nobody else's.</param>
    internal StepCode Code(Dictionary<StepForm, StepCode> own)
    {
        if (Shared.TryGetValue(this, out var code) || own.TryGetValue(this, out code))
            return code;
        code = Expression.Lambda<StepCode>(body, Values, OwnersParameter, Places, Constants).Compile();
        if (signature.Exists(part => part.Thing is MemberInfo { IsCollectible: true }))
            own.Add(this, code);
        else
            code = Shared.GetOrAdd(new StepForm(this), code);
        return code;
    }

    /// <summary>A key that keeps nothing of a graph alive.</summary>
    private StepForm(StepForm form)
    {
        (variables, body, Reads, Needs) = (new Dictionary<ParameterExpression, int>(), Expression.Empty(), [], []);
        signature = form.signature;
    }

    public bool Equals(StepForm? other)
    {
        if (other is null || other.signature.Count != signature.Count)
            return false;
        for (var i = 0; i < signature.Count; i++)
            if (signature[i].Number != other.signature[i].Number || !Equals(signature[i].Thing, other.signature[i].Thing))
                return false;
        return true;
    }

    public override bool Equals(object? obj) => Equals(obj as StepForm);

    public override int GetHashCode()
    {
        var hash = new HashCode();
        foreach (var (number, thing) in signature)
        {
            hash.Add(number);
            hash.Add(thing);
        }
        return hash.ToHashCode();
    }

    public override Expression Visit(Expression? node)
    {
        Note(node is null ? -1 : (int)node.NodeType, node?.Type);
        return node is TryExpression or SwitchExpression or LoopExpression or GotoExpression or LabelExpression or MemberInitExpression
            or DynamicExpression or RuntimeVariablesExpression
            ? throw new InvalidOperationException($"The form of a step doesn't say what a {node.NodeType} does.")
            : base.Visit(node)!;
    }

    protected override Expression VisitParameter(ParameterExpression node)
    {
        if (ReferenceEquals(node, OwnersParameter))
            return node;
        if (variables.TryGetValue(node, out var place))
            return Expression.Convert(Expression.ArrayIndex(Values, Place(place)), node.Type);
        if (!locals.TryGetValue(node, out var number))
            locals.Add(node, number = locals.Count);
        Note(number);
        return node;
    }

    protected override Expression VisitConstant(ConstantExpression node)
    {
        // Code inside of a lambda would have to capture the constants.
        if (node.Value is null || lambdas > 0)
        {
            Note(0, node.Value);
            return node;
        }
        constants.Add(node.Value);
        return Expression.Convert(Expression.ArrayIndex(Constants, Expression.Constant(constants.Count - 1)), node.Type);
    }

    protected override Expression VisitBinary(BinaryExpression node)
    {
        Note(0, node.Method);
        if (node.NodeType != ExpressionType.Assign || node.Left is not ParameterExpression variable
            || !variables.TryGetValue(variable, out var place))
            return base.VisitBinary(node);
        Note(1);
        var target = Expression.ArrayAccess(Values, Place(place));
        return Expression.Assign(target, Expression.Convert(Visit(node.Right), typeof(object)));
    }

    protected override Expression VisitUnary(UnaryExpression node) => Noted(0, node.Method, base.VisitUnary, node);

    protected override Expression VisitMethodCall(MethodCallExpression node) => Noted(0, node.Method, base.VisitMethodCall, node);

    protected override Expression VisitMember(MemberExpression node) => Noted(0, node.Member, base.VisitMember, node);

    protected override Expression VisitIndex(IndexExpression node) => Noted(node.Arguments.Count, node.Indexer, base.VisitIndex, node);

    protected override Expression VisitNew(NewExpression node) => Noted(0, node.Constructor, base.VisitNew, node);

    protected override Expression VisitTypeBinary(TypeBinaryExpression node) => Noted(0, node.TypeOperand, base.VisitTypeBinary, node);

    protected override Expression VisitNewArray(NewArrayExpression node) => Noted(node.Expressions.Count, null, base.VisitNewArray, node);

    protected override Expression VisitListInit(ListInitExpression node) => Noted(node.Initializers.Count, null, base.VisitListInit, node);

    protected override ElementInit VisitElementInit(ElementInit node)
    {
        Note(node.Arguments.Count, node.AddMethod);
        return base.VisitElementInit(node);
    }

    protected override Expression VisitBlock(BlockExpression node)
    {
        Note(node.Variables.Count);
        return Noted(node.Expressions.Count, null, base.VisitBlock, node);
    }

    protected override Expression VisitLambda<T>(Expression<T> node)
    {
        lambdas++;
        var visited = base.VisitLambda(node);
        lambdas--;
        return visited;
    }

    private Expression Noted<T>(int number, MemberInfo? member, Func<T, Expression> visit, T node)
    {
        Note(number, member);
        return visit(node);
    }

    private void Note(int number, object? thing = null) => signature.Add((number, thing));

    private BinaryExpression Place(int place)
    {
        places.Add(place);
        return Expression.ArrayIndex(Places, Expression.Constant(places.Count - 1));
    }
}

using System.Dynamic;
using System.Linq.Expressions;
using System.Reflection;
using CallSite = System.Runtime.CompilerServices.CallSite;

namespace TorchSharp.Fx.Tracing;

/// <summary>
/// <c>dynamic</c>: C# makes a call site of each such expression. Its binder tells by the types at hand which members it stands for, as an
/// expression tree, and that is followed.
/// </summary>
internal sealed partial class Interpreter
{
    /// <summary>Takes the call of a call site's delegate.</summary>
    internal static Value? HandleDynamic(in Invocation call)
        => call.This is Delegate && call.Method.Name == "Invoke" && call.Arguments is [_, { Reference: CallSite site }, .. var operands]
            ? call.Interpreter.Bound(site, operands, call.Traits)
            : null;

    private Value Bound(CallSite site, Value[] operands, Traits signature)
    {
        var types = signature.Parameters[1..].Select(parameter => parameter.ParameterType).ToArray();
        if (site.Binder is not DynamicMetaObjectBinder binder || Array.Exists(types, type => type.IsByRef) || operands.Length == 0)
            throw Untraceable.Dynamic(this, signature.ReturnType.Name);
        var parameters = Array.ConvertAll(types, Expression.Parameter);
        var samples =
            operands.Select((operand, i) => new DynamicMetaObject(parameters[i], BindingRestrictions.Empty, Sample(operand, types[i])!))
                .ToArray();
        var bound = binder.Bind(samples[0], samples[1..]);
        var variables = new Dictionary<ParameterExpression, Value>();
        for (var i = 0; i < operands.Length; i++)
            variables[parameters[i]] = operands[i];
        var result = Of(bound.Expression, variables);
        return signature.ReturnsVoid
            ? default : As(result, bound.Expression.Type == typeof(void) ? typeof(object) : bound.Expression.Type, signature.ReturnType);
    }

    /// <summary>An object of the type that the value has: the binder looks at nothing else.</summary>
    private object? Sample(Value value, Type type)
    {
        if (value.Reference is Proxy symbol)
            return symbol.type.IsValueType ? Activator.CreateInstance(symbol.type) : throw Untraceable.Dynamic(this, symbol.node.name);
        if (Symbols.TryGet(value.Reference, out var hollow) && value.Reference!.GetType() == typeof(object))
            throw Untraceable.Dynamic(this, hollow.node.name);
        return ToObject(value, type);
    }

    private Value Of(Expression expression, Dictionary<ParameterExpression, Value> variables) => expression switch
    {
        ParameterExpression variable => variables[variable],
        ConstantExpression constant => ToValue(constant.Value, constant.Type),
        DefaultExpression missing => missing.Type == typeof(void) ? default : missing.Type.IsValueType
            ? StructLayout.Zero(missing.Type) : Value.Null,
        UnaryExpression { NodeType: ExpressionType.Throw } thrown => throw Thrown(Of(thrown.Operand!, variables).Reference),
        UnaryExpression { Method: { } method } unary => Called(method, [Of(unary.Operand, variables)]),
        UnaryExpression { NodeType: ExpressionType.Convert or ExpressionType.ConvertChecked or ExpressionType.Unbox } cast
            => As(Of(cast.Operand, variables), cast.Operand.Type, cast.Type, cast.NodeType == ExpressionType.ConvertChecked),
        UnaryExpression { NodeType: ExpressionType.Negate } negation => Number(Op.Neg, Of(negation.Operand, variables)),
        UnaryExpression { NodeType: ExpressionType.Not or ExpressionType.OnesComplement } not =>
            NotOf(Of(not.Operand, variables), not.Type),
        MethodCallExpression called => Called(called.Method, All(called.Object, called.Arguments, variables)),
        MemberExpression { Member: PropertyInfo property } member => Called(property.GetMethod!, All(member.Expression, [], variables)),
        MemberExpression { Member: FieldInfo field } member => field.IsStatic
            ? LoadField(null, field) : LoadFieldOf(Of(member.Expression!, variables), field),
        IndexExpression { Indexer: { } indexer } item => Called(indexer.GetMethod!, All(item.Object, item.Arguments, variables)),
        IndexExpression { Arguments: [var index] } element => LoadElementOf(Of(element.Object!, variables), Of(index, variables)),
        NewExpression made => Construct(made.Constructor!, All(null, made.Arguments, variables)),
        NewArrayExpression { NodeType: ExpressionType.NewArrayInit } array => Filled(array, variables),
        BinaryExpression { NodeType: ExpressionType.Assign } assignment => Assigned(assignment, variables),
        BinaryExpression { NodeType: ExpressionType.ArrayIndex } element =>
            LoadElementOf(Of(element.Left, variables), Of(element.Right, variables)),
        BinaryExpression { Method: { } method } binary => Called(method, [Of(binary.Left, variables), Of(binary.Right, variables)]),
        BinaryExpression binary when OpOf(binary) is { } op => binary.Type == typeof(bool) && binary.Left.Type != typeof(bool)
            ? CompareValues(op, Of(binary.Left, variables), Of(binary.Right, variables))
            : Combine(op, Of(binary.Left, variables), Of(binary.Right, variables)),
        BlockExpression block => block.Expressions.Select(part => Of(part, variables)).ToArray()[^1],
        _ => throw Untraceable.Dynamic(this, expression.ToString()),
    };

    private Value[] All(Expression? receiver, IReadOnlyCollection<Expression> arguments, Dictionary<ParameterExpression, Value> variables)
    {
        var values = arguments.Select(argument => Of(argument, variables));
        if (receiver is null)
            return [.. values];
        var target = Of(receiver, variables);
        // Methods of structs take their address.
        return [receiver.Type.IsValueType ? Value.Of(new Address.Slot([target], 0, receiver.Type)) : target, .. values];
    }

    private Value Called(MethodInfo method, Value[] arguments) => Dispatch(Resolve(method, arguments, method.IsVirtual), arguments);

    /// <summary>A value as one of another type.</summary>
    private Value As(Value value, Type from, Type to, bool isChecked = false)
    {
        if (to == typeof(void))
            return default;
        if (from == to)
            return value;
        if (from.IsValueType && !to.IsValueType)
            return Box(value, from);
        if (!from.IsValueType)
            return to.IsValueType ? UnboxAny(value, to) : CastClass(value, to);
        if (!HoldsNumber(from) || !HoldsNumber(to))
            throw Untraceable.Dynamic(this, $"{from.Name} as {to.Name}");
        var number = to.IsEnum ? Enum.GetUnderlyingType(to) : to;
        return number == typeof(bool) || number == typeof(char)
            ? value : Convert(value, new Conversion(number, isChecked, IsUnsigned(from)));
    }

    private Value Number(Op op, Value value)
        => Known(value) is { IsSymbol: true } symbol
            ? Recorded(op == Op.Neg ? Builtin.neg : Builtin.invert, symbol.Symbol.type, false, symbol) : Unary(op, Known(value));

    private Value NotOf(Value value, Type type) => type == typeof(bool) ? CompareValues(Op.Ceq, value, Value.Of(0)) : Number(Op.Not, value);

    private Value CompareValues(Op op, Value left, Value right)
    {
        (left, right) = (Known(left), Known(right));
        var negated = op is Op.BneUn or Op.Bge or Op.Ble;
        op = op switch { Op.BneUn => Op.Ceq, Op.Bge => Op.Clt, Op.Ble => Op.Cgt, _ => op };
        var answer = left.IsSymbol || right.IsSymbol ? SymbolicComparison(op, left, right) : Value.Of(Holds(op, left, right));
        return !negated ? answer : answer.IsSymbol ? SymbolicComparison(Op.Ceq, answer, Value.Of(0)) : Value.Of(answer.Int32 == 0);
    }

    private Value Filled(NewArrayExpression array, Dictionary<ParameterExpression, Value> variables)
    {
        var made = Array.CreateInstance(array.Type.GetElementType()!, array.Expressions.Count);
        Overlay.Own(made);
        for (var i = 0; i < made.Length; i++)
            StoreElement(made, i, Of(array.Expressions[i], variables));
        return Value.OfObject(made);
    }

    private Value Assigned(BinaryExpression assignment, Dictionary<ParameterExpression, Value> variables)
    {
        var value = Of(assignment.Right, variables);
        switch (assignment.Left)
        {
            case ParameterExpression variable: variables[variable] = value; break;
            case MemberExpression { Member: PropertyInfo { SetMethod: { } setter } } member: Called(setter,
                [.. All(member.Expression, [], variables), value]); break;
            case MemberExpression { Member: FieldInfo field, Expression: { } owner }: StoreFieldOf(Of(owner, variables), field,
                value); break;
            case IndexExpression { Indexer.SetMethod: { } setter } item: Called(setter,
                [.. All(item.Object, item.Arguments, variables), value]); break;
            case IndexExpression { Arguments: [var index] } element: StoreElementOf(Of(element.Object!, variables), Of(index, variables),
                value); break;
            default: throw Untraceable.Dynamic(this, assignment.ToString());
        }
        return value;
    }

    private static Op? OpOf(BinaryExpression binary)
    {
        var (isUnsigned, isFloating) = (IsUnsigned(binary.Left.Type), IsFloating(binary.Left.Type));
        return binary.NodeType switch
        {
            ExpressionType.Add => Op.Add,
            ExpressionType.AddChecked => isUnsigned ? Op.AddOvfUn : Op.AddOvf,
            ExpressionType.Subtract => Op.Sub,
            ExpressionType.SubtractChecked => isUnsigned ? Op.SubOvfUn : Op.SubOvf,
            ExpressionType.Multiply => Op.Mul,
            ExpressionType.MultiplyChecked => isUnsigned ? Op.MulOvfUn : Op.MulOvf,
            ExpressionType.Divide => isUnsigned ? Op.DivUn : Op.Div,
            ExpressionType.Modulo => isUnsigned ? Op.RemUn : Op.Rem,
            ExpressionType.And => Op.And,
            ExpressionType.Or => Op.Or,
            ExpressionType.ExclusiveOr => Op.Xor,
            ExpressionType.LeftShift => Op.Shl,
            ExpressionType.RightShift => isUnsigned ? Op.ShrUn : Op.Shr,
            ExpressionType.Equal => Op.Ceq,
            ExpressionType.NotEqual => Op.BneUn,
            ExpressionType.LessThan when !isUnsigned => Op.Clt,
            ExpressionType.GreaterThan when !isUnsigned => Op.Cgt,
            // With NaN neither of two orders holds.
            ExpressionType.LessThanOrEqual when !isUnsigned && !isFloating => Op.Ble,
            ExpressionType.GreaterThanOrEqual when !isUnsigned && !isFloating => Op.Bge,
            _ => null,
        };
    }
}

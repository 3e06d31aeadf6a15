using System.Linq.Expressions;
using System.Reflection;

namespace TorchSharp.Fx.Evaluation;

/// <summary>A node as the expression that computes it: the very overload its target names is called directly.</summary>
/// <param name="modules">The hierarchy whose modules and tensors the graph names.</param>
/// <param name="valueOf">The variable that holds a node's value.</param>
internal sealed class NodeEmitter(ModuleHierarchy modules, Func<Node, Expression> valueOf)
{
    /// <summary>The expression, and the native objects made for its arguments, to be disposed afterwards.</summary>
    internal (Expression Value, List<ParameterExpression> Temporaries) Emit(Node node)
    {
        var arguments = new ArgumentEmitter(valueOf, node.target.Callee?.Method.DeclaringType?.Assembly == TensorTypes.TorchSharp);
        return (Emit(node, arguments), arguments.Temporaries);
    }

    private Expression Emit(Node node, ArgumentEmitter arguments) => node.target switch
    {
        AttributeTarget target => Expression.Convert(Expression.Invoke(Expression.Constant(modules.Attribute(target.Path))), node.type),
        ModuleTarget target => Call(node, arguments, target.Method,
            Expression.Constant(modules.Module(target.Path), target.Method.DeclaringType!), 0),
        MemberTarget { Member: FieldInfo field } => Expression.Field(arguments.Emit(node.args[0], field.DeclaringType!), field),
        BuiltinTarget target => Builtin(target, node, arguments),
        StateTarget { IsWritten: false } read =>
            ValueConversion.Emit(
                Expression.Call(typeof(KeptState), nameof(KeptState.Read), null, Expression.Constant(modules),
                    Expression.Constant(read.Path)), node.type),
        StateTarget put =>
            Expression.Call(typeof(KeptState), nameof(KeptState.Write), null, Expression.Constant(modules),
                Expression.Convert(arguments.Natural(node.args[0]), typeof(object)),
            Expression.Constant(put), Expression.Convert(arguments.Emit(node.args[1], put.Type), typeof(object))),
        MapTarget map =>
            Expression.Call(Expression.Constant(new MapProgram(map, modules, node.type)), nameof(MapProgram.Run), null,
                arguments.Emit(node.args[0], typeof(long)),
            Expression.NewArrayInit(typeof(object),
                map.Operands.Select((operand, i) => Expression.Convert(arguments.Emit(node.args[i + 1], operand.type), typeof(object))))),
        FunctionTarget { Method: ConstructorInfo constructor } => Expression.New(constructor, Arguments(node, arguments, constructor, 0)),
        _ => CallMethod(node, arguments, node.target.Callee!.Value),
    };

    private static MethodCallExpression CallMethod(Node node, ArgumentEmitter arguments, Callee callee)
        => Call(node, arguments, (MethodInfo)callee.Method,
            callee.Method.IsStatic ? null : arguments.Emit(node.args[0], callee.Method.DeclaringType!), callee.Receivers);

    private static MethodCallExpression Call(Node node, ArgumentEmitter arguments, MethodInfo method, Expression? receiver, int skipped)
        => Expression.Call(receiver, method, Arguments(node, arguments, method, skipped));

    private static Expression[] Arguments(Node node, ArgumentEmitter arguments, MethodBase method, int skipped)
        => [.. ParameterTypes.Arguments(method, node.args[skipped..], node)
            .Select(pair => Checked(method, arguments.Emit(pair.Argument, pair.Type)))];

    private static Expression Checked(MethodBase method, Expression argument)
        => Structures.Indexes(method) && (TensorTypes.IsTensor(argument.Type) || argument.Type == typeof(torch.Tensor[]))
        ? Expression.Call(typeof(Structures), nameof(Structures.Indexing), [argument.Type], argument)
        : argument;

    private static Expression Builtin(BuiltinTarget target, Node node, ArgumentEmitter arguments) => target.Operation switch
    {
        Fx.Builtin.getitem when node.args[1] is SliceArgument slice => Slice(arguments.Natural(node.args[0]), slice, arguments),
        Fx.Builtin.getitem => Item(arguments.Natural(node.args[0]), node.args[1], arguments),
        Fx.Builtin.len => Length(arguments.Natural(node.args[0])),
        Fx.Builtin._assert =>
            Expression.Call(typeof(Structures), nameof(Structures.Assert), null, arguments.Emit(node.args[0], typeof(bool)),
                arguments.Emit(node.args[1], typeof(string))),
        _ => ArithmeticEmitter.Emit(target, arguments.Natural(node.args[0]), node.args.Length > 1 ? arguments.Natural(node.args[1]) : null),
    };

    private static MethodCallExpression Slice(Expression sequence, SliceArgument slice, ArgumentEmitter arguments)
    {
        var element = ValueConversion.ElementOf(sequence.Type)!;
        return Expression.Call(typeof(Structures), nameof(Structures.Slice), [element],
            ValueConversion.Emit(sequence, element.MakeArrayType()), arguments.Bound(slice.Start), arguments.Bound(slice.Stop),
            arguments.Bound(slice.Step));
    }

    private static Expression Item(Expression sequence, Argument index, ArgumentEmitter arguments)
    {
        if (index is Literal { Value: int and < 0 and var fromEnd })
            return Expression.Call(typeof(Structures), nameof(Structures.FromEnd), null, Expression.Convert(sequence, typeof(object)),
                Expression.Constant(fromEnd));
        if (sequence.Type.IsArray)
            return Expression.ArrayIndex(sequence, arguments.Emit(index, typeof(int)));
        if (typeof(System.Runtime.CompilerServices.ITuple).IsAssignableFrom(sequence.Type) && index is Literal { Value: int position })
            return TupleItem(sequence, position);
        if (sequence.Type.GetProperty("Item") is { } indexer)
            return Expression.Property(sequence, indexer, arguments.Emit(index, indexer.GetIndexParameters()[0].ParameterType));
        return Expression.Call(typeof(Structures), nameof(Structures.Item), null, Expression.Convert(sequence, typeof(object)),
            arguments.Emit(index, typeof(object)));
    }

    private static MemberExpression TupleItem(Expression tuple, int position)
        => position < 7
            ? Expression.PropertyOrField(tuple, $"Item{position + 1}") : TupleItem(Expression.PropertyOrField(tuple, "Rest"), position - 7);

    private static Expression Length(Expression sequence) => sequence.Type.IsArray
        ? Expression.ArrayLength(sequence)
        : Expression.Call(typeof(Structures), nameof(Structures.Length), null, Expression.Convert(sequence, typeof(object)));
}

using static TorchSharp.torch;

namespace TorchSharp.Fx;

#pragma warning disable CA2225 // An operator with a named method beside it would be one more way to say the same.

/// <summary>The operators of tensors. Each adds the same node as a trace of the expression.</summary>
public partial class Proxy
{
    /// <summary>Makes an argument of the proxy's value.</summary>
    public static implicit operator Argument(Proxy proxy) => proxy?.Argument ?? throw new ArgumentNullException(nameof(proxy));

    /// <summary><c>a + b</c></summary>
    public static Proxy operator +(Proxy left, Proxy right) => Binary("op_Addition", left, right);

    /// <inheritdoc cref="op_Addition(Proxy, Proxy)"/>
    public static Proxy operator +(Proxy left, Argument right) => Binary("op_Addition", left, right);

    /// <inheritdoc cref="op_Addition(Proxy, Proxy)"/>
    public static Proxy operator +(Argument left, Proxy right) => Binary("op_Addition", left, right);

    /// <summary><c>a - b</c></summary>
    public static Proxy operator -(Proxy left, Proxy right) => Binary("op_Subtraction", left, right);

    /// <inheritdoc cref="op_Subtraction(Proxy, Proxy)"/>
    public static Proxy operator -(Proxy left, Argument right) => Binary("op_Subtraction", left, right);

    /// <inheritdoc cref="op_Subtraction(Proxy, Proxy)"/>
    public static Proxy operator -(Argument left, Proxy right) => Binary("op_Subtraction", left, right);

    /// <summary><c>a * b</c></summary>
    public static Proxy operator *(Proxy left, Proxy right) => Binary("op_Multiply", left, right);

    /// <inheritdoc cref="op_Multiply(Proxy, Proxy)"/>
    public static Proxy operator *(Proxy left, Argument right) => Binary("op_Multiply", left, right);

    /// <inheritdoc cref="op_Multiply(Proxy, Proxy)"/>
    public static Proxy operator *(Argument left, Proxy right) => Binary("op_Multiply", left, right);

    /// <summary><c>a / b</c></summary>
    public static Proxy operator /(Proxy left, Proxy right) => Binary("op_Division", left, right);

    /// <inheritdoc cref="op_Division(Proxy, Proxy)"/>
    public static Proxy operator /(Proxy left, Argument right) => Binary("op_Division", left, right);

    /// <inheritdoc cref="op_Division(Proxy, Proxy)"/>
    public static Proxy operator /(Argument left, Proxy right) => Binary("op_Division", left, right);

    /// <summary><c>-a</c></summary>
    public static Proxy operator -(Proxy operand) => new(Add("op_UnaryNegation", [typeof(Tensor)], operand));

    /// <summary><c>a[1, .., ^1]</c></summary>
    public Proxy this[params TensorIndex[] indices] => apply(tensor => tensor[indices]);

    /// <summary>
    /// Any other tensor operation: <c>x.apply(t => t.flatten(1).softmax(-1))</c> traces the function and adds its nodes; see
    /// <see cref="Inlining"/>.
    /// </summary>
    public Proxy apply(Func<Tensor, Tensor> function) => new(node.graph.inline(function, Argument));

    private static Proxy Binary(string name, Argument left, Argument right)
    {
        ArgumentNullException.ThrowIfNull(left);
        ArgumentNullException.ThrowIfNull(right);
        Type[] operands = [OperandType(left), OperandType(right)];
        return operands.Contains(typeof(Tensor))
            ? new(Add(name, operands, left, right))
            : throw new InvalidOperationException(
                $"The operators of a proxy are those of tensors, but neither {left} nor {right} is one. Add a function of numbers with "
                    + "graph.inline((long n) => …, …).");
    }

    private static Node Add(string name, Type[] operands, params Argument[] args)
        => args.SelectMany(argument => argument.nodes()).First().graph.call_function(typeof(Tensor).GetMethod(name, operands)!, [.. args]);

    /// <summary>TorchSharp's operators take tensors and, for numbers of all types, a Scalar.</summary>
    private static Type OperandType(Argument operand) => operand switch
    {
        NodeArgument { Node.type: var type } when typeof(Tensor).IsAssignableFrom(type) => typeof(Tensor),
        NodeArgument { Node.type.IsPrimitive: true } or ConvertArgument
            or Literal { Value: int or long or float or double } => typeof(Scalar),
        _ => throw new InvalidOperationException($"An operator can't take {operand}: it is neither a tensor nor a number."),
    };
}

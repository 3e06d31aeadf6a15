using System.Collections.Immutable;
using System.Reflection;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx.Importing;

/// <summary>Adds nodes to a graph: what a C# function of tensors does, arithmetic on sizes, constants, and calls of layers.</summary>
/// <param name="graph">The graph.</param>
/// <param name="constant">Makes the node of a constant.</param>
/// <param name="content">Where layers go; null where the graph is only to be evaluated once.</param>
internal sealed class GraphWriter(Graph graph, Func<Weight, Node> constant, Content? content)
{
    private static readonly PropertyInfo ShapeOf = typeof(torch.Tensor).GetProperty(nameof(torch.Tensor.shape))!;

    private readonly Dictionary<Weight, Node> constants = [];
    private readonly Dictionary<Node, Node> shapes = [];
    private readonly Dictionary<(Node, int), Node> sizes = [];

    internal Graph Graph => graph;

    /// <summary>Whether layers can be modules.</summary>
    internal bool HasModules => content is not null;

    /// <summary>Adds what a function does: operations of TorchSharp on its parameters, which stand for the arguments.</summary>
    internal Argument Write(Delegate function, params ReadOnlySpan<Argument> args) => Inlining.Write(graph, function, [.. args]);

    /// <summary>Calls a layer of the path's name.</summary>
    internal Node Call(string path, nn.Module module, params ImmutableArray<Argument> args) =>
        graph.call_module(content!.Add(path, module), args);

    /// <summary>The value as a tensor.</summary>
    internal Argument Tensor(Value value) => value switch
    {
        TensorValue { Node: var node } => node,
        ConstantValue { Weight: var weight } => constants.TryGetValue(weight, out var known) ? known : constants[weight] = constant(weight),
        NumbersValue { Dims: { Length: > 1 } dims, Items: var items, Type: var type } =>
            Write(Reshape([.. dims]), Tensor(new NumbersValue(items, [items.Length], type))),
        NumbersValue { Dims: [], Items: [var only], Type: var type } =>
            Write(IsFloat(type) ? (double number) => tensor(number, type) : (long number) => tensor(number, type), only),
        NumbersValue { Items: var items, Type: var type } when IsFloat(type) =>
            Write((double[] numbers) => tensor(numbers, type), new ListArgument(items, typeof(double))),
        NumbersValue { Items: var items, Type: var type } =>
            Write((long[] numbers) => tensor(numbers, type), new ListArgument(items, typeof(long))),
        SequenceValue or ListValue => throw new NotSupportedException("it takes a tensor, and is given a list of tensors"),
        _ => throw new InvalidOperationException($"A {value.GetType().Name} is no tensor."),
    };

    /// <summary>The size of a tensor along a dimension, which counts from the end where it is negative and the rank is known.</summary>
    internal Argument Size(Value value, int axis)
    {
        if (value.Shape is { } shape && axis < 0)
            axis += shape.Length;
        if (value is ConstantValue { Weight: var weight })
            return weight.Shape[axis];
        if (value is NumbersValue { Dims: var dims })
            return dims[axis];
        var node = ((NodeArgument)Tensor(value)).Node;
        if (sizes.TryGetValue((node, axis), out var known))
            return known;
        if (!shapes.TryGetValue(node, out var whole))
            whole = shapes[node] = graph.create_node(Opcode.call_function, new MemberTarget(ShapeOf), [node], typeof(long[]));
        return sizes[(node, axis)] = graph.create_node(Opcode.call_function, new BuiltinTarget(Builtin.getitem, typeof(long[])),
            [whole, axis], typeof(long));
    }

    /// <summary>Arithmetic on two numbers, done now where both are known.</summary>
    internal Argument Compute(Builtin operation, Type type, Argument left, Argument right)
    {
        var target = new BuiltinTarget(operation, type);
        if (left is Literal { Value: { } a } && right is Literal { Value: { } b })
            return new Literal(Arithmetic.Evaluate(target, a, b));
        return (operation, left, right) switch
        {
            (Builtin.add, Literal { Value: 0L }, _) or (Builtin.mul, Literal { Value: 1L }, _) => right,
            (Builtin.add or Builtin.sub, _, Literal { Value: 0L }) or (Builtin.mul or Builtin.floordiv, _, Literal { Value: 1L }) => left,
            _ => graph.create_node(Opcode.call_function, target, [left, right], operation >= Builtin.eq && operation <= Builtin.ge
                ? typeof(bool) : type),
        };
    }

    /// <summary>Whether a number can't be negative: a size, or made of sizes without subtraction.</summary>
    internal static bool IsSize(Argument number) => number switch
    {
        Literal { Value: long known } => known >= 0,
        NodeArgument { Node: { target: BuiltinTarget { Operation: Builtin.getitem } target } } => target.Type == typeof(long[]),
        NodeArgument { Node: { target: BuiltinTarget { Operation: Builtin.add or Builtin.mul or Builtin.floordiv
            or Builtin.mod } } node } => node.args.All(IsSize),
        _ => false,
    };

    private static Delegate Reshape(long[] to) => (torch.Tensor flat) => flat.reshape(to);

    internal static bool IsFloat(ScalarType type) =>
        type is ScalarType.Float32 or ScalarType.Float64 or ScalarType.Float16 or ScalarType.BFloat16;
}

using System.Globalization;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx;

/// <summary>
/// The numbers that a graph computes with: those that all runs agree on are constants, and nothing is left of how they came about; those
/// that depend on a free size, or on what a tensor holds, are computed by the model as C# computes them.
/// </summary>
internal sealed class Numbers(Scope scope)
{
    private readonly Dictionary<Node, (string Name, ScalarType Type)> computed = [];
    private readonly Dictionary<Node, bool> isFixed = [];

    /// <summary>Whether an argument is the same whatever the free sizes and the data.</summary>
    internal bool IsFixed(Argument argument) => argument.nodes().All(IsFixed);

    /// <summary>A whole number.</summary>
    internal Size Size(Argument argument)
        => IsFixed(argument)
            ? new(Convert.ToInt64(Known(argument), CultureInfo.InvariantCulture)) : new(0, Value(argument, ScalarType.Int64));

    /// <summary>All whole numbers of a list, or of one number.</summary>
    internal IEnumerable<Size> Sizes(Argument argument) => argument switch
    {
        ListArgument or TupleArgument or SpreadArgument => Parts(argument).SelectMany(Sizes),
        NodeArgument { Node: var node }
            when scope.Run.Values[node] is object?[] elements => Enumerable.Range(0, elements.Length).Select(i => Element(argument, i)),
        Literal { Value: null } => [],
        Literal { Value: Array array } => array.Cast<object>()
            .Select(number => new Size(Convert.ToInt64(number, CultureInfo.InvariantCulture))),
        _ => [Size(argument)],
    };

    /// <summary>A value of one element.</summary>
    internal string Value(Argument argument, ScalarType type)
    {
        var (name, natural) = Compute(argument);
        return scope.Graph.Cast(name, natural, type);
    }

    private bool IsFixed(Node node)
    {
        if (!isFixed.TryGetValue(node, out var known))
            isFixed[node] = known = !scope.Run.Flow.IsData(node)
                && scope.Runs.All(run => Scope.Same(scope.Run.Values[node], run.Values[node]))
                && (!IsArithmetic(node) || node.args.All(IsFixed));
        return known;
    }

    /// <summary>Halves of 2 and 3 are the same number, which yet depends on the size.</summary>
    private static bool IsArithmetic(Node node)
        => !IsNullTest(node)
            && node.target is BuiltinTarget { Operation: not (Builtin.getitem or Builtin.len) }
                or FunctionTarget { Method.DeclaringType.Namespace: nameof(System) };

    /// <summary>Whether something is there doesn't depend on its size.</summary>
    internal static bool IsNullTest(Node node)
        => node.target is BuiltinTarget { Operation: Builtin.eq or Builtin.ne }
            && node.args.Any(argument => argument is Literal { Value: null });

    private object? Known(Argument argument) => argument switch
    {
        Literal { Value: var value } => value,
        NodeArgument { Node: var node } => scope.Run.Values[node],
        ConvertArgument { Value: var value, Type: var type } when Known(value) is double or float
            && IsWhole(type) => Math.Truncate(Convert.ToDouble(Known(value), CultureInfo.InvariantCulture)),
        ConvertArgument { Value: var value } => Known(value),
        _ => throw new NotSupportedException($"its argument {argument} is no number"),
    };

    private (string Name, ScalarType Type) Compute(Argument argument)
    {
        if (IsFixed(argument))
            return Known(argument) is var known && known is double or float
                ? (scope.Graph.Scalar(Convert.ToDouble(known, CultureInfo.InvariantCulture), ScalarType.Float64), ScalarType.Float64)
                : (scope.Graph.Integers(Convert.ToInt64(known, CultureInfo.InvariantCulture)), ScalarType.Int64);
        if (argument is ConvertArgument { Value: var inner, Type: var type })
        {
            var (name, from) = Compute(inner);
            var to = IsWhole(type) ? ScalarType.Int64 : type == typeof(float) ? ScalarType.Float32 : ScalarType.Float64;
            return (scope.Graph.Cast(name, from, to), to);
        }
        var node = ((NodeArgument)argument).Node;
        return computed.TryGetValue(node, out var value) ? value : computed[node] = Compute(node);
    }

    private (string, ScalarType) Compute(Node node) => node.target switch
    {
        _ when scope.Values.GetValueOrDefault(node) is Size { Name: { } name } => (name, ScalarType.Int64),
        _ when scope.Values.GetValueOrDefault(node) is Fraction fraction => (fraction.Name, fraction.Type),
        BuiltinTarget { Operation: Builtin.len } when node.args is [NodeArgument { Node: var list }]
            && scope.Values.GetValueOrDefault(list) is Converters.Sequence sequence
            => (Add("Reshape", scope.Graph.Typed("SequenceLength", node.name, [sequence.Name], ScalarType.Int64), scope.Graph.Integers(1)),
                ScalarType.Int64),
        BuiltinTarget { Operation: Builtin.getitem } => (Element(node.args[0], Position(node)).Name!, ScalarType.Int64),
        BuiltinTarget builtin => Arithmetic(node, builtin.Operation.ToString(), builtin.Type),
        FunctionTarget { Method: System.Reflection.MethodInfo { DeclaringType.Namespace: nameof(System) } method } =>
            Arithmetic(node, node.target.name, method.ReturnType),
        MethodTarget { name: "size" } when node.args.Length == 2 => (Dimension(node, Position(node)), ScalarType.Int64),
        MethodTarget { name: "numel" }
            or MemberTarget { Member.Name: "NumberOfElements" } =>
                (Add("Unsqueeze", Add("Size", Tensor(node)), scope.Graph.Integers(0)), ScalarType.Int64),
        _ when node.args is [NodeArgument { Node: var read }] && scope.Tensor(node, read) is { } tensor
            && scope.Run.Values[read] is TensorFacts facts && !IsSequence(node)
            => (Add("Reshape", tensor, scope.Graph.Integers(1)), facts.Type),
        _ => throw new NotSupportedException(
            $"it needs the number '{node.name}', which depends on {(scope.Run.Flow.IsData(node) ? "a tensor's content" : "a free size")} "
                + $"by '{node.target.name}', and that has no converter"),
    };

    /// <summary>A comparison, or an operation on what comparisons gave.</summary>
    private (string, ScalarType) Answer(Node node, string operation, Type operands)
    {
        var type = operation is "not_" || operands == typeof(bool) ? ScalarType.Bool : IsWhole(operands) ? ScalarType.Int64 : ScalarType.Float64;
        var op = operation switch
        {
            "eq" or "ne" => "Equal", "lt" => "Less", "le" => "LessOrEqual", "gt" => "Greater", "ge" => "GreaterOrEqual", "not_" => "Not",
            "and_" => "And", _ => "Or",
        };
        var answer = scope.Graph.Typed(op, node.name, [.. node.args.Select(argument => Value(argument, type))], ScalarType.Bool);
        return (operation == "ne" ? Add("Not", answer) : answer, ScalarType.Bool);
    }

    private (string, ScalarType) Arithmetic(Node node, string operation, Type result)
    {
        if (operation is "eq" or "ne" or "lt" or "le" or "gt" or "ge" or "not_" || (operation is "and_" or "or_" && result == typeof(bool)))
            return Answer(node, operation, result);
        var op = operation switch
        {
            "add" => "Add", "sub" => "Sub", "mul" => "Mul", "floordiv" or "truediv" => "Div", "mod" => "Mod", "neg" => "Neg",
            "min" => "Min", "max" => "Max", "abs" => "Abs", "ceil" => "Ceil", "floor" => "Floor", "round" => "Round", "sqrt" => "Sqrt",
            "pow" => "Pow",
            _ => throw new NotSupportedException(
                $"it needs the number '{node.name}', which depends on a free size by '{operation}'; fix that size"),
        };
        var type = IsWhole(result) ? ScalarType.Int64 : ScalarType.Float64;
        var operands = node.args.Select(argument => Value(argument, type));
        return (scope.Graph.Add(op, node.name, operands, op == "Mod" ? [OnnxGraph.Attribute("fmod", 1)] : []), type);
    }

    /// <summary>An element of a sequence of numbers.</summary>
    private Size Element(Argument sequence, int position) => sequence switch
    {
        NodeArgument { Node: var node } when !scope.Run.Flow.IsData(node)
            && scope.Runs.All(run => Scope.Same(((object?[])run.Values[node]!)[position], ((object?[])scope.Run.Values[node]!)[position]))
            => new(Convert.ToInt64(((object?[])scope.Run.Values[node]!)[position], CultureInfo.InvariantCulture)),
        NodeArgument { Node: var node } when Structure(node)?[position] is Size size => size,
        NodeArgument { Node: { target: BuiltinTarget { Operation: Builtin.getitem }, args: [var whole, SliceArgument slice] } node } =>
            Element(whole, Start(whole, slice) + position),
        NodeArgument { Node: var node } when IsSequence(node) => new(0, Dimension(node, position)),
        ListArgument or TupleArgument => Sizes(sequence).ElementAt(position),
        _ => throw new NotSupportedException($"its argument {sequence} depends on a free size, and is neither a shape nor a list"),
    };

    /// <summary>The parts of a tuple or list that another graph or an input gave.</summary>
    internal object?[]? Structure(Node node)
        => scope.Values.GetValueOrDefault(node) as object?[]
            ?? (node.target is BuiltinTarget { Operation: Builtin.getitem }
                && node.args is [NodeArgument { Node: var whole }, not SliceArgument] && Structure(whole) is { } parts
                    ? parts[Position(node)] as object?[] : null);

    /// <summary>Where a range of a list begins, counted from the front.</summary>
    internal int Start(Argument whole, SliceArgument slice)
    {
        var start = slice.Start is null ? 0 : IsFixed(slice.Start)
            ? Convert.ToInt32(Known(slice.Start), CultureInfo.InvariantCulture)
                : throw new NotSupportedException($"the range {slice} depends on a free size");
        return start >= 0 ? start : start + ((object?[])scope.Run.Values[((NodeArgument)whole).Node]!).Length;
    }

    /// <summary>The index or dimension that a node names, counted from the front.</summary>
    private int Position(Node node)
    {
        var given = IsFixed(node.args[1])
            ? Convert.ToInt32(Known(node.args[1]), CultureInfo.InvariantCulture)
                : throw new NotSupportedException($"the index of '{node.name}' depends on a free size");
        return given >= 0
            ? given : given
                + (node.args[0] is NodeArgument { Node: var whole }
                    ? scope.Run.Values[whole] switch { TensorFacts facts => facts.Shape.Length, object?[] items => items.Length, _ => 0 }
                        : 0);
    }

    private string Dimension(Node node, int axis) => scope.Graph.Dimension(Tensor(node), axis);

    private string Tensor(Node node)
        => node.args[0] is NodeArgument { Node: var read }
            ? scope.Value(node, read) is ComplexValue parts ? parts.Real : scope.Tensor(node, read)
                ?? throw new NotSupportedException($"the tensor '{read.name}', whose size it needs, is no value of the model")
                    : throw new NotSupportedException($"'{node.name}' reads no tensor");

    private static bool IsSequence(Node node) => node.target is MemberTarget { Member.Name: "shape" } or MethodTarget { name: "size" };

    private static IEnumerable<Argument> Parts(Argument argument) => argument switch
    {
        ListArgument list => list.Items,
        TupleArgument tuple => tuple.Items,
        SpreadArgument spread => [spread.Sequence],
        _ => [],
    };

    private static bool IsWhole(Type type) => type != typeof(double) && type != typeof(float) && type != typeof(object);

    private string Add(string op, params ReadOnlySpan<string> inputs) => scope.Graph.Add(op, "number", inputs.ToArray());
}

using static TorchSharp.torch;

namespace TorchSharp.Fx.Export;

/// <summary>
/// The graph of a turn whose number is a tensor: what is computed of it, and what is read at it, becomes operations on tensors.
/// </summary>
internal sealed class LoopBody
{
    private readonly Node loop;
    private readonly MapTarget map;
    private readonly Graph graph = new();
    private readonly Dictionary<Node, Argument> values = [];
    private readonly Dictionary<Node, Node> rows = [];
    private readonly HashSet<Node> numbers = [];

    /// <param name="loop">The loop.</param>
    /// <param name="map">Its target.</param>
    /// <param name="has_a_row_for_each_turn">Whether an operand has as many rows as there are turns.</param>
    internal LoopBody(Node loop, MapTarget map, Func<Node, bool> has_a_row_for_each_turn)
    {
        (this.loop, this.map) = (loop, map);
        Take(map.Body.nodes.First());
        foreach (var operand in map.Operands.Where(has_a_row_for_each_turn))
            rows[operand] = graph.placeholder($"{operand.name}_row", typeof(Tensor));
    }

    /// <summary>An input of the graph; one that is a number becomes a tensor.</summary>
    internal void Take(Node input)
    {
        values[input] = graph.placeholder(input.name, TensorTypes.IsTensor(input.type) ? input.type : typeof(Tensor));
        if (!TensorTypes.IsTensor(input.type))
            numbers.Add(input);
    }

    /// <summary>An input that is the same in every turn.</summary>
    internal void Set(Node input, Literal value) => values[input] = value;

    /// <summary>
    /// The graph, and what it takes: its number, rows of operands and operands, by their nodes in the loop's own graph, as far as it reads
    /// them.
    /// </summary>
    internal (Graph Graph, bool TakesNumber, Node[] Rows, Node[] Operands) Finish()
    {
        foreach (var node in map.Body.nodes)
            if (node.op == Opcode.output)
                graph.output(node.args[0].map(inner => values[inner]), node.type);
            else if (node.op != Opcode.placeholder)
            {
                var copy = IsOfNumber(node) ? OnTensors(node) : graph.create_node(node.op, node.target,
                    [.. node.args.Select(argument => argument.map(inner => values[inner]))], node.type, node.name);
                copy.StandsFor(node);
                values[node] = copy;
            }
        Node[] read = [.. rows.Keys.Where(operand => IsRead(rows[operand]))];
        // Something has to tell how often it runs.
        return (graph, read.Length == 0 || IsRead(values[map.Body.nodes.First()]), read,
            [.. map.Operands.Where(operand => IsRead(values[operand]))]);
    }

    /// <summary>Whether an input is read; one that is not goes.</summary>
    private bool IsRead(Argument input)
    {
        if (input is not NodeArgument { Node: var node })
            return false;
        if (node.users.Count == 0)
            graph.erase_node(node);
        return !node.IsErased;
    }

    /// <summary>The row of an operand that a node reads at the turn's number, with what it reads of that; null for other nodes.</summary>
    private Node? Row(Node node, string? name)
    {
        if (node.args is not [NodeArgument { Node: var operand }, ..] || !rows.TryGetValue(operand, out var row))
            return null;
        Argument[] indices = name == "select" ? [node.args[2]]
            : [.. node.args[1..].SelectMany(argument => argument is ListArgument list ? list.Items : [argument])];
        if (Plain(indices[0]) != map.Body.nodes.First() || (name == "select" && node.args[1] is not Literal { Value: 0L }))
            return null;
        return indices.Length == 1 ? Lowering.Call(graph, "alias", row) : Indexed(row, indices[1..]);

        static Node? Plain(Argument index) => index switch
        {
            NodeArgument { Node: var number } => number,
            ConvertArgument { Value: var inner } => Plain(inner),
            _ => null,
        };
    }

    private Node Indexed(Argument tensor, IEnumerable<Argument> indices)
        => graph.call_method(typeof(Tensor).GetMethod("index", [typeof(TensorIndex[])])!, tensor,
            new ListArgument([.. indices.Select(Value)], typeof(TensorIndex)));

    private bool IsOfNumber(Node node) => node.all_input_nodes.Any(numbers.Contains);

    private Node OnTensors(Node node)
    {
        if (node.target is BuiltinTarget { Operation: var operation } && Overload(operation.ToString()) is { } overload)
        {
            numbers.Add(node);
            return Computed(overload, node.args);
        }
        var (name, owner) = (node.target.Callee?.Method.Name, node.target.Callee?.Method.DeclaringType);
        return owner != typeof(Tensor) ? throw Refused(node) : name switch
        {
            "get_TensorItems" or "get_Item" or "index" or "select" when Row(node, name) is { } row => row,
            "get_TensorItems" or "get_Item" or "index" when !node.args.SelectMany(argument => argument.Parts.Prepend(argument))
                .OfType<SliceArgument>().SelectMany(slice => slice.nodes()).Any(numbers.Contains)
                => Indexed(Value(node.args[0]),
                    node.args[1..].SelectMany(argument => argument is ListArgument list ? list.Items : [argument])),
            "select" => Call("squeeze.dim", Call("index_select", Value(node.args[0]), Value(node.args[1]), Places(node.args[2], 1)),
                Value(node.args[1])),
            "narrow" when node.args[3] is Literal { Value: long length } && !node.args[1].nodes().Any(numbers.Contains)
                => Call("index_select", Value(node.args[0]), Value(node.args[1]), Places(node.args[2], length)),
            "op_Addition" or "op_Subtraction" or "op_Multiply" or "op_Division" or "mul" when node.args.Length == 2
                => Computed(Overload(name)!, node.args),
            _ => throw Refused(node),
        };
    }

    private NotSupportedException Refused(Node node) => Lowering.Refused(loop, $"'{node.name}' in a turn ({node.target.name}) takes a number "
        + "that a program has as a tensor there: in a loop that runs as often as a free dimension says it has reading at such a number "
        + "(x[i], select, narrow) and arithmetic with it");

    private static string? Overload(string operation) => operation switch
    {
        "add" or "op_Addition" => "add.Tensor",
        "sub" or "op_Subtraction" => "sub.Tensor",
        "mul" or "op_Multiply" => "mul.Tensor",
        "op_Division" => "div.Tensor",
        // C# divides whole numbers towards zero.
        "floordiv" => "div.Tensor_mode",
        "mod" => "fmod.Tensor",
        "neg" => "neg",
        _ => null,
    };

    private Node Computed(string overload, IEnumerable<Argument> operands)
    {
        Argument[] given = [.. operands.Select(OfTensor)];
        return overload == "div.Tensor_mode" ? Call(overload, [.. given, "trunc"]) : Call(overload, given);
    }

    /// <summary>The positions from a number on.</summary>
    private Node Places(Argument first, long count) => count == 1
        ? Call("reshape", OfTensor(first), new ListArgument([new Literal(1L)], typeof(long)))
        : Call("add.Tensor", Call("arange", count), OfTensor(first));

    /// <summary>An argument as a tensor, also one that is a number.</summary>
    private Argument OfTensor(Argument argument) => Value(argument) switch
    {
        NodeArgument { Node.type: var type } tensor when TensorTypes.IsTensor(type) => tensor,
        Literal { Value: double or float } number => Call("scalar_tensor", number, new Literal(ScalarType.Float32)),
        var number => Call("scalar_tensor", number, new Literal(ScalarType.Int64)),
    };

    /// <summary>An argument in this graph. A number that is converted to a real one stays below a tensor in rank, as it was.</summary>
    private Argument Value(Argument argument)
        => argument is ConvertArgument { Value: NodeArgument { Node: var number }, Type: var to } && numbers.Contains(number)
            ? to == typeof(float) || to == typeof(double) ? Call("to.dtype", values[number], new Literal(ScalarType.Float32)) : values[number]
            : argument.map(inner => values[inner]);

    private Node Call(string overload, params Argument[] args) => Lowering.Call(graph, overload, [.. args]);
}

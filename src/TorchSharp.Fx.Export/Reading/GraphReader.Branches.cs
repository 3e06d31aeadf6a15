using static TorchSharp.torch;

namespace TorchSharp.Fx.Export;

/// <summary>Operations that hold graphs: a choice between two, <c>torch.cond</c>, and a loop over rows, <c>map</c>.</summary>
internal sealed partial class GraphReader
{
    private const string Higher = "torch.ops.higher_order.";

    // A tuple of the collections holds no more.
    private const int MostResults = 7;

    /// <summary>Why there is no node for an operation that holds graphs; null for any other operation.</summary>
    private static string? WhyNot(string target) => target switch
    {
        Regions.Autocast => "PyTorch chooses the types of operations in it by rules of its own: export the model without autocast",
        Higher + "while_loop" => "it runs until a tensor says so, and a graph has no such loop: export the model with a for loop of a "
            + "fixed number of steps, which torch.export writes out",
        Higher + "scan" => "each of its steps reads what the one before gave, and a graph has no such loop: export the model with a for "
            + "loop over a fixed size, which torch.export writes out",
        _ when target.StartsWith(Higher, StringComparison.Ordinal) => "there is no counterpart for such branches, loops and regions here",
        _ => null,
    };

    /// <summary>The branches become graph modules of a module that runs one of them.</summary>
    private void ReadBranches(int index, NodeData node)
    {
        if (node.inputs is not [{ arg: Value.Reference or Value.Constant { Item: bool } } condition, { arg: Value.Subgraph onTrue },
            { arg: Value.Subgraph onFalse }, { arg: Value.Many { Items: var operands } }]
            || operands.Any(operand => operand is not Value.Reference { Kind: "as_tensor" }))
            throw new NotSupportedException("its condition is neither a tensor nor a bool, or an operand is no tensor");
        var path = Enumerable.Range(0, int.MaxValue).Select(i => i == 0 ? "cond" : $"cond_{i}").First(name => !Branches.ContainsKey(name)
            && !state.HasUnder(name));
        Branches.Add(path, new Cond(Branch(onTrue.Graph), Branch(onFalse.Graph)));
        var call = typeof(nn.Module<Tensor, Tensor[], Tensor[]>).GetMethod("call")!;
        var made = Graph.create_node(Opcode.call_module, new ModuleTarget(path, call),
            [Condition(condition.arg, names[index].Path), new ListArgument([.. operands.Select(operand
                => Find(operand, names[index].Path))], typeof(Tensor))],
            typeof(Tensor[]));
        DefineAll(node.outputs, Named(index, made), names[index].Path);
    }

    /// <summary>A condition as a tensor: one on sizes is a bool.</summary>
    private Argument Condition(Value value, string path) => value is Value.Reference { Kind: "as_tensor" } ? Find(value, path)
        : Add(Opcode.call_function, new FunctionTarget(typeof(aten).GetMethod(nameof(aten.call))!),
            ["scalar_tensor", new ListArgument([Find(value, path), new Literal(ScalarType.Bool)], typeof(object))], typeof(Tensor), path,
                "scalar_tensor");

    private GraphModule<Tensor[], Tensor[]> Branch(GraphData branch)
    {
        var reader = new GraphReader(Regions.Opened(branch), state, this);
        var operands = reader.Graph.placeholder("operands", typeof(Tensor[]));
        reader.Name(operands, "", operands.name);
        foreach (var (i, input) in branch.inputs.Index())
            reader.Define((input as Value.Reference)?.Name ?? throw new NotSupportedException("a branch takes what is no tensor"),
                reader.Add(Opcode.call_function, new BuiltinTarget(Builtin.getitem, typeof(Tensor[])), [operands, new Literal(i)],
                    typeof(Tensor), "", "getitem"));
        reader.Read();
        reader.Graph.output(new ListArgument([.. branch.outputs.Select(output => reader.Find(output))], typeof(Tensor)), typeof(Tensor[]));
        reader.Graph.lint();
        return new(ModuleTree.Of(reader.Branches.Select(inner => KeyValuePair.Create(inner.Key, (object)inner.Value)), ownsContent: true,
            training: false), reader.Graph);
    }

    /// <summary>A loop over the rows of tensors becomes a loop of the graph; what its turns give is stacked.</summary>
    private void ReadMap(int index, NodeData node)
    {
        if (node.inputs is not [{ arg: Value.Subgraph turn }, { arg: Value.Many { Items: [_, ..] rows } },
            { arg: Value.Many { Items: var operands } }]
            || rows.Any(row => row is not Value.Reference { Kind: "as_tensor" })
            || operands.Any(operand => operand is not Value.Reference))
            throw new NotSupportedException("it takes something else than the rows of tensors, and tensors and sizes for each turn");
        var path = names[index].Path;
        Node[] given = [.. rows.Concat(operands).Select(value => (Find(value, path) as NodeArgument)?.Node
            ?? throw new NotSupportedException("what it is given is a constant"))];
        var (body, count) = Turn(turn.Graph, rows.Length, given);
        var turns = Add(Opcode.call_method, new MethodTarget(typeof(Tensor).GetMethod("size", [typeof(int)])!), [given[0], new Literal(0)],
            typeof(long), path, "size");
        var type = Collections.TypeOf([.. Enumerable.Repeat(typeof(Tensor[]), count)]);
        var map = Named(index, Graph.create_node(Opcode.call_function, new MapTarget(body),
            [turns, .. given.Select(value => new NodeArgument(value))], type));
        var outputs = node.outputs is [Value.Many { Items: var items }] ? [.. items] : node.outputs;
        if (outputs.Count != count)
            throw new InvalidDataException("has a loop with other results than it gives");
        foreach (var (i, output) in outputs.Index())
        {
            var collected = count == 1 ? map : Add(Opcode.call_function, new BuiltinTarget(Builtin.getitem, type), [map, new Literal(i)],
                typeof(Tensor[]), path, "getitem");
            Func<IEnumerable<Tensor>, long, Tensor> stack = torch.stack;
            Define((output as Value.Reference)?.Name ?? throw new InvalidDataException("has a loop whose result has no name"),
                Add(Opcode.call_function, new FunctionTarget(stack.Method), [collected, new Literal(0L)], typeof(Tensor), path, "stack"));
        }
    }

    /// <summary>One turn of a loop, which takes its number and all that the loop is given, and how many tensors it gives.</summary>
    private (Graph Body, int Results) Turn(GraphData turn, int rows, Node[] given)
    {
        if (turn.inputs.Count != given.Length || turn.outputs.Count is 0 or > MostResults)
            throw new InvalidDataException("has a loop with other inputs or results than it is given");
        var reader = new GraphReader(Regions.Opened(turn), state, this) { Branches = Branches };
        var number = reader.Graph.placeholder("turn", typeof(long));
        var operands = Array.ConvertAll(given, node => reader.Graph.placeholder(node.name, node.type));
        foreach (var placeholder in operands.Prepend(number))
            reader.Name(placeholder, "", placeholder.name);
        var select = new MethodTarget(typeof(Tensor).GetMethod("select", [typeof(long), typeof(long)])!);
        foreach (var (i, input) in turn.inputs.Index())
            reader.Define((input as Value.Reference)?.Name ?? throw new NotSupportedException("a turn takes what is no tensor"),
                i >= rows ? operands[i]
                    : reader.Add(Opcode.call_method, select, [operands[i], new Literal(0L), number], typeof(Tensor), "", "select"));
        reader.Read();
        reader.Graph.output(new ListArgument([.. turn.outputs.Select(output
            => reader.Find(output) is NodeArgument { Node.type: var type } result && TensorTypes.IsTensor(type) ? result
                : throw new NotSupportedException("a turn gives what is no tensor"))], typeof(Tensor)), typeof(Tensor[]));
        reader.Graph.lint();
        return (reader.Graph, turn.outputs.Count);
    }
}

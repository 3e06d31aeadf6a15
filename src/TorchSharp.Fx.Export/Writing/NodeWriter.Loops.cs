using static TorchSharp.torch;

namespace TorchSharp.Fx.Export;

/// <summary>A loop that runs as often as a free dimension says: <c>torch._higher_order_ops.map</c>.</summary>
internal sealed partial class NodeWriter
{
    private void WriteLoop(Node node, FreeLoop loop, PlainGraph turn)
    {
        Prepare(node.args[0]);
        var count = facts[Inner(node.args[0])] is Fact.OfNumber { Value: var size } ? size
            : throw new NotSupportedException("how often it runs is no size");
        string[] rows = [.. loop.TakesNumber ? [WriteNumbers(node, "arange", node.args[0], [count])] : Array.Empty<string>(),
            .. loop.Rows.Select(row => Reference(row).Name)];
        string[] operands = [.. loop.Operands.Select(operand => TensorTypes.IsTensor(operand.type) ? Reference(operand).Name
            : WriteNumbers(node, "scalar_tensor", operand, []))];
        var taken = state.OfTurn();
        var graph = new GraphWriter(turn, taken, facts, json.Options);
        var own = Unused(node.name);
        string[] results = [.. loop.Results.Select(stacked =>
        {
            var name = names[(stacked, 0)] = Unused("getitem");
            Tensors.Add(name, (Fact.OfTensor)facts[stacked]);
            return name;
        })];
        WriteHigher(node, "map_impl", own, results,
        [
            () => WriteGraph("body_graph", () => graph.Write(json, write, [
                .. turn.Graph.find_nodes(Opcode.placeholder).Select(input => (Action<ProgramJson>)(inner
                    => inner.Tensor(graph.Nodes.InputName(input)))),
                .. taken.Inputs.Select(input => (Action<ProgramJson>)(inner => inner.Tensor(input.Input)))])),
            () => write.Object(() => write.List("as_tensors", rows, write.Named)),
            () => write.Object(() => write.List("as_tensors",
                [.. operands, .. taken.Inputs.Select(input => state.InputOf(input.Path))], write.Named)),
        ]);

        static Node Inner(Argument count) => count is ConvertArgument convert ? Inner(convert.Value) : ((NodeArgument)count).Node;
    }

    /// <summary>Whole numbers as a tensor, made of one number.</summary>
    private string WriteNumbers(Node loop, string overload, Argument of, SizeFact[] shape)
    {
        Prepare(of);
        var schema = AtenSchema.Find(overload)!;
        var name = Unused(overload);
        Tensors.Add(name, new(ScalarType.Int64, [.. shape], [.. shape.Select(_ => new SizeFact(1, [], 1))], 0, false));
        List<(AtenParameter, Action)> arguments = [(schema.Parameters[0], () => Value(of, schema.Parameters[0].Type))];
        if (schema.Parameters.FirstOrDefault(parameter => parameter.Name == "dtype") is { } type)
            arguments.Add((type, () => write.Constant(ScalarType.Int64)));
        Call(name, schema, arguments, () => write.List("outputs", [name], write.Tensor), () => Metadata(loop, "", null, schema.Name));
        return name;
    }
}

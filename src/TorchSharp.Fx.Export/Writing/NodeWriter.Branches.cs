using System.Collections.Immutable;

namespace TorchSharp.Fx.Export;

/// <summary>A choice between two graphs: <c>torch.cond</c>.</summary>
internal sealed partial class NodeWriter
{
    private void WriteBranches(Node node, ImmutableArray<Branch> branches)
    {
        var operands = ((ListArgument)node.args[1]).Items;
        var (own, results) = Results(node);
        WriteHigher(node, "cond", own, results,
            [() => Value(node.args[0], new("Tensor", false, false, false)), .. branches.Select(branch
                => (Action)(() => WriteGraph(branch.Name, () => WriteBranch(branch)))),
                () => Many(new ListArgument(operands, typeof(torch.Tensor)), new("Tensor", true, false, false))]);
    }

    /// <summary>An operation that holds graphs.</summary>
    private void WriteHigher(Node node, string operation, string own, IEnumerable<string> results, IEnumerable<Action> inputs)
        => write.Object(() =>
        {
            json.WriteString("target", $"torch.ops.higher_order.{operation}");
            write.List("inputs", inputs, value => write.Object(() =>
            {
                json.WriteString("name", "");
                json.WritePropertyName("arg");
                value();
                json.WriteNumber("kind", 1);
            }));
            write.List("outputs", results, write.Tensor);
            Metadata(node, "", null, operation);
            json.WriteBoolean("is_hop_single_tensor_return", false);
            json.WriteString("name", own);
        });

    private void WriteGraph(string name, Action content) => write.Object(() => write.Object("as_graph", () =>
    {
        json.WriteString("name", $"{name}_{calls[name] = calls.GetValueOrDefault(name, -1) + 1}");
        write.Object("graph", content);
    }));

    private void WriteBranch(Branch branch)
    {
        var state = new WrittenState(branch.Module, name => name);
        if (state.Inputs.Count > 0)
            throw new NotSupportedException(
                $"a branch of it has the tensor '{state.Inputs[0].Path}' of its own: give it among the operands");
        var graph = new GraphWriter(branch.Graph, state, facts, json.Options);
        graph.Write(json, write, branch.Graph.Graph.find_nodes(Opcode.placeholder).Select(node
            => (Action<ProgramJson>)(inner => inner.Tensor(graph.Nodes.InputName(node)))));
    }
}

using System.Collections.Immutable;

namespace TorchSharp.Fx.Export;

/// <summary>A choice between two graphs: <c>torch.cond</c>.</summary>
internal sealed partial class NodeWriter
{
    private void WriteBranches(Node node, ImmutableArray<Branch> branches)
    {
        var operands = ((ListArgument)node.args[1]).Items;
        var (own, results) = Results(node);
        write.Object(() =>
        {
            json.WriteString("target", "torch.ops.higher_order.cond");
            json.WriteStartArray("inputs");
            Operand(() => Value(node.args[0], new("Tensor", false, false, false)));
            foreach (var branch in branches)
                Operand(() => write.Object(() => write.Object("as_graph", () =>
                {
                    json.WriteString("name", $"{branch.Name}_{calls[branch.Name] = calls.GetValueOrDefault(branch.Name, -1) + 1}");
                    write.Object("graph", () => WriteBranch(branch));
                })));
            Operand(() => Many(new ListArgument(operands, typeof(torch.Tensor)), new("Tensor", true, false, false)));
            json.WriteEndArray();
            write.List("outputs", results, write.Tensor);
            Metadata(node, "", null, "cond");
            json.WriteBoolean("is_hop_single_tensor_return", false);
            json.WriteString("name", own);
        });
    }

    private void Operand(Action value) => write.Object(() =>
    {
        json.WriteString("name", "");
        json.WritePropertyName("arg");
        value();
        json.WriteNumber("kind", 1);
    });

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

using System.Text.Json.Nodes;
using Xunit;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Export.Tests;

/// <summary>PyTorch's operations that hold graphs: a loop over rows is read, and what has no counterpart is refused by its name.</summary>
public sealed class RegionTests : IDisposable
{
    private const string Higher = "torch.ops.higher_order.";

    private readonly DisposeScope scope = NewDisposeScope();

    public void Dispose() => scope.Dispose();

    [Theory]
    [InlineData("while_loop", "it runs until a tensor says so, and a graph has no such loop: export the model with a for loop of a fixed "
        + "number of steps, which torch.export writes out")]
    [InlineData("scan", "each of its steps reads what the one before gave, and a graph has no such loop: export the model with a for loop "
        + "over a fixed size, which torch.export writes out")]
    [InlineData("wrap_with_autocast", "PyTorch chooses the types of operations in it by rules of its own: export the model without "
        + "autocast")]
    [InlineData("associative_scan", "there is no counterpart for such branches, loops and regions here")]
    public void WhatHasNoCounterpartIsRefusedByItsName(string operation, string why)
    {
        var path = ExportedPrograms.Edited("nn_cond", graph => Cond(graph)["target"] = Higher + operation);
        var error = Assert.Throws<NotSupportedException>(() => export.load(path));
        Assert.Equal($"{path} can't be read: node 'cond' ({Higher}{operation}, pt2gen.py:84) can't be read: {why}.", error.Message);
        File.Delete(path);
    }

    /// <summary>Tensors as indices inside a branch: rows in another order, and a column of each.</summary>
    [Fact]
    public void IndicesInABranchAreWritten()
    {
        using var _ = no_grad();
        using var model = export.load<GraphModule<Tensor, Tensor>>(ExportedPrograms.Program("nn_cond"));
        var branch = model.modules().OfType<GraphModule<Tensor[], Tensor[]>>().First();
        var output = branch.graph.output_node();
        using (branch.graph.inserting_before(output))
            foreach (var node in output.all_input_nodes.ToArray())
            {
                var picked = branch.graph.inline(
                    (Func<Tensor, Tensor>)(values => values[TensorIndex.Tensor(values.argmax(0).narrow(0, 0, 2)), TensorIndex.Ellipsis]), node);
                output.replace_input_with(node, picked);
            }
        branch.recompile();
        var path = Path.ChangeExtension(Path.GetTempFileName(), ".pt2");
        export.save(model, path, [rand(2, 4)]);
        using var again = export.load<GraphModule<Tensor, Tensor>>(path);
        foreach (var x in new[] { rand(2, 4), -rand(2, 4) })
            Assert.True(model.call(x).Equals(again.call(x)));
        var positive = rand(2, 4);
        var linear = nn.functional.linear(positive, model.state_dict()["a.weight"], model.state_dict()["a.bias"]).relu();
        Assert.True(linear.index_select(0, linear.argmax(0).narrow(0, 0, 2)).allclose(again.call(positive), 1e-5, 1e-6));
        File.Delete(path);
    }

    /// <summary>What <c>map(lambda row, w, b: relu(linear(row, w, b)), x)</c> is exported as.</summary>
    [Fact]
    public void ALoopOverRowsIsRead()
    {
        var path = ExportedPrograms.Edited("nn_cond", Mapped);
        using var model = export.load<GraphModule<Tensor, Tensor>>(path);
        Assert.Contains(model.graph.nodes, node => node.target is MapTarget);
        var state = model.state_dict();
        foreach (var rows in new[] { 1, 3 })
        {
            var x = randn(rows, 4);
            using var fast = model.optimize_for_inference();
            using var _ = no_grad();
            var expected = nn.functional.linear(x, state["a.weight"], state["a.bias"]).relu();
            Assert.True(expected.allclose(model.call(x), 1e-5, 1e-6));
            Assert.True(expected.allclose(fast.call(x), 1e-5, 1e-6));
        }
        File.Delete(path);
    }

    [Fact]
    public void ALoopOverWhatIsNoTensorIsRefused()
    {
        var path = ExportedPrograms.Edited("nn_cond", graph =>
        {
            Mapped(graph);
            Cond(graph)["inputs"]![1]!["arg"] = new JsonObject { ["as_ints"] = new JsonArray(2, 3) };
        });
        Assert.EndsWith("it takes something else than the rows of tensors, and tensors and sizes for each turn.",
            Assert.Throws<NotSupportedException>(() => export.load(path)).Message, StringComparison.Ordinal);
        File.Delete(path);
    }

    /// <summary>Makes the choice between two graphs a loop whose turns run the first: over the input's rows, with the weights.</summary>
    private static void Mapped(JsonObject graph)
    {
        graph["tensor_values"]!["x"]!["sizes"]![0] = JsonNode.Parse(
            """{"as_expr": {"expr_str": "Symbol('s0', positive=True, integer=True)", "hint": {"as_int": 2}}}""");
        var cond = Cond(graph);
        var inputs = cond["inputs"]!.AsArray();
        var operands = inputs[3]!["arg"]!["as_tensors"]!.AsArray();
        cond["target"] = Higher + "map_impl";
        cond["inputs"] = new JsonArray(inputs[1]!.DeepClone(), Tensors(operands.Take(1)), Tensors(operands.Skip(1)));
    }

    private static JsonObject Tensors(IEnumerable<JsonNode?> tensors) => new()
    {
        ["name"] = "", ["kind"] = 1,
        ["arg"] = new JsonObject { ["as_tensors"] = new JsonArray([.. tensors.Select(tensor => tensor!.DeepClone())]) },
    };

    private static JsonNode Cond(JsonObject graph)
        => graph["nodes"]!.AsArray().Single(node => node!["target"]!.GetValue<string>().StartsWith(Higher, StringComparison.Ordinal))!;
}

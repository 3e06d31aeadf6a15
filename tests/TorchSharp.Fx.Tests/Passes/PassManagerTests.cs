using System.Reflection;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.Passes;

/// <summary>Mirrors PyTorch's test_pass_infra.</summary>
public sealed class PassManagerTests
{
    private static readonly MethodInfo Mul = typeof(Tensor).GetMethod("mul", [typeof(Tensor)])!;

    /// <summary>Replaces one addition by a multiplication each time it runs.</summary>
    private static readonly Pass AddBecomesMul = new("add_becomes_mul", module =>
    {
        if (module.graph.nodes.FirstOrDefault(node => node.target.name == "add") is not { } add)
            return false;
        using var here = module.graph.inserting_before(add);
        add.replace_all_uses_with(module.graph.call_method(Mul, add.args[0], add.args[1]));
        module.graph.erase_node(add);
        return true;
    });

    private static GraphModule<Tensor, Tensor> ThreeAdditions() => fx.symbolic_trace((Tensor x) => ((x + x) + x) + x);

    [Theory]
    [InlineData(1, 2)]
    [InlineData(2, 1)]
    [InlineData(9, 0)]
    public void Passes_run_as_often_as_asked_and_no_longer_than_they_change_something(int steps, int left)
    {
        using var module = ThreeAdditions();
        var rounds = 0;
        var result = new PassManager(AddBecomesMul) { steps = steps, after_pass = (_, _) => rounds++ }.call(module);
        Assert.True(result.modified);
        Assert.Same(module, result.graph_module);
        Assert.Equal(left, module.graph.nodes.Count(node => node.target.name == "add"));
        Assert.Equal(Math.Min(steps, 4), rounds);
        using var two = full([1], 2f);
        using var output = module.call(two);
        Assert.Equal(left switch { 2 => 8f, 1 => 10f, _ => 16f }, output.item<float>());
    }

    [Fact]
    public void Nothing_modified_is_told()
    {
        using var module = fx.symbolic_trace((Tensor x) => x.relu());
        Assert.False(PassManager.standard.call(module).modified);
    }

    [Fact]
    public void The_standard_passes_are_an_ordered_list_with_names()
    {
        Assert.Equal(["common_subexpressions", "dead_code"], PassManager.standard.passes.Select(pass => pass.name));
        using var module = fx.symbolic_trace((Tensor x) => x.reshape(x.shape[0], -1).sum(1) + x.reshape(x.shape[0], -1).sum(1));
        var seen = new List<string>();
        new PassManager(PassManager.standard.passes) { after_pass = (pass, after) => seen.Add($"{pass.name}: {after.graph.Count}") }.call(module);
        Assert.Equal(["common_subexpressions: 7", "dead_code: 7"], seen);
    }

    [Fact]
    public void A_pass_that_throws_is_named()
    {
        using var module = ThreeAdditions();
        var failing = new Pass("fails", _ => throw new InvalidOperationException("Out of cheese."));
        var error = Assert.Throws<PassException>(() => new PassManager(AddBecomesMul, failing).call(module));
        Assert.Equal("The pass 'fails' failed: Out of cheese.", error.Message);
    }

    [Fact]
    public void A_pass_that_breaks_the_graph_is_named()
    {
        using var module = ThreeAdditions();
        var breaking = new Pass("breaks", broken =>
        {
            broken.graph.output_node().prepend(broken.graph.nodes.First(node => node.name == "add"));
            return true;
        });
        var error = Assert.Throws<PassException>(() => new PassManager(breaking).call(module));
        Assert.StartsWith("The pass 'breaks' failed: The graph is not well-formed: node 'add_1' reads 'add' before that is computed", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_check_runs_after_each_pass()
    {
        using var module = ThreeAdditions();
        var manager = new PassManager(AddBecomesMul)
        {
            check = checkedModule => Assert.DoesNotContain("mul", checkedModule.graph.nodes.Select(node => node.target.name)),
        };
        Assert.StartsWith("The pass 'add_becomes_mul' failed: ", Assert.Throws<PassException>(() => manager.call(module)).Message, StringComparison.Ordinal);
    }
}

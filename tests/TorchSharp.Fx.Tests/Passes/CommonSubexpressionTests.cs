using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Passes;

/// <summary>Mirrors PyTorch's test_cse_pass.</summary>
public sealed class CommonSubexpressionTests
{
    private static readonly Parameter Weight = (Parameter)new Parameter(ones(3)).DetachFromDisposeScope();

    public static TheoryData<string> Names => [.. Functions.Keys];

    private static readonly Dictionary<string, (Func<Tensor, Tensor> Function, int Merged)> Functions = new()
    {
        ["nothing to merge"] = (x => x.cos() + x.sin(), 0),
        ["the same twice"] = (x => x.cos() + x.cos(), 1),
        ["a chain twice"] = (x => (x.cos().relu() + 1) * (x.cos().relu() + 1), 3),
        ["other constants"] = (x => x.sum(0) + x.sum(-1, keepdim: true), 0),
        ["equal lists"] = (x => x.reshape(2, 3).mean([0L]) + x.reshape(2, 3).mean([0L]), 2),
        ["other lists"] = (x => x.reshape(2, 3).flatten() + x.reshape(3, 2).flatten(), 0),
        ["slices"] = (x => x[..2] + x[..2] + x[2..4] + x[^2..], 1),
        ["sizes"] = (x => x.reshape(x.shape[0] / 2, -1).sum(0) + x.reshape(x.shape[0] / 2, -1).sum(0), 5),
        ["a parameter"] = (x => x[..3] * Weight + x[..3] * Weight, 2),
        ["random numbers"] = (x => rand_like(x) + rand_like(x), 0),
        ["dropout"] = (x => functional.dropout(x, 0.5, training: true) + functional.dropout(x, 0.5, training: true), 0),
        ["dropout that is off"] = (x => functional.dropout(x, 0.5, training: false) + functional.dropout(x, 0.5, training: false), 1),
        ["a view of what is written to"] = (Written, 0),
        ["operations in place"] = (x => x.mul_(2) + x.mul_(2), 0),
        ["a function of the user's"] = (x => Leaf(x) + Leaf(x), 0),
        ["as the operand of another overload"] = (x => x.add(1) + x.add(x), 0),
    };

    private static Tensor Written(Tensor x)
    {
        var before = x.narrow(0, 0, 2).sum();
        x.add_(1);
        return before + x.narrow(0, 0, 2).sum();
    }

    private static Tensor Leaf(Tensor x) => x + 1;

    [Theory]
    [MemberData(nameof(Names))]
    public void What_is_computed_twice_is_computed_once_and_only_that(string name)
    {
        var (function, merged) = Functions[name];
        var tracer = new Tracer([Leaf]);
        var graph = tracer.trace(function);
        var nodes = graph.Count;
        using var module = new GraphModule<Tensor, Tensor>(tracer.root, graph, tracer.tensor_constants);
        Assert.Equal(merged > 0, graph.eliminate_common_subexpressions(module));
        graph.lint();
        Assert.Equal(nodes - merged, graph.Count);
        // A second time there is nothing left.
        Assert.False(graph.eliminate_common_subexpressions(module));

        if (name.Contains("random", StringComparison.Ordinal) || name == "dropout")
            return;
        using var expected = function(arange(6f));
        module.recompile();
        using var actual = module.call(arange(6f));
        Assert.True(expected.bytes.SequenceEqual(actual.bytes));
    }
}

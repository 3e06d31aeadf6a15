using Xunit;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Export.Tests;

/// <summary>Operations called by name give what TorchSharp's members give, whatever kinds of arguments they take.</summary>
public class AtenTests
{
    private static readonly Tensor X = randn(3, 4, 5).DetachFromDisposeScope();

    [Fact]
    public void ATensorAndNumbers() => Same(X.permute(1, 0, 2), aten.call("movedim.int", X, 0L, 1L));

    [Fact]
    public void AListAndAnOptionalType()
        => Same(X.sum([0, 2], true, ScalarType.Float64), aten.call("sum.dim_IntList", X, new long[] { 0, 2 }, true, ScalarType.Float64));

    [Fact]
    public void WhatIsLeftOutHasItsDefault() => Same(X.flatten(), aten.call("flatten.using_ints", X));

    [Fact]
    public void ATextAndAnOptionalNumber()
        => Same(nn.functional.pad(X, [1, 2], PaddingModes.Constant, -1), aten.call("pad", X, new long[] { 1, 2 }, "constant", -1.0));

    [Fact]
    public void AListOfTensors() => Same(cat([X, X], 1), aten.call("cat", new[] { X, X }, 1L));

    [Fact]
    public void AListOfTensorsSomeOfWhichAreMissing()
    {
        var rows = tensor(new long[] { 3, 0 });
        Same(X.index_select(1, rows), aten.call("index.Tensor", X, new Tensor?[] { null, rows }));
    }

    [Fact]
    public void AFactorThatTorchSharpsMemberLacks()
    {
        var attention = aten.call("scaled_dot_product_attention", X, X, X, null, 0.0, false, 0.5, false);
        Assert.True(attention.allclose((X.matmul(X.transpose(1, 2)) * 0.5).softmax(-1).matmul(X), rtol: 1e-5, atol: 1e-6));
    }

    [Fact]
    public void SeveralResults()
    {
        var results = aten.call_many("native_layer_norm", X, new long[] { 5 }, null, null, 1e-5);
        Assert.Equal(3, results.Length);
        Same(nn.functional.layer_norm(X, [5]), results[0]);
    }

    [Fact]
    public void AListOfResults()
        => Assert.Equal([[3, 4, 2], [3, 4, 3]], aten.call_many("split_with_sizes", X, new long[] { 2, 3 }, 2L).Select(part => part.shape));

    [Fact]
    public void RecurrentLayers()
    {
        using var lstm = nn.LSTM(5, 6, batchFirst: true);
        using var _ = no_grad();
        var (expected, _, _) = lstm.call(X);
        var state = zeros(1, 3, 6);
        var parameters = new[] { "weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0" }.Select(name
            => (Tensor)lstm.get_parameter(name)!).ToArray();
        Same(expected, aten.call_many("lstm.input", X, new[] { state, state }, parameters, true, 1L, 0.0, false, false, true)[0]);
    }

    [Fact]
    public void NumbersOfAnyType()
    {
        using var scope = NewDisposeScope();
        Same(X.clamp(-0.5, 0.25), aten.call("hardtanh", X, -0.5, 0.25));
        Same(3 - X, aten.call("rsub.Scalar", X, 3L));
        Same(X.clone().clamp_(0, 1), aten.call("hardtanh_", X.clone(), 0L, 1.0));
        Same(where(X > 0, X, full_like(X, 0.5)), aten.call("where.ScalarOther", X > 0, X, 0.5));
        Same(X.std(1, false, true), aten.call_many("std_mean.correction", X, new[] { 1L }, 0L, true)[0]);
        Same(tensor(new[] { 1f, 10f, 100f }), aten.call("logspace", 0L, 2L, 3L));
        Same(X.matmul(X.transpose(1, 2)).add(1), aten.call("baddbmm", ones(3, 4, 4), X, X.transpose(1, 2)));
    }

    [Fact]
    public void ACallByNameIsALeafOfATrace()
    {
        using var scope = NewDisposeScope();
        using var traced = fx.symbolic_trace<Tensor, Tensor>(x => aten.call("renorm", x * 2, 2.0, 0L, 1.0) + 1);
        Assert.Equal(["x", "mul", "call", "add", "output"], traced.graph.nodes.Select(node => node.name));
        Same(aten.call("renorm", X * 2, 2.0, 0L, 1.0) + 1, traced.call(X));
    }

    [Theory]
    [InlineData("no_such", "There is no operation aten::no_such that can be called from here.")]
    [InlineData("from_file", "There is no operation aten::from_file that can be called from here.")]
    [InlineData("item", "aten::item can't be called by name: it doesn't return tensors.")]
    public void WhatCannotBeCalledIsRefused(string name, string message)
        => Assert.Equal(message, Assert.Throws<NotSupportedException>(() => aten.call(name, X)).Message);

    [Fact]
    public void ArgumentsAreChecked()
    {
        Assert.Equal("aten::movedim.int takes a int as 'source', but is given a String.",
            Assert.Throws<ArgumentException>(() => aten.call("movedim.int", X, "0", 1L)).Message);
        Assert.Equal("aten::movedim.int needs its argument 'destination'.",
            Assert.Throws<ArgumentException>(() => aten.call("movedim.int", X, 0L)).Message);
        Assert.Equal("aten::movedim.int takes 3 arguments, but 4 are given. (Parameter 'args')",
            Assert.Throws<ArgumentException>(() => aten.call("movedim.int", X, 0L, 1L, 2L)).Message);
    }

    private static void Same(Tensor expected, Tensor found)
    {
        Assert.Equal(expected.dtype, found.dtype);
        Assert.True(expected.shape.SequenceEqual(found.shape) && expected.equal(found).all().ToBoolean());
    }
}

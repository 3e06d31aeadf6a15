using Xunit;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Export.Tests;

/// <summary>Inputs and results that are structures are written as Python's.</summary>
public sealed class StructureTests : IDisposable
{
    private readonly DisposeScope scope = NewDisposeScope();

    public void Dispose() => scope.Dispose();

    internal sealed record Found(Tensor Boxes, (Tensor, long) Scores);

    [Fact]
    public void ARecordIsADictionaryAndNumbersStayNumbers()
    {
        using var traced = fx.symbolic_trace((Tensor x) => new Found(x * 2, (x.sum(), x.shape[0] + 1)), suppress_trace_warning: true);
        using var loaded = WrittenProgram.Of(traced, [ones(3, 2)], new Dictionary<string, IReadOnlyDictionary<int,
            Dim>> { ["x"] = new Dictionary<int, Dim> { [0] = new("n") } }, "record");
        var result = Assert.IsType<Dictionary<string, object>>(ExportedPrograms.Run(loaded, [ones(5, 2)]));
        Assert.Equal([5, 2], ((Tensor)result["Boxes"]).shape);
        var (sum, count) = Assert.IsType<ValueTuple<Tensor, long>>(result["Scores"]);
        Assert.Equal((10f, 6L), (sum.item<float>(), count));
    }

    [Fact]
    public void ResultsAsAWholeAreTakenApart()
    {
        using var traced = fx.symbolic_trace((Tensor x) => (x.max(1), x.split(2, 1)), suppress_trace_warning: true);
        var x = rand(3, 4);
        using var loaded = WrittenProgram.Of(traced, [x], name: "whole");
        var (expected, found) = (ExportedPrograms.Flat(ExportedPrograms.Run(traced, [x])),
            ExportedPrograms.Flat(ExportedPrograms.Run(loaded, [x])));
        Assert.Equal(expected.Keys, found.Keys);
        Assert.All(expected, entry => Assert.True(entry.Value.equal(found[entry.Key]).all().ToBoolean(), entry.Key));
    }

    [Fact]
    public void InputsMayBeNested()
    {
        using var traced = fx.symbolic_trace(
            (Tensor[] many, (Tensor, Tensor[]) pair, Dictionary<string, Tensor> named)
                => cat(many) + pair.Item1 + pair.Item2[1] * named["b"] - named["a"],
            example_inputs: [new[] { ones(1, 2), ones(2, 2) }, (ones(2), new[] { ones(2), ones(2) * 2 }), new Dictionary<string,
                Tensor> { ["a"] = ones(2), ["b"] = ones(2) }], suppress_trace_warning: true);
        object?[] inputs = [new[] { rand(1, 2), rand(2, 2) }, (rand(2), new[] { rand(2), rand(2) }), new Dictionary<string,
            Tensor> { ["a"] = rand(2), ["b"] = rand(2) }];
        using var loaded = WrittenProgram.Of(traced, inputs, name: "nested");
        Assert.True(((Tensor)ExportedPrograms.Run(traced, inputs)!).equal((Tensor)ExportedPrograms.Run(loaded, inputs)!).all().ToBoolean());
    }

    [Fact]
    public void IndicesThatWriteAreWritten()
    {
        using var traced = fx.symbolic_trace((Tensor x, Tensor y) =>
        {
            var z = x.clone();
            z[TensorIndex.Ellipsis, 0] = y;
            z[1, TensorIndex.Slice(1, 3)] = 7;
            z[z > 0.5] = -1;
            return z;
        }, suppress_trace_warning: true);
        var (x, y) = (rand(3, 4), rand(3));
        using var loaded = WrittenProgram.Of(traced, [x, y], name: "writes");
        Assert.True(((Tensor)ExportedPrograms.Run(traced, [x, y])!).equal((Tensor)ExportedPrograms.Run(loaded, [x, y])!).all().ToBoolean());
    }

    [Fact]
    public void BranchesOfOtherSizesRunBoth()
    {
        using var module = export.load<GraphModule<Tensor, Tensor>>(ExportedPrograms.Program("nn_cond"));
        var example = rand(2, 4);
        using var loaded = (GraphModule<Tensor, Tensor>)WrittenProgram.Of(module, [example], name: "cond");
        using var _ = no_grad();
        foreach (var x in new[] { ones(2, 4), -ones(2, 4) })
            Assert.True(module.call(x).equal(loaded.call(x)).all().ToBoolean());
        Assert.Equal(module.state_dict().Keys, loaded.state_dict().Keys);
    }

    [Fact]
    public void ANumberThatAFreeDimensionMakesAFractionOfIsRefused()
    {
        using var traced = fx.symbolic_trace((Tensor x) => x * (x.shape[0] / 2.0), suppress_trace_warning: true);
        var error = Assert.Throws<NotSupportedException>(()
            => WrittenProgram.Of(traced, [ones(3)], new Dictionary<string, IReadOnlyDictionary<int,
            Dim>> { ["x"] = new Dictionary<int, Dim> { [0] = new("n") } }));
        Assert.Contains("its value does not grow evenly with a free dimension", error.Message, StringComparison.Ordinal);
    }
}

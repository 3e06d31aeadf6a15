using Xunit;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Export.Tests;

/// <summary>What is written as a program and read again gives the same bits, on the example's sizes and on others.</summary>
public class SaveTests
{
    public static TheoryData<string> Names => ExportedPrograms.Names;

    /// <summary>Those whose second set has sizes other than the batch's that differ.</summary>
    private static readonly string[] OfOtherSizes = ["nn_unet", "t5_t", "branch_by_size"];

    [Theory]
    [MemberData(nameof(Names))]
    public void AProgramIsTheSameAfterBeingWritten(string name)
    {
        using var scope = NewDisposeScope();
        using var module = export.load(ExportedPrograms.Program(name));
        var values = ExportedPrograms.Values(name);
        var isFree = !name.EndsWith("nn_unet", StringComparison.Ordinal) && !name.Contains("/ops/", StringComparison.Ordinal);
        var path = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}.pt2");
        export.save(module, path, ExportedPrograms.Inputs(module, values, 0), isFree ? FreeBatch(module) : null);
        WrittenSchema.Check(path);
        using var loaded = export.load(path);
        for (var set = 0; set < (OfOtherSizes.Any(other => name.EndsWith(other, StringComparison.Ordinal)) ? 1 : 2); set++)
        {
            var inputs = ExportedPrograms.Inputs(module, values, set);
            using var _ = no_grad();
            var (expected, found) = (ExportedPrograms.Flat(ExportedPrograms.Run(module, inputs)),
                ExportedPrograms.Flat(ExportedPrograms.Run(loaded, inputs)));
            Assert.Equal(expected.Keys, found.Keys);
            Assert.All(expected, entry
                => Assert.True(name.EndsWith("nn_operations", StringComparison.Ordinal) && entry.Key == "2.steps"
                || (entry.Value.shape.SequenceEqual(found[entry.Key].shape) && entry.Value.equal(found[entry.Key]).all().ToBoolean()),
                entry.Key));
        }
        Assert.Equal(module.state_dict().Keys.Order(), loaded.state_dict().Keys.Order());
        File.Delete(path);
    }

    [Fact]
    public void WhatIsFreeAndWhatIsNotIsWritten()
    {
        using var module = export.load<GraphModule<Tensor, Tensor>>(ExportedPrograms.Program("tv_mobilenet_v2"));
        var path = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}.pt2");
        using var scope = NewDisposeScope();
        export.save(module, path, [rand(4, 3, 32, 32)], new Dictionary<string, IReadOnlyDictionary<int,
            Dim>> { ["x"] = new Dictionary<int, Dim> { [0] = new("batch", 2, 8) } });
        using var loaded = export.load<GraphModule<Tensor, Tensor>>(path);
        Assert.Equal([5, 10], loaded.call(rand(5, 3, 32, 32)).shape);
        Assert.Equal("The size 0 of 'x' is less than 2, the least that the program was exported for.",
            Assert.Throws<GraphAssertionException>(() => loaded.call(rand(1, 3, 32, 32))).Message);
        Assert.Equal("The size 0 of 'x' is more than 8, the most that the program was exported for.",
            Assert.Throws<GraphAssertionException>(() => loaded.call(rand(9, 3, 32, 32))).Message);
        Assert.Equal("Size 3 of 'x' is not 32, as the program was exported with.",
            Assert.Throws<GraphAssertionException>(() => loaded.call(rand(2, 3, 32, 64))).Message);
        File.Delete(path);
    }

    [Theory]
    [InlineData(".pt2")]
    [InlineData(".model")]
    public void FxLoadOpensAProgramByItsNameOrItsFirstBytes(string ending)
    {
        using var scope = NewDisposeScope();
        using var traced = fx.symbolic_trace((Tensor x) => x * 2);
        var path = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}{ending}");
        export.save(traced, path, [ones(2)]);
        using var loaded = fx.load<GraphModule<Tensor, Tensor>>(path);
        Assert.Equal([2f, 4f], loaded.call(tensor([1f, 2f])).data<float>());
        File.Delete(path);
    }

    private sealed class Keeping() : nn.Module<Tensor, Tensor>("keeping")
    {
        private Tensor? last;

        public override Tensor forward(Tensor x)
        {
            var sum = last is null ? x : x + last;
            last = sum;
            return sum;
        }
    }

    [Fact]
    public void WhatHasNoOperationIsRefused()
    {
        using var scope = NewDisposeScope();
        using var traced = fx.symbolic_trace(new Keeping(), suppress_trace_warning: true);
        var error = Assert.Throws<NotSupportedException>(() => export.save(traced, "never.pt2", [rand(2, 4)]));
        Assert.StartsWith("The graph can't be exported: node '", error.Message, StringComparison.Ordinal);
        Assert.EndsWith("it is what the model keeps between calls, which a program has as buffers only.", error.Message,
            StringComparison.Ordinal);
        Assert.False(File.Exists("never.pt2"));
    }

    [Fact]
    public void ATracedModelIsWritten()
    {
        using var scope = NewDisposeScope();
        using var model = nn.Sequential(("conv", nn.Conv2d(3, 8, 3, padding: 1)), ("norm", nn.BatchNorm2d(8)),
            ("relu", nn.ReLU(inplace: true)), ("pool", nn.AdaptiveAvgPool2d(2)), ("flat", nn.Flatten()), ("fc", nn.Linear(32, 5)));
        model.eval();
        using var traced = fx.symbolic_trace(model);
        var path = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}.pt2");
        export.save(traced, path, [rand(2, 3, 16, 16)], new Dictionary<string, IReadOnlyDictionary<int,
            Dim>> { ["tensor"] = new Dictionary<int, Dim> { [0] = new("n"), [2] = new("h", 4), [3] = new("w", 4) } });
        using var loaded = export.load<GraphModule<Tensor, Tensor>>(path);
        var x = rand(3, 3, 20, 24);
        using var _ = no_grad();
        Assert.True(model.call(x).equal(loaded.call(x)).all().ToBoolean());
        Assert.Equal(model.state_dict().Keys, loaded.state_dict().Keys);
        var (_, names) = feature_extraction.get_graph_node_names(loaded, suppress_diff_warning: true);
        Assert.Equal(["tensor", "conv", "norm", "relu", "pool", "flat", "fc"],
            names.Where(name => !name.StartsWith("_guards", StringComparison.Ordinal)));
        File.Delete(path);
    }

    [Fact]
    public void IndicesAreWritten()
    {
        using var scope = NewDisposeScope();
        var rows = tensor(new long[] { 2, 0, 2 });
        using var traced = fx.symbolic_trace((Tensor x)
            => (x[0, TensorIndex.Ellipsis, 1], x[1..3, TensorIndex.Colon, TensorIndex.Null],
            x[TensorIndex.Ellipsis, TensorIndex.Slice(0, null, 2), TensorIndex.Slice(1, null)],
            x[TensorIndex.Colon, TensorIndex.Tensor(rows)], x[-1], x[TensorIndex.Ellipsis, TensorIndex.Null]));
        var path = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}.pt2");
        export.save(traced, path, [rand([4, 3, 5])], new Dictionary<string, IReadOnlyDictionary<int,
            Dim>> { ["x"] = new Dictionary<int, Dim> { [2] = new("n", 2) } });
        using var loaded = export.load(path);
        var x = rand([4, 3, 6]);
        var (expected, found) = (ExportedPrograms.Flat(ExportedPrograms.Run(traced, [x])),
            ExportedPrograms.Flat(ExportedPrograms.Run(loaded, [x])));
        Assert.All(expected, entry
            => Assert.True(entry.Value.shape.SequenceEqual(found[entry.Key].shape) && entry.Value.equal(found[entry.Key]).all().ToBoolean(),
            entry.Key));
        File.Delete(path);
    }

    [Theory]
    [InlineData("resnet18")]
    [InlineData("mobilenet_v3_small")]
    [InlineData("squeezenet1_1")]
    [InlineData("shufflenet_v2_x0_5")]
    [InlineData("densenet121")]
    [InlineData("regnet_y_400mf")]
    public void AModelOfVisionIsWritten(string name)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var model = (nn.Module<Tensor, Tensor>)Vision.models.get_model(name);
        model.eval();
        using var traced = fx.symbolic_trace(model);
        traced.eval();
        var path = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}.pt2");
        export.save(traced, path, [rand(2, 3, 64, 64)], FreeBatch(traced));
        using var loaded = export.load<GraphModule<Tensor, Tensor>>(path);
        var images = rand(3, 3, 64, 64);
        Assert.True(traced.call(images).equal(loaded.call(images)).all().ToBoolean());
        Assert.Equal(model.state_dict().Keys, loaded.state_dict().Keys);
        File.Delete(path);
    }

    /// <summary>The first dimension of every tensor, as the programs were exported with.</summary>
    private static Dictionary<string, IReadOnlyDictionary<int, Dim>> FreeBatch(nn.Module module)
    {
        var batch = new Dim("batch", 1, 64);
        return ((IGraphModule)module).graph.find_nodes(Opcode.placeholder).Where(node => node.type == typeof(Tensor))
            .ToDictionary(node => node.target.name, _ => (IReadOnlyDictionary<int, Dim>)new Dictionary<int, Dim> { [0] = batch });
    }
}

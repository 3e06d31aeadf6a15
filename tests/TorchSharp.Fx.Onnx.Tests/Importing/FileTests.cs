using Google.Protobuf;
using TorchSharp.Fx.Onnx.Format;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx.Tests.Importing;

/// <summary>What files may consist of, and what of a file is not believed.</summary>
public sealed class FileTests
{
    [Fact]
    public void Weights_in_a_file_of_their_own_are_read_where_they_lie()
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var exported = new OnnxModel();
        using var layer = nn.Linear(5, 3);
        onnx.export(fx.symbolic_trace((torch.Tensor x) => layer.call(x)), exported.Path, [InputShape.Parse("Nx5")], external_data: true);
        using var loaded = onnx.load<GraphModule<torch.Tensor, torch.Tensor>>(exported.Path);
        var input = rand(4, 5);
        OnnxModel.AssertClose(layer.call(input), loaded.call(input));
    }

    [Fact]
    public void FX_load_opens_such_a_file_too()
    {
        using var scope = NewDisposeScope();
        using var exported = new OnnxModel();
        onnx.export(fx.symbolic_trace((torch.Tensor x) => x * 2), exported.Path, [InputShape.Parse("Nx5")]);
        using var loaded = fx.load<GraphModule<torch.Tensor, torch.Tensor>>(exported.Path);
        Assert.Equal(6, loaded.call(tensor(3f)).item<float>());
        Assert.Equal($"{exported.Path} holds a GraphModule<Tensor, Tensor>, not a GraphModule<Tensor, Features>.",
            Assert.Throws<InvalidDataException>(() => fx.load<GraphModule<torch.Tensor, Features>>(exported.Path)).Message);
    }

    [Theory]
    [InlineData("../model.data", "outside of the model's folder")]
    [InlineData("/etc/passwd", "outside of the model's folder")]
    [InlineData("absent.data", "which is not beside the model")]
    [InlineData("", "does not say in which")]
    public void A_weight_elsewhere_is_refused(string location, string reason)
    {
        using var file = External(location, "0", "8");
        var error = Assert.Throws<InvalidDataException>(() => onnx.load(file.Path));
        Assert.StartsWith($"{file.Path} can't be loaded: the tensor 'w'", error.Message, StringComparison.Ordinal);
        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("4", "8", "the tensor 'w' is said to be 8 bytes from byte 4 of 'w.data', which has 8.")]
    [InlineData("0", "4", "the tensor 'w' is float [2], which takes 8 bytes, and the file has 4 for it.")]
    [InlineData("-1", "8", "the tensor 'w' has the offset '-1', which is no number of bytes.")]
    [InlineData("9223372036854775807", "8", "the tensor 'w' is said to be 8 bytes from byte 9223372036854775807 of 'w.data', which has 8.")]
    public void A_place_outside_of_the_file_is_refused(string offset, string length, string reason)
    {
        using var file = External("w.data", offset, length);
        File.WriteAllBytes(file.Beside("w.data"), new byte[8]);
        Assert.Equal($"{file.Path} can't be loaded: {reason}", Assert.Throws<InvalidDataException>(() => onnx.load(file.Path)).Message);
    }

    [Fact]
    public void A_link_that_leads_out_of_the_folder_is_refused()
    {
        using var other = new MadeFile();
        File.WriteAllBytes(other.Beside("w.data"), new byte[8]);
        using var file = External("w.data", "0", "8");
        File.CreateSymbolicLink(file.Beside("w.data"), other.Beside("w.data"));
        Assert.Contains("outside of the model's folder", Assert.Throws<InvalidDataException>(() => onnx.load(file.Path)).Message,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(new long[] { 1L << 40 }, "the tensor 'w' has the shape [1099511627776], which no tensor can have.")]
    [InlineData(new long[] { -2 }, "the tensor 'w' has the shape [-2], which no tensor can have.")]
    [InlineData(new long[] { 1 << 30, 1 << 20 },
        "the tensor 'w' is float [1073741824, 1048576], which takes 4503599627370496 bytes, and the file has 8 for it.")]
    [InlineData(new long[] { 3 }, "the tensor 'w' is float [3], which takes 12 bytes, and the file has 8 for it.")]
    public void A_shape_that_the_content_does_not_have_is_refused(long[] shape, string reason)
    {
        using var file = new MadeFile().Input("x", 2).Floats("w", shape, 1, 2).Node("Add", ["x", "w"], ["y"]).Output("y").Write();
        Assert.Equal($"{file.Path} can't be loaded: {reason}", Assert.Throws<InvalidDataException>(() => onnx.load(file.Path)).Message);
    }

    [Fact]
    public void What_is_no_model_is_refused()
    {
        using var file = new MadeFile();
        File.WriteAllText(file.Path, "version https://git-lfs.github.com/spec/v1");
        Assert.StartsWith($"{file.Path} can't be loaded: ", Assert.Throws<InvalidDataException>(() => onnx.load(file.Path)).Message,
            StringComparison.Ordinal);
        File.WriteAllBytes(file.Path, []);
        Assert.Equal($"{file.Path} can't be loaded: it has no graph with an output: it is no ONNX model.",
            Assert.Throws<InvalidDataException>(() => onnx.load(file.Path)).Message);
    }

    [Fact]
    public void A_node_without_a_counterpart_is_refused_by_name()
    {
        using var file = new MadeFile().Input("x", 2).Node("StringNormalizer", ["x"], ["y"]).Output("y").Write();
        var error = Assert.Throws<OnnxImportException>(() => onnx.load(file.Path));
        Assert.Equal($"{file.Path} can't be loaded: node 'y' (StringNormalizer): there is no converter for this operator; docs/onnx.md lists those that there are.", error.Message);
        Assert.Equal(("y", "StringNormalizer"), (error.node, error.operation));
    }

    [Fact]
    public void An_attribute_that_nobody_reads_refuses_its_node()
    {
        using var file = new MadeFile().Input("x", 2).Node("Relu", ["x"], ["y"],
            new AttributeProto { Name = "slope", F = 1 }).Output("y").Write();
        Assert.EndsWith("node 'y' (Relu): its attribute 'slope' is not known.",
            Assert.Throws<OnnxImportException>(() => onnx.load(file.Path)).Message, StringComparison.Ordinal);
    }

    /// <summary>A number that says how much there is, is looked at before anything is made of it.</summary>
    [Theory, InlineData("LayerNormalization", -2_000_000_000), InlineData("LayerNormalization", 3), InlineData("RMSNormalization", -2_000_000_000),
        InlineData("ReduceMean", 2_000_000_000)]
    public void An_axis_that_is_none_is_refused(string operation, long axis)
    {
        using var file = new MadeFile(opset: operation == "RMSNormalization" ? 23 : 17).Input("x", 2, 3).Input("w", 3).Node(operation,
            operation == "ReduceMean" ? ["x"] : ["x", "w"], ["y"], operation == "ReduceMean"
            ? new() { Name = "axes", Type = AttributeProto.Types.AttributeType.Ints, Ints = { axis } }
            : new AttributeProto { Name = "axis", Type = AttributeProto.Types.AttributeType.Int, I = axis }).Output("y").Write();
        Assert.Contains($"its axis {axis} is none of 2 dimensions",
            Assert.Throws<OnnxImportException>(() => onnx.load(file.Path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_padding_of_a_dimension_that_is_none_is_refused()
    {
        using var file = new MadeFile(opset: 18).Input("x", 2, 3).Longs("pads", [2], 1, 1).Longs("axes", [1], -2_000_000_000)
            .Node("Pad", ["x", "pads", "", "axes"], ["y"]).Output("y").Write();
        Assert.Contains("is none of 2 dimensions", Assert.Throws<OnnxImportException>(() => onnx.load(file.Path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Functions_that_call_themselves_are_refused()
    {
        using var file = new MadeFile().Input("x", 2).Output("y");
        file.Graph.Node.Add(Call("again", "x", "y"));
        file.Model.Functions.Add(new FunctionProto { Domain = "own", Name = "again", Input = { "a" }, Output = { "b" },
            Node = { Call("again", "a", "b") } });
        Assert.Contains("deeper than 64 in each other", Assert.Throws<InvalidDataException>(() => onnx.load(file.Write().Path)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Functions_that_multiply_are_refused_before_memory_is_gone()
    {
        using var file = new MadeFile().Input("x", 2).Output("y");
        file.Graph.Node.Add(Call("f20", "x", "y"));
        for (var i = 1; i <= 20; i++)
            file.Model.Functions.Add(new FunctionProto { Domain = "own", Name = $"f{i}", Input = { "a" }, Output = { "b" },
                Node = { Call($"f{i - 1}", "a", "c"), Call($"f{i - 1}", "c", "b") } });
        file.Model.Functions.Add(new FunctionProto { Domain = "own", Name = "f0", Input = { "a" }, Output = { "b" },
            Node = { MadeFile.Made("Identity", ["a"], ["b"]) } });
        Assert.Contains("more than 500000 nodes", Assert.Throws<InvalidDataException>(() => onnx.load(file.Write().Path)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_constant_that_would_be_huge_is_not_made_while_loading()
    {
        using var file = new MadeFile().Longs("sizes", [2], 1 << 20, 1 << 20).Node("ConstantOfShape", ["sizes"], ["y"]).Output("y").Write();
        using var loaded = onnx.load(file.Path);
        Assert.Contains("full", ((IGraphModule)loaded).graph.ToString(), StringComparison.Ordinal);
    }

    private static NodeProto Call(string function, string input, string output) =>
        new() { Domain = "own", OpType = function, Input = { input }, Output = { output } };

    private static MadeFile External(string location, string offset, string length)
    {
        var file = new MadeFile().Input("x", 2).Node("Add", ["x", "w"], ["y"]).Output("y");
        var tensor = new TensorProto { Name = "w", DataType = 1, Dims = { 2 }, DataLocation = TensorProto.Types.DataLocation.External };
        foreach (var (key, value) in new[] { ("location", location), ("offset", offset), ("length", length) })
            tensor.ExternalData.Add(new StringStringEntryProto { Key = key, Value = value });
        file.Graph.Initializer.Add(tensor);
        return file.Write();
    }
}

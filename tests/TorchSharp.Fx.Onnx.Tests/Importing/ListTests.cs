using TorchSharp.Fx.Onnx.Format;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx.Tests.Importing;

/// <summary>Lists of tensors and choices between tensors in a file; ONNX Runtime gives the same.</summary>
public sealed class ListTests : IDisposable
{
    private readonly DisposeScope scope = NewDisposeScope();

    public void Dispose() => scope.Dispose();

    [Fact]
    public void Parts_of_a_list_are_put_together_again()
    {
        using var file = new MadeFile().Input("x", -1, 6).Longs("two", [], 2).Longs("last", [], -1).Output("y")
            .Node("SplitToSequence", ["x", "two"], ["parts"], Int("axis", 1)).Node("SequenceAt", ["parts", "last"], ["p"])
            .Node("SequenceInsert", ["parts", "p"], ["more"]).Node("ConcatFromSequence", ["more"], ["y"], Int("axis", 1)).Write();
        using var loaded = onnx.load<GraphModule<torch.Tensor, torch.Tensor>>(file.Path);
        foreach (var batch in new[] { 1, 3 })
        {
            var x = rand(batch, 6);
            OnnxModel.AssertClose(OnnxModel.RunFile(file.Path, x), loaded.call(x));
        }
    }

    [Theory, InlineData(1), InlineData(-1)]
    public void A_computed_condition_chooses_between_tensors_of_different_shapes(float sign)
    {
        using var file = new MadeFile().Input("x", 2, 3).Floats("zero", [], 0).Output("y")
            .Node("ReduceSum", ["x"], ["sum"], Int("keepdims", 0)).Node("Greater", ["sum", "zero"], ["c"])
            .Node("If", ["c"], ["y"], Branch("then_branch", "Transpose"), Branch("else_branch", "Exp")).Write();
        using var loaded = onnx.load<GraphModule<torch.Tensor, torch.Tensor>>(file.Path);
        var x = rand(2, 3) * sign;
        OnnxModel.AssertClose(OnnxModel.RunFile(file.Path, x), loaded.call(x));
    }

    [Fact]
    public void A_list_is_a_result()
    {
        using var alone = new MadeFile().Input("x", 4, 2).Output("y").Node("SplitToSequence", ["x"], ["y"], Int("keepdims", 0)).Write();
        using var list = onnx.load<GraphModule<torch.Tensor, torch.Tensor[]>>(alone.Path);
        Assert.Equal(4, list.call(rand(4, 2)).Length);
        using var both = new MadeFile().Input("x", 4, 2).Output("y").Output("z")
            .Node("SplitToSequence", ["x"], ["y"], Int("axis", 1)).Node("Exp", ["x"], ["z"]).Write();
        using var named = onnx.load<GraphModule<torch.Tensor, Features>>(both.Path);
        using var features = named.call(rand(4, 2));
        Assert.All(features.value<torch.Tensor[]>("y"), part => Assert.Equal([4, 1], part.shape));
        Assert.Equal([4, 2], features["z"].shape);
    }

    [Theory, InlineData("SplitToSequence", "x", "how many parts it makes is not known before it runs")]
    [InlineData("SequenceLength", "x", "its input 1 must be a list of tensors whose length is known")]
    public void What_has_no_known_length_is_refused(string operation, string input, string why)
    {
        using var file = new MadeFile().Input("x", -1, 6).Output("y").Node(operation, [input], ["y"]).Write();
        var error = Assert.Throws<OnnxImportException>(() => onnx.load(file.Path));
        Assert.EndsWith($"{why}.", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_list_is_no_tensor_and_has_no_tensor_beyond_its_end()
    {
        using var file = new MadeFile().Input("x", 3).Output("y").Node("SequenceConstruct", ["x"], ["l"]).Node("Exp", ["l"], ["y"]).Write();
        Assert.EndsWith("it takes a tensor, and is given a list of tensors.", Assert.Throws<OnnxImportException>(()
            => onnx.load(file.Path)).Message, StringComparison.Ordinal);
        using var beyond = new MadeFile().Input("x", 3).Longs("at", [], 1).Output("y").Node("SequenceConstruct", ["x"], ["l"])
            .Node("SequenceAt", ["l", "at"], ["y"]).Write();
        Assert.EndsWith("it asks for the tensor 1 of a list of 1.", Assert.Throws<OnnxImportException>(()
            => onnx.load(beyond.Path)).Message, StringComparison.Ordinal);
    }

    private static AttributeProto Int(string name, long value)
        => new() { Name = name, I = value, Type = AttributeProto.Types.AttributeType.Int };

    private static AttributeProto Branch(string name, string operation)
        => new() { Name = name, Type = AttributeProto.Types.AttributeType.Graph, G = new() { Name = name,
            Node = { MadeFile.Made(operation, ["x"], ["r"]) }, Output = { MadeFile.Declared("r", 1, null) } } };
}

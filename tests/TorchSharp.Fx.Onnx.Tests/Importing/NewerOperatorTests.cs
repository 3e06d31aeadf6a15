using TorchSharp.Fx.Onnx.Format;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx.Tests.Importing;

/// <summary>Operators and forms that are newer than ONNX's own tests here: ONNX Runtime gives the same.</summary>
public sealed class NewerOperatorTests
{
    [Fact]
    public void Reductions_take_axes_as_an_input()
        => Same(Model(18, 3, 4, 5).Longs("axes", [2], 0, -1).Node("ReduceMax", ["x", "axes"], ["y"], Int("keepdims", 0)), Input(3, 4, 5));

    [Fact]
    public void Parts_may_be_uneven()
        => Same(Model(18, 7, 2).Node("Split", ["x"], ["a", "b", "c"], Int("num_outputs", 3)).Node("Concat", ["c", "b", "a"], ["y"],
            Int("axis", 0)), Input(7, 2));

    [Fact]
    public void Blocks_are_added_up_to_an_image()
        => Same(Model(18, 2, 12, 16).Longs("image", [2], 4, 5).Longs("block", [2], 2, 3).Node("Col2Im", ["x", "image", "block"], ["y"],
            Ints("pads", 0, 1, 1, 0), Ints("strides", 1, 1), Ints("dilations", 1, 1)), Input(2, 12, 16));

    [Theory, InlineData("reflect"), InlineData("edge"), InlineData("wrap"), InlineData("constant")]
    public void Paddings_take_axes(string mode)
        => Same(Model(19, 2, 4, 5).Longs("pads", [4], 1, 2, 2, 1).Longs("axes", [2], -1, 1).Node("Pad", ["x", "pads", "", "axes"], ["y"],
            Text("mode", mode)), Input(2, 4, 5));

    /// <summary>TorchSharp's own antialiased resize, whose cubic coefficient is another, is the referee.</summary>
    [Theory, InlineData("linear", InterpolationMode.Bilinear), InlineData("cubic", InterpolationMode.Bicubic)]
    public void A_smaller_image_is_averaged(string mode, InterpolationMode own)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var file = Model(18, 1, 2, 12, 9).Longs("sizes", [2], 5, 4).Node("Resize", ["x", "", "", "sizes"], ["y"],
            Text("mode", mode), Int("antialias", 1), Ints("axes", 2, 3),
            new AttributeProto { Name = "cubic_coeff_a", F = -0.5f, Type = AttributeProto.Types.AttributeType.Float }).Write();
        using var loaded = onnx.load<GraphModule<torch.Tensor, torch.Tensor>>(file.Path);
        var input = Input(1, 2, 12, 9);
        OnnxModel.AssertClose(nn.functional.interpolate(input, [5, 4], mode: own, align_corners: false, antialias: true),
            loaded.call(input));
    }

    [Theory, InlineData(18, 2), InlineData(21, 6)]
    public void Groups_are_normalised(long opset, long scales)
        => Same(Model(opset, 2, 6, 4, 4).Floats("s", [scales], [.. Enumerable.Range(1, (int)scales).Select(i => i * 0.5f)]).Floats("b",
            [scales], [.. Enumerable.Range(1, (int)scales).Select(i => i - 2f)])
            .Node("GroupNormalization", ["x", "s", "b"], ["y"], Int("num_groups", 2)), Input(2, 6, 4, 4));

    [Fact]
    public void Roots_of_squares_are_normalised()
        => Same(Model(23, 2, 5).Floats("s", [5], 1, 2, 3, 4, 5).Node("RMSNormalization", ["x", "s"], ["y"]), Input(2, 5));

    [Theory, InlineData("Gelu", "none"), InlineData("Gelu", "tanh"), InlineData("Mish", "")]
    public void Activations(string operation, string how)
        => Same(Model(20, 3, 4).Node(operation, ["x"], ["y"], how.Length > 0 ? [Text("approximate", how)] : []), Input(3, 4));

    [Theory, InlineData(0), InlineData(1)]
    public void Attention_of_heads_that_are_shared(long causal)
    {
        var file = Model(23, 2, 4, 16).Floats("k", [2, 6, 8], Numbers(96)).Floats("v", [2, 6, 8], Numbers(96));
        Same(file.Node("Attention", ["x", "k", "v"], ["y"], Int("q_num_heads", 4), Int("kv_num_heads", 2), Int("is_causal", causal)),
            Input(2, 4, 16));
    }

    [Theory, InlineData(0), InlineData(1)]
    public void Rotary_embeddings(long interleaved)
        => Same(Model(23, 2, 3, 8).Floats("cos", [2, 3, 2], Numbers(12)).Floats("sin", [2, 3, 2], Numbers(12))
            .Node("RotaryEmbedding", ["x", "cos", "sin"], ["y"], Int("num_heads", 2), Int("interleaved", interleaved)), Input(2, 3, 8));

    [Fact]
    public void Updates_are_combined()
        => Same(Model(18, 4, 3).Longs("at", [2, 3], 0, 1, 2, 0, 3, 2).Floats("u", [2, 3], Numbers(6)).Node("ScatterElements",
            ["x", "at", "u"], ["y"], Int("axis", 0), Text("reduction", "max")), Input(4, 3));

    [Fact]
    public void Weights_of_blocks_of_four_bits_are_refused_by_name()
    {
        using var file = Model(21, 2, 4).Floats("s", [2, 1], 1, 2).Node("DequantizeLinear", ["x", "s"], ["y"],
            Int("block_size", 4)).Write();
        Assert.EndsWith("node 'y' (DequantizeLinear): scales of blocks are not known.",
            Assert.Throws<OnnxImportException>(() => onnx.load(file.Path)).Message, StringComparison.Ordinal);
    }

    private static MadeFile Model(long opset, params long[] shape) => new MadeFile(opset).Input("x", shape).Output("y");

    private static float[] Numbers(int count) => [.. Enumerable.Range(0, count).Select(i => MathF.Sin(i * 1.7f))];

    private static torch.Tensor Input(params long[] shape) =>
        tensor(Numbers((int)shape.Aggregate(1L, (product, size) => product * size))).reshape(shape);

    private static AttributeProto Int(string name, long value) =>
        new() { Name = name, I = value, Type = AttributeProto.Types.AttributeType.Int };

    private static AttributeProto Ints(string name, params long[] values) =>
        new() { Name = name, Ints = { values }, Type = AttributeProto.Types.AttributeType.Ints };

    private static AttributeProto Text(string name, string value)
        => new() { Name = name, S = Google.Protobuf.ByteString.CopyFromUtf8(value), Type = AttributeProto.Types.AttributeType.String };

    private static void Same(MadeFile file, torch.Tensor input)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using (file)
        {
            using var loaded = onnx.load<GraphModule<torch.Tensor, torch.Tensor>>(file.Write().Path);
            OnnxModel.AssertClose(OnnxModel.RunFile(file.Path, input), loaded.call(input));
        }
    }
}

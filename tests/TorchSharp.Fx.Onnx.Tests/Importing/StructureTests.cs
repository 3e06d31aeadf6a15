using TorchSharp.Fx.Onnx.Format;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx.Tests.Importing;

/// <summary>Layers, sizes, functions, branches and loops of a file in its graph; ONNX Runtime gives the same.</summary>
public sealed class StructureTests
{
    [Fact]
    public void Nodes_that_are_layers_become_modules_under_their_names()
    {
        using var scope = NewDisposeScope();
        using var file = new MadeFile().Input("x", -1, 3, 8, 8).Floats("w", [4, 3, 3, 3], new float[108]).Floats("s", [4], 1, 1, 1,
            1).Floats("b", [4], new float[4]).Floats("fw", [5, 4], new float[20])
            .Node("Conv", ["x", "w"], ["c"]).Node("BatchNormalization", ["c", "s", "b", "b", "s"], ["n"]).Node("Relu", ["n"],
                ["r"]).Node("GlobalAveragePool", ["r"], ["p"]).Node("Flatten", ["p"], ["f"])
            .Node("Gemm", ["f", "fw"], ["y"], new AttributeProto { Name = "transB", I = 1,
                Type = AttributeProto.Types.AttributeType.Int }).Output("y").Write();
        using var loaded = onnx.load(file.Path);
        Assert.Equal([typeof(Conv2d), typeof(BatchNorm2d), typeof(ReLU), typeof(AdaptiveAvgPool2d), typeof(Linear)],
            loaded.named_children().Select(child => child.module.GetType()));
        Assert.Equal(["x", "c", "n", "r", "p", "f", "y"], feature_extraction.get_graph_node_names(loaded).eval_nodes);
        Assert.All(loaded.named_parameters(), entry => Assert.True(entry.parameter.requires_grad));
        Assert.False(loaded.training);
    }

    [Fact]
    public void Sizes_stay_numbers()
    {
        using var scope = NewDisposeScope();
        using var file = new MadeFile().Input("x", -1, 6, 4).Longs("zero", [], 0).Longs("two", [1], 2).Longs("rest", [1],
            -1).Longs("axis", [1], 0)
            .Node("Shape", ["x"], ["s"]).Node("Gather", ["s", "zero"], ["n"]).Node("Unsqueeze", ["n", "axis"], ["m"]).Node("Mul",
                ["m", "two"], ["t"]).Node("Concat", ["t", "rest"], ["to"], Axis(0))
            .Node("Reshape", ["x", "to"], ["y"]).Output("y").Write();
        using var loaded = onnx.load<GraphModule<torch.Tensor, torch.Tensor>>(file.Path);
        Assert.Equal("""
            graph(%x):
                %x : [num_users=2] = placeholder[target=x]
                %getattr_1 : [num_users=1] = call_function[target=getattr](%x, shape)
                %getitem : [num_users=1] = call_function[target=getitem](%getattr_1, 0)
                %mul : [num_users=1] = call_function[target=mul](%getitem, 2)
                %reshape : [num_users=1] = call_method[target=reshape](%x, [%mul, -1])
                return %reshape

            """.ReplaceLineEndings("\n"), loaded.graph.ToString().ReplaceLineEndings("\n"));
        Assert.Equal([6, 12], loaded.call(rand(3, 6, 4)).shape);
    }

    [Fact]
    public void A_function_is_written_out_with_the_settings_of_its_call()
    {
        using var file = new MadeFile().Input("x", 4).Output("y");
        file.Model.OpsetImport.Add(new OperatorSetIdProto { Domain = "own", Version = 1 });
        file.Graph.Node.Add(new NodeProto { Domain = "own", OpType = "Leaky", Name = "leak", Input = { "x" }, Output = { "y" },
            Attribute = { new AttributeProto { Name = "slope", F = 0.25f, Type = AttributeProto.Types.AttributeType.Float } } });
        file.Model.Functions.Add(new FunctionProto
        {
            Domain = "own", Name = "Leaky", Input = { "a" }, Output = { "b" }, Attribute = { "slope" },
                OpsetImport = { new OperatorSetIdProto { Version = 17 } },
            Node = { MadeFile.Made("LeakyRelu", ["a"], ["c"],
                new AttributeProto { Name = "alpha", RefAttrName = "slope", Type = AttributeProto.Types.AttributeType.Float }),
                MadeFile.Made("Neg", ["c"], ["b"]) },
        });
        Same(file, tensor(new float[] { -4, -1, 0, 2 }));
    }

    [Theory, InlineData(0), InlineData(1)]
    public void A_known_condition_takes_its_branch(long condition)
    {
        using var file = new MadeFile().Input("x", 3).Longs("choice", [1], condition).Output("y");
        file.Node("Cast", ["choice"], ["c"], new AttributeProto { Name = "to", I = 9, Type = AttributeProto.Types.AttributeType.Int })
            .Node("If", ["c"], ["y"], Branch("then_branch", "Exp"), Branch("else_branch", "Neg"));
        Same(file, tensor(new float[] { -4, 1, 2 }));
        using var loaded = onnx.load(file.Path);
        Assert.Equal(3, ((IGraphModule)loaded).graph.Count);
    }

    [Fact]
    public void A_loop_of_known_length_is_written_out()
    {
        var body = new GraphProto { Name = "body", Node = { MadeFile.Made("Add", ["s", "x"], ["next"]),
            MadeFile.Made("Identity", ["next"], ["each"]), MadeFile.Made("Identity", ["go"], ["goes"]) } };
        body.Input.Add([MadeFile.Declared("i", 7, []), MadeFile.Declared("go", 9, []), MadeFile.Declared("s", 1, [3])]);
        body.Output.Add([MadeFile.Declared("goes", 9, []), MadeFile.Declared("next", 1, [3]), MadeFile.Declared("each", 1, [3])]);
        using var file = new MadeFile().Input("x", 3).Longs("count", [], 4).Output("y").Output("all");
        file.Node("Loop", ["count", "", "x"], ["y", "all"],
            new AttributeProto { Name = "body", G = body, Type = AttributeProto.Types.AttributeType.Graph });
        using var scope = NewDisposeScope();
        using var loaded = onnx.load<GraphModule<torch.Tensor, Features>>(file.Write().Path);
        using var features = loaded.call(tensor(new float[] { 1, 2, 3 }));
        Assert.Equal([5, 10, 15], features["y"].data<float>().ToArray());
        Assert.Equal([4, 3], features["all"].shape);
    }

    [Fact]
    public void Quantised_weights_stay_steps()
    {
        using var file = new MadeFile().Input("x", 1, 2, 4, 4).Floats("scale", [3], 0.5f, 0.25f, 2).Output("y");
        file.Graph.Initializer.Add(new TensorProto { Name = "q", DataType = 3, Dims = { 3, 2, 1, 1 }, Int32Data = { 1, -2, 3, 4, -5, 6 } });
        file.Graph.Initializer.Add(new TensorProto { Name = "zero", DataType = 3, Dims = { 3 }, Int32Data = { 0, 0, 0 } });
        file.Node("DequantizeLinear", ["q", "scale", "zero"], ["w"], Axis(0)).Node("Conv", ["x", "w"], ["y"]);
        Same(file, rand(1, 2, 4, 4));
        using var loaded = onnx.load(file.Path);
        Assert.Contains(loaded.state_dict(), entry => entry.Value.dtype == ScalarType.Int8);
    }

    private static AttributeProto Axis(long axis) => new() { Name = "axis", I = axis, Type = AttributeProto.Types.AttributeType.Int };

    private static AttributeProto Branch(string name, string operation)
        => new() { Name = name, Type = AttributeProto.Types.AttributeType.Graph,
            G = new() { Name = name, Node = { MadeFile.Made(operation, ["x"], ["r"]) }, Output = { MadeFile.Declared("r", 1, [3]) } } };

    private static void Same(MadeFile file, torch.Tensor input)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var loaded = onnx.load<GraphModule<torch.Tensor, torch.Tensor>>(file.Write().Path);
        OnnxModel.AssertClose(OnnxModel.RunFile(file.Path, input), loaded.call(input));
    }
}

using TorchSharp.Fx.Testing;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Vision.Tests.Quantization;

/// <summary>The linear layers in <c>MultiheadAttention</c>: in eight bits for who asks for it, in floating point in PyTorch's default.</summary>
public sealed class AttentionTests : IDisposable
{
    private const string First = "encoder.layers.encoder_layer_0.self_attention";

    private readonly DisposeScope scope = NewDisposeScope();
    private readonly IDisposable mode = no_grad();

    public void Dispose()
    {
        mode.Dispose();
        scope.Dispose();
    }

    private static VisionTransformer Model()
    {
        var model = DeterministicWeights.Fill(new VisionTransformer(32, 8, 2, 4, 64, 128, num_classes: 10));
        model.eval();
        return model;
    }

    private static Tensor Images(string name) => DeterministicWeights.Named(name, [2, 3, 32, 32]);

    private static (DualGraphModule<Tensor> Extractor, Tensor Image) Example()
    {
        var extractor = feature_extraction.create_feature_extractor(Model(), ["encoder.ln", "heads.head"]);
        extractor.eval();
        return (extractor, Images("calibration0"));
    }

    /// <summary>The weights that are kept as steps, as numbers.</summary>
    private static List<Tensor> Weights(DualGraphModule<Tensor> int8)
    {
        var run = new Recorded(int8);
        run.run(Images("calibration0"));
        return run.Weights;
    }

    [Fact]
    public void One_line_quantises_the_layers_in_attention()
    {
        var (extractor, images) = Example();
        using var int8 = extractor.quantize([images]);
        // The patches, the head, and for each of two blocks q, k, v, the projection and two of the MLP.
        var weights = Weights(int8);
        Assert.Equal(2 + 2 * 6, weights.Count);
        foreach (var part in Model().state_dict()[First + ".in_proj_weight"].chunk(3))
            Assert.Contains(weights, weight => weight.shape.SequenceEqual(part.shape)
                && ((weight - part).abs() <= part.abs().amax([1], true) / 127 * 0.51).all().item<bool>());
        var (exact, near) = (extractor.call(images), int8.call(images));
        foreach (var name in exact.Keys)
            Assert.InRange(functional.cosine_similarity(exact[name].flatten(), near[name].flatten(), 0).item<float>(), 0.999f, 1.0001f);
    }

    [Fact]
    public void Pytorchs_default_leaves_attention_in_floating_point()
    {
        var (extractor, images) = Example();
        using var prepared = quantization.prepare_fx(extractor);
        prepared.call(images).Dispose();
        using var int8 = quantization.convert_to_reference_fx(prepared);
        Assert.Equal(2 + 2 * 2, Weights(int8).Count);
        Assert.Equal(2, int8.graph.find_nodes(Opcode.call_module).Count(node => node.target.name.EndsWith("self_attention", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("type", 2 + 2 * 2)]
    [InlineData("name", 2 + 2 + 6)]
    [InlineData("pattern", 2 + 2 + 6)]
    [InlineData("projection", 2 + 5 + 6)]
    public void Names_and_types_say_which_layers_stay(string how, int expected)
    {
        var (extractor, images) = Example();
        var mapping = QConfigMapping.default_mapping(QConfig.minmax_qconfig, attention: true);
        _ = how switch
        {
            "type" => mapping.set_object_type(typeof(MultiheadAttention), null),
            "name" => mapping.set_module_name(First, null),
            "pattern" => mapping.set_module_name_regex(@".*layer_0\.self_", null),
            _ => mapping.set_module_name(First + ".out_proj", null),
        };
        using var int8 = extractor.quantize([images], mapping);
        Assert.Equal(expected, Weights(int8).Count);
    }

    [Fact]
    public void Attention_may_have_a_configuration_of_its_own()
    {
        var (extractor, images) = Example();
        var mapping = new QConfigMapping().set_global(null).set_object_type(typeof(TorchSharp.Modules.MultiheadAttention), QConfig.minmax_qconfig);
        using var int8 = extractor.quantize([images], mapping);
        Assert.Equal(2 * 4, Weights(int8).Count);
    }

    [Fact]
    public void Kernels_give_what_the_reference_graph_gives_also_from_a_file()
    {
        var (extractor, images) = Example();
        using var int8 = extractor.quantize([images]);
        var path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName() + ".safetensors");
        try
        {
            fx.save(int8, path);
            using var loaded = (DualGraphModule<Tensor>)fx.load(path);
            using var fast = int8.optimize_for_inference();
            var (expected, actual, again) = (int8.call(images), fast.call(images), loaded.call(images));
            foreach (var name in expected.Keys)
            {
                Assert.True(expected[name].eq(again[name]).all().item<bool>(), name);
                Assert.InRange((expected[name] - actual[name]).abs().max().item<float>(), 0, expected[name].std().item<float>() * 0.1f);
            }
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void The_report_has_the_layers_in_attention()
    {
        var (extractor, images) = Example();
        using var int8 = extractor.quantize([images]);
        var report = quantization.report(extractor, int8, [images]);
        Assert.Equal(2 * 3, report.layers.Count(layer => layer.operation == "linear" && layer.name.Contains("self_attention", StringComparison.Ordinal)));
        Assert.All(report.layers, layer => Assert.InRange(layer.own_sqnr, 15, double.PositiveInfinity));
        using var exact = extractor.quantize([images], 0.99999);
        Assert.InRange(Weights(exact).Count, 0, Weights(int8).Count - 1);
    }

    private static (DualGraphModule<Tensor> Graph, Tensor Images) Swin()
    {
        var model = DeterministicWeights.Fill(new SwinTransformer([4, 4], 32, [2, 2], [2, 4], [4, 4], num_classes: 10));
        model.eval();
        var graph = feature_extraction.create_feature_extractor(model, ["head"]);
        graph.eval();
        return (graph, DeterministicWeights.Named("calibration0", [1, 3, 64, 64]));
    }

    /// <summary>Sizes that the windows divide and others, more than an optimised copy keeps graphs for.</summary>
    [Fact]
    public void Windows_take_eight_bits_in_their_first_layer()
    {
        var (graph, images) = Swin();
        using var int8 = graph.quantize([images]);
        // q, k and v are one layer here, and two blocks in each of two stages.
        Assert.Equal(4 * 2, int8.graph.nodes.Count(node => node.target.name == "dequantize_per_channel"
            && node.users.Any(user => user.target.name == "shifted_window_attention")));
        using var pytorchs = graph.quantize([images], QConfigMapping.default_mapping());
        using var fast = int8.optimize_for_inference();
        using var copy = fast.clone();
        foreach (var size in new[] { 64, 80, 96, 52, 128, 112 })
        {
            var input = DeterministicWeights.Named($"input{size}", [2, 3, size, size]);
            var (exact, expected) = (graph.call(input)["head"], int8.call(input)["head"]);
            // Little is lost beside what the rest loses.
            var usual = pytorchs.call(input)["head"];
            Assert.InRange((exact - expected).norm().item<float>(), 0, (exact - usual).norm().item<float>() * 1.5f);
            foreach (var module in new[] { fast, copy })
                Assert.InRange((expected - module.call(input)["head"]).abs().max().item<float>(), 0, expected.std().item<float>() * 0.1f);
        }
    }

    [Fact]
    public void Pytorchs_default_leaves_windows_in_floating_point()
    {
        var (graph, images) = Swin();
        using var int8 = graph.quantize([images], QConfigMapping.default_mapping());
        Assert.DoesNotContain(int8.graph.nodes, node => node.target.name == "dequantize_per_channel"
            && node.users.Any(user => user.target.name == "shifted_window_attention"));
        using var some = graph.quantize([images], QConfigMapping.default_mapping(attention: true).set_module_name_regex(@"features\.1\.", null));
        Assert.Equal(2 * 2, some.graph.nodes.Count(node => node.target.name == "dequantize_per_channel"
            && node.users.Any(user => user.target.name == "shifted_window_attention")));
    }

    private sealed class Recorded(IGraphModule module) : GraphInterpreter(module)
    {
        internal List<Tensor> Weights { get; } = [];

        public override object? run_node(Node node)
        {
            var value = base.run_node(node);
            if (node.target.name == "dequantize_per_channel")
                Weights.Add(((Tensor)value!).clone());
            return value;
        }
    }
}

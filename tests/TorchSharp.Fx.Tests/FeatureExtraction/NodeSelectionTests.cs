using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.FeatureExtraction;

/// <summary>Nodes asked for by pattern, by condition and by what they are given.</summary>
public sealed class NodeSelectionTests
{
    private sealed class Block : Module<Tensor, Tensor>
    {
        private readonly Linear conv1 = Linear(2, 2);
        private readonly ReLU relu = ReLU(inplace: true);
        private readonly Linear conv2 = Linear(2, 2);

        public Block() : base(nameof(Block)) => RegisterComponents();

        public override Tensor forward(Tensor x)
        {
            var y = conv1.call(x);
            relu.call(y);
            return x + conv2.call(y);
        }
    }

    private sealed class Net : Module<Tensor, Tensor>
    {
        private readonly Sequential layer1 = Sequential(new Block(), new Block());
        private readonly Sequential layer2 = Sequential(new Block());
        private readonly Linear fc = Linear(2, 3);

        public Net() : base(nameof(Net)) => RegisterComponents();

        public override Tensor forward(Tensor x) => fc.call(layer2.call(layer1.call(x)));
    }

    [Theory]
    [InlineData("layer*.?.conv2", "layer1.0.conv2 layer1.1.conv2 layer2.0.conv2")]
    [InlineData("layer?", "layer1 layer2")]
    [InlineData("*", "x layer1 layer2 fc")]
    [InlineData("**.relu", "layer1.0.relu layer1.1.relu layer2.0.relu")]
    [InlineData("layer1.*", "layer1.0 layer1.1")]
    [InlineData("**2", "layer1.0.conv2 layer1.1.conv2 layer2 layer2.0.conv2")]
    [InlineData("fc", "fc")]
    [InlineData("f.c", "")]
    [InlineData("f(c)*", "")]
    public void A_pattern_fits_nodes_and_modules_part_by_part(string pattern, string names)
    {
        var nodes = feature_extraction.get_graph_node_names(new Net()).eval_nodes;
        Assert.Equal(names, string.Join(' ', new NodePattern(pattern).Matches(nodes)));
    }

    [Fact]
    public void Patterns_are_extracted_under_the_names_they_fit()
    {
        using var extractor = feature_extraction.create_feature_extractor(new Net(), ["layer?.0.conv2", "layer?", "layer1"]);
        using var features = extractor.call(rand(1, 2));
        Assert.Equal("layer1.0.conv2 layer1 layer2.0.conv2 layer2", features.Keys());
    }

    [Fact]
    public void A_pattern_of_one_node_may_have_a_key_and_one_of_several_may_not()
    {
        using var extractor = feature_extraction.create_feature_extractor(new Net(), new() { ["layer2.*.conv1"] = "first" });
        using var features = extractor.call(rand(1, 2));
        Assert.Equal("first", features.Keys());
        Assert.Equal("The key 'all' is given to 2 nodes, 'layer1' and 'layer2'. Give each node a key of its own.",
            Assert.Throws<ArgumentException>(() => feature_extraction.create_feature_extractor(new Net(), new() { ["layer*"] = "all" })).Message);
    }

    [Fact]
    public void A_pattern_that_fits_nothing_is_refused()
        => Assert.Equal(
            "No node or module of the model fits the pattern 'layer*.conv2'. '*' and '?' stand for letters within one part of a name, '**' for dots as well. Hint: `get_graph_node_names` lists the names.",
            Assert.Throws<ArgumentException>(() => feature_extraction.create_feature_extractor(new Net(), ["layer*.conv2"])).Message);

    [Fact]
    public void A_condition_chooses_among_all_nodes()
    {
        using var extractor = feature_extraction.create_feature_extractor(new Net(), ReturnNodes.Where((_, module) => module is Linear { out_features: 3 }));
        using (var features = extractor.call(rand(1, 2)))
            Assert.Equal("fc", features.Keys());
        using var adding = feature_extraction.create_feature_extractor(new Net(), ReturnNodes.Where((node, _) => node.target.name == "add"));
        using (var features = adding.call(rand(1, 2)))
            Assert.Equal("layer1.0.add layer1.1.add layer2.0.add", features.Keys());
        Assert.Equal("No node of the model meets the condition that was given to ReturnNodes.Where.",
            Assert.Throws<ArgumentException>(() => feature_extraction.create_feature_extractor(new Net(), ReturnNodes.Where((_, module) => module is Dropout))).Message);
    }

    [Fact]
    public void An_input_is_what_the_node_or_module_was_given()
    {
        var model = new Net();
        using var extractor = feature_extraction.create_feature_extractor(model, ["layer1:in", "layer1", "layer2:in", "fc:in", "layer2", "fc"]);
        using var x = rand(3, 2);
        using var features = extractor.call(x);
        Assert.Equal(x.Numbers(), features["layer1:in"].Numbers());
        Assert.NotSame(x, features["layer1:in"]);
        Assert.Equal(features["layer1"].Numbers(), features["layer2:in"].Numbers());
        Assert.Equal(features["layer2"].Numbers(), features["fc:in"].Numbers());
        Assert.Equal(model.call(x).Numbers(), features["fc"].Numbers());
    }

    [Fact]
    public void An_input_is_taken_as_it_is_when_it_is_given()
    {
        // conv2 reads what relu has overwritten by then, though its argument is conv1's node.
        using var extractor = feature_extraction.create_feature_extractor(new Block(), ["conv1", "relu:in", "conv2:in"]);
        using var features = extractor.call(randn(64, 2));
        Assert.Contains(features["conv1"].Numbers(), number => number < 0);
        Assert.Equal(features["conv1"].Numbers(), features["relu:in"].Numbers());
        Assert.Equal(features["conv1"].Numbers().Select(number => Math.Max(number, 0)), features["conv2:in"].Numbers());
    }

    [Fact]
    public void A_pattern_of_inputs_is_the_inputs_of_what_fits()
    {
        using var extractor = feature_extraction.create_feature_extractor(new Net(), ["layer1.?.conv2:in"]);
        using var features = extractor.call(rand(1, 2));
        Assert.Equal("layer1.0.conv2:in layer1.1.conv2:in", features.Keys());
    }

    [Fact]
    public void What_has_no_input_is_refused()
        => Assert.Equal("node: 'x:in' can't be returned: 'x' takes no input.",
            Assert.Throws<ArgumentException>(() => feature_extraction.create_feature_extractor(new Net(), ["x:in"])).Message);
}

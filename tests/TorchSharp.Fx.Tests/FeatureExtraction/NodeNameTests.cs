using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.FeatureExtraction;

/// <summary>How nodes are named and found. Mirrors torchvision's test_node_name_conventions.</summary>
public sealed class NodeNameTests
{
    private sealed class TestSubModule : Module<Tensor, Tensor>
    {
        private readonly ReLU relu = ReLU();

        public TestSubModule() : base(nameof(TestSubModule)) => RegisterComponents();

        public override Tensor forward(Tensor x)
        {
            x = x + 1;
            x = x + 1;
            x = relu.call(x);
            x = relu.call(x);
            return x;
        }
    }

    private sealed class TestModule : Module<Tensor, Tensor>
    {
        private readonly TestSubModule submodule = new();
        private readonly ReLU relu = ReLU();

        public TestModule() : base(nameof(TestModule)) => RegisterComponents();

        public override Tensor forward(Tensor x)
        {
            x = submodule.call(x);
            x = x + 1;
            x = x + 1;
            x = relu.call(x);
            x = relu.call(x);
            return x;
        }
    }

    [Fact]
    public void Names_follow_torchvisions_conventions()
    {
        var (train, eval) = feature_extraction.get_graph_node_names(new TestModule());
        string[] expected = ["x", "submodule.add", "submodule.add_1", "submodule.relu", "submodule.relu_1", "add", "add_1", "relu", "relu_1"];
        Assert.Equal(expected, train);
        Assert.Equal(expected, eval);
    }

    [Theory]
    [InlineData("submodule.relu", 0f, 2f)]
    [InlineData("submodule.relu_1", 0f, 2f)]
    [InlineData("submodule", 0f, 2f)]
    [InlineData("submodule.add", -2f, 1f)]
    [InlineData("relu", 2f, 4f)]
    public void A_module_stands_for_the_last_node_inside(string name, float first, float second)
    {
        using var extractor = feature_extraction.create_feature_extractor(new TestModule(), [name]);
        using var features = extractor.call(tensor([-3f, 0f]));
        Assert.Equal([first, second], features[name].Numbers());
    }

    [Fact]
    public void A_module_and_a_node_inside_it_can_both_be_asked_for()
    {
        using var extractor = feature_extraction.create_feature_extractor(new TestModule(), ["submodule", "submodule.relu_1", "submodule.add_1"]);
        using var features = extractor.call(tensor([-3f, 0f]));
        Assert.Equal([-1f, 2f], features["submodule.add_1"].Numbers());
        Assert.Equal([0f, 2f], features["submodule"].Numbers());
        Assert.Equal([0f, 2f], features["submodule.relu_1"].Numbers());
    }

    [Fact]
    public void Keys_come_in_the_order_of_execution()
    {
        using var extractor = feature_extraction.create_feature_extractor(new TestModule(), new() { ["relu"] = "late", ["submodule.add"] = "early", ["x"] = "first", ["add"] = "middle" });
        using var features = extractor.call(zeros(1));
        Assert.Equal("first early middle late", features.Keys());
    }

    [Theory]
    [InlineData("submodule.", "'submodule'", "'submodule.add'", "'submodule.relu'")]
    [InlineData("sub.odule", "'submodule'", "'submodule.add'", "'submodule.relu'")]
    [InlineData("relu_2", "'relu_1'", "'relu'", "'add_1'")]
    [InlineData("", "'x'", "'add'", "'relu'")]
    public void A_query_is_a_name_and_no_pattern_and_an_unknown_one_is_refused_with_the_nearest(string query, string nearest, string second, string third)
    {
        var error = Assert.Throws<ArgumentException>(() => feature_extraction.create_feature_extractor(new TestModule(), ["relu", query]));
        Assert.Equal($"node: '{query}' is not present in model. The nearest names are {nearest}, {second}, {third}. Hint: use `get_graph_node_names` to make sure the "
            + "`return_nodes` you specified are present. It may even be that you need to specify `train_return_nodes` and `eval_return_nodes` separately.", error.Message);
    }

    private sealed class EncoderBlock : Module<Tensor, Tensor>
    {
        private readonly LayerNorm ln_1 = LayerNorm([2]);
        private readonly Linear attention = Linear(2, 2);
        private readonly LayerNorm ln_2 = LayerNorm([2]);

        public EncoderBlock() : base(nameof(EncoderBlock)) => RegisterComponents();

        public override Tensor forward(Tensor x) => ln_2.call(attention.call(ln_1.call(x)));
    }

    private sealed class Transformer : Module<Tensor, Tensor>
    {
        private readonly EncoderBlock block = new();

        public Transformer() : base(nameof(Transformer)) => RegisterComponents();

        public override Tensor forward(Tensor x) => block.call(x) + 1;
    }

    [Fact]
    public void A_module_that_is_listed_without_its_number_answers_to_its_exact_path_too()
    {
        var model = new Transformer();
        Assert.Equal(["x", "block.ln", "block.attention", "block.ln_1", "add"], feature_extraction.get_graph_node_names(model).eval_nodes);
        using var extractor = feature_extraction.create_feature_extractor(model, ["block.ln_2", "block.ln", "block.ln_1"]);
        using var features = extractor.call(tensor([1f, 3f]).reshape(1, 2));
        Assert.Equal("block.ln block.ln_1 block.ln_2", features.Keys());
        Assert.Equal("block.ln_1 block.attention block.ln_2", extractor.graph.Steps());
        Extracted.AssertSame(features["block.ln"], features["block.ln_1"]);
    }

    [Fact]
    public void One_node_may_be_asked_for_under_two_keys()
    {
        using var extractor = feature_extraction.create_feature_extractor(new TestModule(), new() { ["submodule"] = "stage", ["submodule.relu_1"] = "node" });
        using var features = extractor.call(tensor([1f]));
        Assert.Equal("stage node", features.Keys());
        Assert.Equal([3f], features["stage"].Numbers());
        Assert.Equal([3f], features["node"].Numbers());
        Assert.Single(extractor.graph.output_node().all_input_nodes);
    }

    [Fact]
    public void Lists_arrays_and_dictionaries_ask_for_nodes_and_stay_as_they_are()
    {
        Dictionary<string, string> dictionary = new() { ["relu"] = "a", ["add"] = "b" };
        ReturnNodes nodes = ["relu", "add"];
        Assert.Equal("b a", Keys(dictionary));
        Assert.Equal("add relu", Keys(new[] { "relu", "add" }));
        Assert.Equal("add relu", Keys(new List<string> { "relu", "add" }));
        Assert.Equal("add relu", Keys(nodes));
        Assert.Equal(["relu", "add"], nodes.Select(node => node.Name));
        Assert.Equal([new("relu", "a"), new("add", "b")], dictionary);

        static string Keys(ReturnNodes nodes)
        {
            using var extractor = feature_extraction.create_feature_extractor(new TestModule(), nodes);
            using var features = extractor.call(zeros(1));
            return features.Keys();
        }
    }

    [Fact]
    public void Two_nodes_under_one_key_are_refused()
    {
        var error = Assert.Throws<ArgumentException>(() => feature_extraction.create_feature_extractor(new TestModule(), new() { ["relu"] = "out", ["add"] = "out" }));
        Assert.Equal("The key 'out' is given to 2 nodes, 'relu' and 'add'. Give each node a key of its own.", error.Message);
    }

    private sealed class Looked : Module<Tensor, Tensor>
    {
        private readonly Parameter table = new(rand(4, 2));
        private readonly Tensor index = torch.tensor(new long[,] { { 0, 3 }, { 1, 2 } });

        public Looked() : base(nameof(Looked))
        {
            register_buffer("index", index);
            RegisterComponents();
        }

        public override Tensor forward(Tensor x) => x + table[index.view(-1)].view(2, 2, 2);
    }

    [Fact]
    public void What_depends_on_buffers_alone_is_not_listed_and_follows_them()
    {
        using var model = new Looked();
        var (train, eval) = feature_extraction.get_graph_node_names(model);
        string[] expected = ["x", "table", "getitem", "view", "add"];
        Assert.Equal(expected, train);
        Assert.Equal(expected, eval);

        using var extractor = feature_extraction.create_feature_extractor(model, ["add"]);
        var x = zeros(2, 2, 2);
        var before = extractor.call(x)["add"];
        model.get_buffer("index")!.zero_();
        Assert.True(extractor.call(x)["add"].allclose(model.call(x)));
        Assert.False(before.allclose(model.call(x)));
    }
}

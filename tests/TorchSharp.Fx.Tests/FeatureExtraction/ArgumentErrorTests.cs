using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.FeatureExtraction;

/// <summary>The errors of torchvision's test_build_fx_feature_extractor, each with a sentence of its own.</summary>
public sealed class ArgumentErrorTests
{
    private readonly Module<Tensor, Tensor> model = Sequential(("fc", Linear(2, 2)), ("relu", ReLU()));

    [Fact]
    public void No_nodes_at_all()
        => AssertRefused("Either `return_nodes` or `train_return_nodes` and `eval_return_nodes` together, should be specified", null, null, null);

    [Fact]
    public void One_mode_only()
    {
        const string Sentence = "If any of `train_return_nodes` and `eval_return_nodes` are specified, then both should be specified";
        AssertRefused(Sentence, null, ["fc"], null);
        AssertRefused(Sentence, null, null, ["fc"]);
        AssertRefused(Sentence, ["fc"], ["fc"], null);
    }

    [Fact]
    public void Both_ways_of_naming()
        => AssertRefused("If `train_return_nodes` and `eval_return_nodes` are specified, then `return_nodes` should not be", ["fc"], ["fc"], ["fc"]);

    [Fact]
    public void An_empty_list()
        => AssertRefused("No nodes are asked for: name at least one for each mode. `get_graph_node_names` lists them.", [], null, null);

    [Fact]
    public void A_name_that_only_one_mode_has()
        => AssertRefused("node: 'fv' is not present in model. The nearest names are 'fc', 'relu', 'tensor'. Hint: use `get_graph_node_names` to make sure the `return_nodes` you specified "
            + "are present. It may even be that you need to specify `train_return_nodes` and `eval_return_nodes` separately.", null, ["fc"], ["fv"]);

    private void AssertRefused(string sentence, ReturnNodes? both, ReturnNodes? train, ReturnNodes? eval)
        => Assert.Equal(sentence, Assert.Throws<ArgumentException>(() => feature_extraction.create_feature_extractor(model, both, train, eval)).Message);
}

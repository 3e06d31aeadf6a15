using TorchSharp.Fx.Tests.Tracing;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.FeatureExtraction;

/// <summary>
/// Values made of buffers alone. What they are before the program changes the buffers torchvision computes while tracing and doesn't list; what they are afterwards belongs to the run and is listed.
/// </summary>
[Collection(nameof(Alone))] // the warning about differing lists is everyone's
public sealed class StatisticsNodeTests
{
    private sealed class Model : Module<Tensor, Tensor>
    {
        private readonly BatchNorm1d bn = BatchNorm1d(3);
        private readonly Tensor counter = zeros(1);
        private readonly Func<BatchNorm1d, Tensor, Tensor, Tensor> code;

        public Model(Func<BatchNorm1d, Tensor, Tensor, Tensor> code) : base(nameof(Model))
        {
            this.code = code;
            RegisterComponents();
        }

        public override Tensor forward(Tensor x) => code(bn, counter, x);
    }

    private static Tensor Moved(BatchNorm1d bn, Tensor counter, Tensor x)
    {
        var before = bn.running_mean!.clone();
        bn.call(x);
        return bn.running_mean - before;
    }

    private static Tensor Counted(BatchNorm1d bn, Tensor counter, Tensor x)
    {
        var scaled = counter * 2;
        counter.add_(x.sum());
        return counter.neg() + scaled;
    }

    [Fact]
    public void What_a_batch_norm_made_of_its_statistics_is_a_node()
    {
        using var model = new Model(Moved);
        var (train, eval) = feature_extraction.get_graph_node_names(model);
        Assert.Equal(["x", "bn", "sub"], train);
        Assert.Equal(train, eval);
    }

    [Fact]
    public void What_the_program_wrote_to_a_buffer_is_a_node()
    {
        using var model = new Model(Counted);
        Assert.Equal(["x", "sum_1", "add_", "neg", "add"], feature_extraction.get_graph_node_names(model).train_nodes.Select(name => name == "sum" ? "sum_1" : name));
    }

    [Fact]
    public void What_the_buffers_were_before_is_none()
    {
        using var model = new Model((bn, counter, x) => bn.call(x) + counter.neg());
        Assert.Equal(["x", "bn", "add"], feature_extraction.get_graph_node_names(model).train_nodes);
    }

    [Fact]
    public void Statistics_are_extracted_in_both_modes()
    {
        using var eager = new Model(Moved);
        using var model = new Model(Moved);
        using var extractor = feature_extraction.create_feature_extractor(model, ["sub"]);
        using var x = rand(4, 3);
        foreach (var training in new[] { true, false, true })
        {
            eager.train(training);
            extractor.train(training);
            using var features = extractor.call(x);
            Traced.Same(eager.call(x), features["sub"]);
        }
    }
}

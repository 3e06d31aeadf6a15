using System.Text.Json;
using TorchSharp.Fx.Testing;
using Xunit;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Vision.Tests;

/// <summary>RAFT against torchvision with the same weights and images, and flows as pictures.</summary>
public sealed class OpticalFlowTests : IDisposable
{
    private static readonly JsonElement golden = Golden.Json("optical_flow", "raft_small.json");

    private readonly DisposeScope scope = NewDisposeScope();
    private readonly IDisposable noGradients = no_grad();

    public void Dispose()
    {
        noGradients.Dispose();
        scope.Dispose();
    }

    [Fact]
    public void Flows_are_torchvisions_eager_traced_and_optimised()
    {
        using var model = Model();
        var (first, second) = Images();
        AssertFlows(model.call(first, second));

        using var traced = fx.symbolic_trace(model);
        AssertFlows(traced.call(first, second));
        using var optimised = traced.optimize_for_inference();
        AssertFlows(optimised.call(first, second));
    }

    [Fact]
    public void The_large_models_flows_are_torchvisions()
    {
        using var model = DeterministicWeights.Fill(models.raft_large());
        model.num_flow_updates = 4;
        model.eval();
        var (first, second) = Images();
        AssertFlows(model.call(first, second), Golden.Json("optical_flow", "raft_large.json"));
    }

    [Fact]
    public void A_graph_of_symbols_takes_batches_and_images_of_other_sizes()
    {
        using var model = Model();
        model.num_flow_updates = 2;
        using var traced = fx.symbolic_trace(model);
        var (first, second) = (DeterministicWeights.Input(2, 3, 136, 128), DeterministicWeights.Named("second", 2, 3, 136, 128));
        foreach (var (expected, actual) in model.call(first, second).Zip(traced.call(first, second)))
            Assert.True(expected.allclose(actual, rtol: 1e-4, atol: 1e-4));
    }

    [Fact]
    public void Features_of_the_encoders_and_of_each_update_have_names()
    {
        using var model = Model();
        model.num_flow_updates = 2;
        var names = feature_extraction.get_graph_node_names(model).eval_nodes;
        Assert.Equal(["feature_encoder.layer3.1.relu", "context_encoder.conv", "update_block.flow_head.conv2", "update_block.flow_head.conv2_1"],
            names.Where(name => name is "feature_encoder.layer3.1.relu" or "context_encoder.conv" || name.Contains("flow_head.conv2", StringComparison.Ordinal)));
        using var extractor = feature_extraction.create_feature_extractor(model, ["feature_encoder.layer3", "update_block.flow_head.conv2_1"]);
        var (first, second) = Images();
        using var features = extractor.call(first, second);
        Assert.Equal([2, 96, 16, 20], features["feature_encoder.layer3"].shape);
        Assert.Equal([1, 2, 16, 20], features["update_block.flow_head.conv2_1"].shape);
    }

    [Fact]
    public void The_large_model_scales_flows_up_by_weights_of_its_own()
    {
        // A mask of zeros is the mean of the nine places around a pixel's own, with zeros beyond the edges.
        using var model = models.raft_large();
        model.eval();
        foreach (var (name, parameter) in model.named_parameters())
            if (name.StartsWith("mask_predictor.conv.", StringComparison.Ordinal)) parameter.zero_();
        Tensor? delta = null;
        model.modules().OfType<FlowHead>().Single().register_forward_hook((_, _, y) =>
        {
            delta = y.clone().DetachFromDisposeScope();
            return y;
        });
        var flow = model.forward(rand(1, 3, 128, 128) * 2 - 1, rand(1, 3, 128, 128) * 2 - 1, num_flow_updates: 1).Single();
        var means = nn.functional.avg_pool2d(8 * delta!, 3, stride: 1, padding: 1);
        Assert.True(flow.allclose(means.repeat_interleave(8, 2).repeat_interleave(8, 3), rtol: 1e-4, atol: 1e-5));
    }

    [Fact]
    public void Images_that_do_not_fit_are_refused()
    {
        using var model = models.raft_small();
        AssertRefused("Both images have one size; these have 128 × 160 and 128 × 168 pixels.", [1, 3, 128, 160], [1, 3, 128, 168]);
        AssertRefused("Height and width of the images are divisible by 8; these have 128 × 150 pixels.", [1, 3, 128, 150], [1, 3, 128, 150]);
        AssertRefused("The features are too small for 4 levels: they are 8 × 16 and need 16 × 16. The images are 8 times as large: at least 128 × 128 pixels.",
            [1, 3, 64, 128], [1, 3, 64, 128]);
        Assert.StartsWith("'raft_small' tells no classes apart: leave num_classes out.",
            Assert.Throws<ArgumentException>(() => models.get_model("raft_small", num_classes: 5)).Message, StringComparison.Ordinal);

        void AssertRefused(string message, long[] first, long[] second) =>
            Assert.Equal(message, Assert.Throws<ArgumentException>(() => model.call(rand(first), rand(second))).Message);
    }

    [Fact]
    public void Training_reaches_every_weight()
    {
        using var gradients = enable_grad();
        using var model = models.raft_small();
        model.train();
        model.forward(rand(1, 3, 128, 128), rand(1, 3, 128, 128), num_flow_updates: 2).Aggregate(zeros(1), (sum, flow) => sum + flow.abs().mean()).backward();
        Assert.All(model.named_parameters(), item => Assert.True(item.parameter.grad is { } gradient && gradient.isfinite().all().item<bool>(), item.name));
    }

    [Fact]
    public void Weights_prepare_images_to_values_from_minus_one_to_one()
    {
        var image = torch.tensor(new byte[] { 0, 51, 255 }).view(3, 1, 1);
        var prepared = Raft_Large_Weights.C_T_SKHT_V2.transforms().call(image);
        Assert.Equal([-1f, -0.6f, 1f], prepared.data<float>().ToArray().Select(value => MathF.Round(value, 6)));
        Assert.Equal("raft_large", Raft_Large_Weights.DEFAULT.model);
    }

    // The colours of Baker et al.'s wheel: 15 steps from red to yellow, 6 to green, 4 to cyan, 11 to blue, 13 to magenta and 6 to red, the
    // half turn at 27.
    [Theory]
    [InlineData(1, 0, 255, 0, 0)]
    [InlineData(-1, 0, 0, 209, 255)]
    [InlineData(0, 1, 255, 229, 0)]
    [InlineData(0, -1, 88, 0, 255)]
    [InlineData(0, 0, 255, 255, 255)]
    public void Directions_have_the_usual_colours(float right, float down, byte red, byte green, byte blue)
    {
        // The longest flow has the full colour, and half of it half of the way to white.
        var flow = torch.tensor(new[] { right, right / 2, 0, down, down / 2, 1e-9f }).view(2, 1, 3);
        var image = optical_flow.flow_to_image(flow);
        Assert.Equal([3, 1, 3], image.shape);
        AssertColour([red, green, blue], image[.., 0, 0]);
        AssertColour([(byte)((255 + red) / 2), (byte)((255 + green) / 2), (byte)((255 + blue) / 2)], image[.., 0, 1]);

        static void AssertColour(byte[] expected, Tensor actual) =>
            Assert.All(expected.Zip(actual.contiguous().data<byte>().ToArray()), pair => Assert.InRange(pair.Second - pair.First, -1, 1));
    }

    [Fact]
    public void A_batch_is_drawn_by_one_measure_and_what_is_no_flow_refused()
    {
        var flows = torch.stack([torch.full([2, 4, 5], 1f), torch.full([2, 4, 5], 3f)]);
        var images = optical_flow.flow_to_image(flows);
        Assert.Equal([2, 3, 4, 5], images.shape);
        Assert.False(images[0].Equals(images[1]));
        Assert.StartsWith("A flow is float32, not Float64.", Assert.Throws<ArgumentException>(() => optical_flow.flow_to_image(flows.to(ScalarType.Float64))).Message, StringComparison.Ordinal);
        Assert.StartsWith("A flow has the shape [2, H, W] or [N, 2, H, W], not [3, 4, 5].",
            Assert.Throws<ArgumentException>(() => optical_flow.flow_to_image(zeros(3, 4, 5))).Message, StringComparison.Ordinal);
    }

    private static RAFT Model()
    {
        var model = DeterministicWeights.Fill(models.raft_small());
        model.num_flow_updates = golden.GetProperty("num_flow_updates").GetInt64();
        model.eval();
        return model;
    }

    private static (Tensor first, Tensor second) Images()
    {
        var first = DeterministicWeights.Input([.. golden.GetProperty("input").EnumerateArray().Select(size => size.GetInt64())]);
        return (first, torch.roll(first, [2, 3], [2, 3]));
    }

    private static void AssertFlows(List<Tensor> flows, JsonElement? of = null)
    {
        var expected = (of ?? golden).GetProperty("flows").EnumerateArray().ToArray();
        Assert.Equal(expected.Length, flows.Count);
        foreach (var (i, flow) in expected.Index()) TensorStatistics.Parse(flow).AssertMatches(flows[i], $"flow {i}");
    }
}

using TorchSharp.Fx.Testing;
using TorchSharp.Fx.Vision.Tests.Features;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Vision.Tests.Quantization;

/// <summary>The models made to be quantised, and eight bits made of them by a checkpoint of PyTorch's.</summary>
public sealed class QuantizableTests : IDisposable
{
    private readonly DisposeScope scope = NewDisposeScope();
    private readonly IDisposable noGradients = no_grad();

    public void Dispose()
    {
        noGradients.Dispose();
        scope.Dispose();
    }

    public static TheoryData<string> Names => [.. models.quantization.list_models()];

    [Fact]
    public void There_are_torchvisions_twelve() => Assert.Equal(
        Directory.GetFiles(Golden.PathOf("node_names"), "quantized_*.json").Select(Path.GetFileNameWithoutExtension).Order(StringComparer.Ordinal),
        models.quantization.list_models());

    [Theory]
    [MemberData(nameof(Names))]
    public void Node_names_and_weights_are_torchvisions(string name)
    {
        var model = models.get_model(name, device: META);
        var (train, eval) = feature_extraction.get_graph_node_names(model, suppress_diff_warning: true);
        Assert.Equal(Golden.NodeNames(name, train: true), train);
        Assert.Equal(Golden.NodeNames(name, train: false), eval);
        Assert.Equal(Golden.Parameters(name), model.parameters().Sum(parameter => parameter.numel()));
        // Stubs and functionals have no weights: the plain model's checkpoint fits.
        Assert.Equal(models.get_model(name["quantized_".Length..], device: META).state_dict().Keys, model.state_dict().Keys);
    }

    [Theory]
    [InlineData("resnet18")]
    [InlineData("shufflenet_v2_x0_5")]
    [InlineData("mobilenet_v3_large")]
    public void In_floating_point_it_is_the_plain_model(string name)
    {
        var plain = (Module<Tensor, Tensor>)DeterministicWeights.Fill(models.get_model(name, num_classes: 10));
        var quantizable = (Module<Tensor, Tensor>)DeterministicWeights.Fill(models.get_model("quantized_" + name, num_classes: 10));
        plain.eval();
        quantizable.eval();
        var x = DeterministicWeights.Input(1, 3, 64, 64);
        Assert.True(plain.call(x).allclose(quantizable.call(x), rtol: 1e-4, atol: 1e-5));
    }

    [Fact]
    public void A_quantised_checkpoint_of_PyTorchs_computes_what_it_computed_there()
    {
        var golden = Golden.Json("checkpoints", "quantized.expected.json");
        using var model = new SmallNet();
        using var int8 = quantization.load_quantized(model, Pth.load_file(Golden.PathOf("checkpoints", "quantized.pth")));
        var input = torch.tensor(Numbers("input")).reshape(2, 3, 8, 8);
        var (expected, actual) = (Numbers("output"), int8.call(input).to(ScalarType.Float32).data<float>().ToArray());
        // The last layer's step; a value between two may go either way.
        var step = golden.GetProperty("fc.scale").GetProperty("values")[0].GetSingle();
        Assert.All(expected.Zip(actual), pair => Assert.InRange(pair.Second - pair.First, -1.001f * step, 1.001f * step));
        Assert.Equal(ScalarType.Int8, int8.state_dict()["conv.weight"].dtype);

        float[] Numbers(string name) => [.. golden.GetProperty(name).EnumerateArray().Select(number => number.GetSingle())];
    }

    [Fact]
    public void A_checkpoint_of_another_model_is_refused()
    {
        var checkpoint = Pth.load_file(Golden.PathOf("checkpoints", "quantized.pth"));
        using var model = new SmallNet();
        var more = new Dictionary<string, Tensor>(checkpoint) { ["other.scale"] = torch.ones(1) };
        Assert.StartsWith($"The model has no place for 'other.scale', and in all 1 of {more.Count} tensors of the checkpoint",
            Assert.Throws<ArgumentException>(() => quantization.load_quantized(model, more)).Message, StringComparison.Ordinal);
        checkpoint.Remove("conv.weight_scale");
        Assert.StartsWith("The checkpoint has no 'conv.weight_scale': it is of another model, or not quantised.",
            Assert.Throws<ArgumentException>(() => quantization.load_quantized(model, checkpoint)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_published_checkpoint_s_keys_fit_every_layer_of_its_model()
    {
        // What torch.ao.quantization.convert leaves of a resnet18 whose batch norms are folded.
        using var model = models.quantization.resnet18(num_classes: 5);
        using var int8 = quantization.load_quantized(model, Converted(model));
        var y = int8.call(torch.rand(1, 3, 64, 64));
        Assert.Equal([1, 5], y.shape);
        Assert.Contains("layer1.0.conv1.weight_scale", int8.state_dict().Keys);
        Assert.DoesNotContain(int8.state_dict().Keys, key => key.Contains("bn1", StringComparison.Ordinal));
    }

    private static Dictionary<string, Tensor> Converted(Module model)
    {
        var state = new Dictionary<string, Tensor>();
        foreach (var (name, module) in model.named_modules())
        {
            var weight = (module as Conv2d)?.weight ?? (module as Linear)?.weight;
            if (weight is not null)
            {
                state[name + ".weight"] = torch.randint(-127, 128, weight.shape, ScalarType.Int8);
                state[name + ".weight_scale"] = torch.full([weight.shape[0]], 1e-3, dtype: ScalarType.Float64);
                state[name + ".weight_zero_point"] = torch.zeros([weight.shape[0]], dtype: ScalarType.Int64);
                state[name + ".bias"] = torch.rand(weight.shape[0]);
            }
            if (weight is not null || module is FloatFunctional or QuantStub)
                (state[name + ".scale"], state[name + ".zero_point"]) = (torch.tensor(0.05), torch.tensor(64L));
        }
        return state;
    }

    /// <summary>The model that the golden checkpoint is of.</summary>
    private sealed class SmallNet : Module<Tensor, Tensor>
    {
        private readonly QuantStub quant = new();
        private readonly Conv2d conv = Conv2d(3, 4, 3);
        private readonly BatchNorm2d bn = BatchNorm2d(4);
        private readonly ReLU relu = ReLU();
        private readonly Linear fc = Linear(4, 2);
        private readonly FloatFunctional add = new();
        private readonly DeQuantStub dequant = new();

        public SmallNet() : base(nameof(SmallNet)) => RegisterComponents();

        public override Tensor forward(Tensor x)
        {
            x = quant.call(x);
            x = relu.call(bn.call(conv.call(x)));
            x = add.add(x, x);
            return dequant.call(fc.call(x.mean([2, 3])));
        }
    }
}

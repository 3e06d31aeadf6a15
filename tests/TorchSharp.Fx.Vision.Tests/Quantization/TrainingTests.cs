using System.Text.Json;
using TorchSharp.Fx.Testing;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Vision.Tests.Quantization;

/// <summary>Training with fake quantisation: the same numbers as PyTorch's from the same state.</summary>
public sealed class TrainingTests : IDisposable
{
    private readonly DisposeScope scope = NewDisposeScope();

    public void Dispose() => scope.Dispose();

    private sealed class Net : Module<Tensor, Tensor>
    {
        private readonly Conv2d conv = Conv2d(3, 4, 3, bias: false);
        private readonly BatchNorm2d norm = BatchNorm2d(4);
        private readonly ReLU relu = ReLU();
        private readonly Conv2d conv2 = Conv2d(4, 4, 3, padding: 1, groups: 2);
        private readonly BatchNorm2d norm2 = BatchNorm2d(4);
        private readonly Linear fc = Linear(4, 2);

        public Net() : base(nameof(Net)) => RegisterComponents();

        public override Tensor forward(Tensor x)
        {
            x = relu.call(norm.call(conv.call(x)));
            x = functional.relu(x + norm2.call(conv2.call(x)));
            return fc.call(x.mean([2, 3]));
        }
    }

    private static GraphModule<Tensor, Tensor> Prepared()
    {
        var model = new Net();
        using (no_grad())
            foreach (var (i, parameter) in model.parameters().Index())
                parameter.copy_(arange(parameter.numel(), ScalarType.Float32).mul(0.37).add(i).sin().reshape(parameter.shape));
        using var traced = fx.symbolic_trace(model);
        return quantization.prepare_qat_fx(traced);
    }

    private static Tensor Input() => arange(4 * 3 * 10 * 10, ScalarType.Float32).mul(0.11).sin().reshape(4, 3, 10, 10);

    [Fact]
    public void Losses_weights_statistics_and_scales_are_PyTorchs()
    {
        var golden = Golden.Json("quantization-training.json");
        using var trained = Prepared();
        var (input, target) = (Input(), tensor(new[] { 1f, -1, 0.5f, 0.5f, -1, 0, 0, 1 }).reshape(4, 2));
        using var optimizer = optim.SGD(trained.parameters(), 0.05);
        var losses = new List<float>();
        for (var i = 0; i < 6; i++)
        {
            if (i == 4)
                trained.apply(quantization.freeze_bn_stats).apply(quantization.disable_observer);
            optimizer.zero_grad();
            var loss = functional.mse_loss(trained.call(input), target);
            loss.backward();
            optimizer.step();
            losses.Add(loss.item<float>());
        }
        AssertNear(golden, "losses", losses, 1e-3f);
        var state = trained.state_dict();
        foreach (var name in golden.EnumerateObject().Select(entry => entry.Name).Where(state.ContainsKey))
            AssertNear(golden, name, state[name].data<float>(), 1e-3f);
        Assert.Contains("conv.bn.running_mean", state.Keys);

        trained.eval();
        using var mode = no_grad();
        // The last value's step is 0.02.
        AssertNear(golden, "eval", trained.call(input).data<float>(), 0.021f);
        using var int8 = quantization.convert_to_reference_fx(trained);
        AssertNear(golden, "converted", int8.call(input).data<float>(), 0.021f);
        var converted = int8.state_dict();
        Assert.Equal(ScalarType.Int8, converted["conv.weight"].dtype);
        foreach (var (name, path) in new[] { ("conv.0", "conv"), ("conv2", "conv2"), ("fc", "fc") })
            AssertNear(golden, name + ".weight_scale", converted[path + ".weight_scale"].data<float>(), 1e-5f);
        AssertNear(golden, "scales", int8.graph.nodes.Where(node => node.target.name == "quantize_per_tensor")
            .Select(node => (float)(double)((Literal)node.args[1]).Value!), 1e-5f);
        Assert.DoesNotContain(int8.graph.nodes, node => node.op == Opcode.call_module && node.target.name.StartsWith("conv", StringComparison.Ordinal));
    }

    [Fact]
    public void Frozen_statistics_stay_in_training_until_they_are_updated_again()
    {
        using var trained = Prepared();
        var norm = trained.modules().OfType<ConvBn>().First();
        trained.apply(quantization.freeze_bn_stats);
        trained.train();
        Assert.True(trained.training);
        var before = trained.state_dict()["conv.bn.running_mean"].clone();
        trained.call(Input());
        Assert.Equal(before, trained.state_dict()["conv.bn.running_mean"]);
        Assert.False(norm.bn.training);
        trained.apply(quantization.update_bn_stats);
        trained.call(Input());
        Assert.NotEqual(before, trained.state_dict()["conv.bn.running_mean"]);
    }

    [Fact]
    public void What_the_mapping_leaves_out_becomes_a_layer_in_floating_point_with_its_norm()
    {
        var model = new Net();
        model.eval();
        using var traced = fx.symbolic_trace(model);
        using var trained = quantization.prepare_qat_fx(traced, new QConfigMapping());
        trained.eval();
        using var converted = quantization.convert_to_reference_fx(trained);
        Assert.True(model.call(Input()).allclose(converted.call(Input()), rtol: 1e-4, atol: 1e-5));
        Assert.DoesNotContain(converted.graph.nodes, node => node.target.name is "conv" or "norm" && node.op == Opcode.call_module);
    }

    private static void AssertNear(JsonElement golden, string name, IEnumerable<float> actual, float tolerance)
    {
        var expected = golden.GetProperty(name).EnumerateArray().Select(number => number.GetSingle()).ToArray();
        var values = actual.ToArray();
        Assert.Equal(expected.Length, values.Length);
        foreach (var (i, (a, b)) in expected.Zip(values).Index())
            Assert.True(Math.Abs(a - b) <= tolerance, $"{name}[{i}] is {b}, PyTorch's {a}");
    }
}

using TorchSharp.Fx.Testing;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Vision.Tests.Quantization;

/// <summary>Layers whose inputs go by their own range: the numbers of PyTorch's <c>quantize_dynamic</c>.</summary>
public sealed class DynamicTests : IDisposable
{
    private readonly DisposeScope scope = NewDisposeScope();
    private readonly IDisposable noGradients = no_grad();

    public void Dispose()
    {
        noGradients.Dispose();
        scope.Dispose();
    }

    private sealed class LongMemory(bool batchFirst) : Module<Tensor, Tensor>(nameof(LongMemory))
    {
        private readonly LSTM layers = LSTM(8, 6, 2, batchFirst: batchFirst, bidirectional: true);

        internal LongMemory Registered()
        {
            RegisterComponents();
            return this;
        }

        public override Tensor forward(Tensor x)
        {
            var (output, states, cells) = layers.call(x);
            return cat([output.flatten(), states.flatten(), cells.flatten()]);
        }
    }

    private sealed class Gated(bool batchFirst) : Module<Tensor, Tensor>(nameof(Gated))
    {
        private readonly GRU layers = GRU(8, 6, 2, batchFirst: batchFirst, bidirectional: true);

        internal Gated Registered()
        {
            RegisterComponents();
            return this;
        }

        public override Tensor forward(Tensor x)
        {
            var (output, states) = layers.call(x);
            return cat([output.flatten(), states.flatten()]);
        }
    }

    private static Module<Tensor, Tensor> Model(string name)
    {
        Module<Tensor, Tensor> model = name switch
        {
            "linear" => Sequential(Linear(8, 3)),
            "lstm" => new LongMemory(false).Registered(),
            "lstm batch_first" => new LongMemory(true).Registered(),
            "gru" => new Gated(false).Registered(),
            _ => new Gated(true).Registered(),
        };
        foreach (var (i, parameter) in model.parameters().Index())
            parameter.copy_(arange(parameter.numel(), ScalarType.Float32).mul(0.37).add(i).sin().mul(0.5).reshape(parameter.shape));
        model.eval();
        return model;
    }

    private static Tensor Input(double speed, params long[] shape)
        => arange(shape.Aggregate((a, b) => a * b), ScalarType.Float32).mul(speed).sin().add(0.1).reshape(shape);

    [Theory, InlineData("linear"), InlineData("lstm"), InlineData("lstm batch_first"), InlineData("gru"), InlineData("gru batch_first")]
    public void Outputs_are_PyTorchs(string name)
    {
        var golden = Golden.Json("quantization-dynamic.json").GetProperty(name);
        var expected = name == "linear" ? [.. golden.EnumerateArray().Select(number => number.GetSingle())]
            : new[] { "output", "h", "c" }.SelectMany(part => golden.GetProperty(part).EnumerateArray().Select(number => number.GetSingle())).ToArray();
        using var traced = fx.symbolic_trace(Model(name));
        using var int8 = quantization.quantize_dynamic(traced);
        var input = name == "linear" ? Input(0.11, 4, 8) : Input(0.13, 5, 2, 8);
        var actual = int8.call(input);
        Assert.All(expected.Zip(actual.flatten().data<float>()), pair => Assert.InRange(pair.Second, pair.First - 2e-5f, pair.First + 2e-5f));
        Assert.Equal(expected.Length, actual.numel());

        // All weights are steps, in a saved graph too.
        var weights = int8.state_dict().Where(entry => entry.Key.Contains("weight", StringComparison.Ordinal)
            && !entry.Key.EndsWith("_scale", StringComparison.Ordinal) && !entry.Key.EndsWith("_zero_point", StringComparison.Ordinal)).ToArray();
        Assert.NotEmpty(weights);
        Assert.All(weights, entry => Assert.Equal(ScalarType.Int8, entry.Value.dtype));
        var file = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}.safetensors");
        try
        {
            fx.save(int8, file);
            using var loaded = fx.load<GraphModule<Tensor, Tensor>>(file);
            Assert.Equal(actual, loaded.call(input));
        }
        finally
        {
            File.Delete(file);
        }
        using var fast = int8.optimize_for_inference();
        Assert.True(actual.allclose(fast.call(input), rtol: 1e-4, atol: 2e-5));
    }

    [Fact]
    public void Without_biases_and_from_given_states_it_is_near_what_floating_point_gives()
    {
        var traced = fx.symbolic_trace<Tensor, (Tensor, Tensor), Tensor>(new FromStates().Registered());
        using var int8 = quantization.quantize_dynamic(traced);
        var (x, h, c) = (Input(0.3, 7, 3, 8), Input(0.7, 1, 3, 6), Input(0.5, 1, 3, 6));
        var (expected, actual) = (traced.call(x, (h, c)), int8.call(x, (h, c)));
        Assert.InRange((expected - actual).abs().max().item<float>(), 1e-7, 0.03);
    }

    private sealed class FromStates() : Module<Tensor, (Tensor, Tensor), Tensor>(nameof(FromStates))
    {
        private readonly LSTM layer = LSTM(8, 6, bias: false);

        internal FromStates Registered()
        {
            RegisterComponents();
            return this;
        }

        public override Tensor forward(Tensor x, (Tensor, Tensor) states) => layer.call(x, states).Item1;
    }
}

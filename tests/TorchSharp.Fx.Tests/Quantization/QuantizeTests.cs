using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Quantization;

/// <summary>What is quantised of a graph, and what becomes of it.</summary>
public sealed class QuantizeTests : IDisposable
{
    private readonly DisposeScope scope = NewDisposeScope();

    public void Dispose() => scope.Dispose();

    private sealed class Net : Module<Tensor, Tensor>
    {
        private readonly TorchSharp.Modules.Conv2d conv = Conv2d(3, 4, 3);
        private readonly TorchSharp.Modules.BatchNorm2d norm = BatchNorm2d(4);
        private readonly TorchSharp.Modules.ReLU relu = ReLU();
        private readonly TorchSharp.Modules.MaxPool2d pool = MaxPool2d(2);
        private readonly TorchSharp.Modules.Linear fc = Linear(4, 2);

        public Net() : base(nameof(Net)) => RegisterComponents();

        public override Tensor forward(Tensor x) => fc.call(pool.call(relu.call(norm.call(conv.call(x)))).mean([2, 3]));
    }

    private static (Net Model, Tensor Input) Example()
    {
        var model = new Net();
        foreach (var (i, parameter) in model.parameters().Index())
            parameter.detach().copy_(arange(parameter.numel()).mul(0.37 + i).sin().reshape(parameter.shape));
        model.eval();
        return (model, arange(2 * 3 * 10 * 10).mul(0.11).sin().reshape(2, 3, 10, 10));
    }

    /// <summary>Integers and complex numbers are no steps: an index stays one, whatever is computed of it.</summary>
    [Theory, InlineData(false), InlineData(true)]
    public void What_is_no_real_number_stays_as_it_is(bool searches)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var (table, linear) = (nn.Embedding(40, 8), nn.Linear(8, 8));
        Tensor Program(Tensor ids)
        {
            var complex = view_as_complex(table.call((ids * 2) + 1).reshape(-1, 4, 2));
            return linear.call(view_as_real(complex * complex + complex).reshape(-1, 8)).relu() + (ids + ids).unsqueeze(1);
        }
        using var traced = fx.symbolic_trace<Tensor, Tensor>(Program);
        var input = tensor(new long[] { 1, 3, 17, 8, 0 });
        using var int8 = searches ? traced.quantize([input], 0.999) : traced.quantize([input]);
        Assert.Contains(int8.graph.nodes, node => node.target.name == "quantize_per_tensor");
        Assert.InRange(nn.functional.cosine_similarity(Program(input).flatten(), int8.call(input).flatten(), 0).item<float>(), 0.99f, 1.0001f);
    }

    /// <summary>What is written in place and read by another name later is no copy of steps.</summary>
    [Fact]
    public void Values_that_are_written_in_place_stay_tensors()
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        static Tensor Program(Tensor x)
        {
            x = x.clone();
            x.add_(1).mul_(2);
            x[0].zero_();
            x.relu_();
            x.t().sub_(0.5);
            var y = x + x;
            return y * 2;
        }
        using var traced = fx.symbolic_trace<Tensor, Tensor>(Program);
        var input = randn(4, 7);
        using var int8 = traced.quantize([input]);
        Assert.Contains(int8.graph.nodes, node => node.target.name == "quantize_per_tensor");
        Assert.InRange(nn.functional.cosine_similarity(Program(input).flatten(), int8.call(input).flatten(), 0).item<float>(), 0.999f, 1.0001f);
    }

    [Fact]
    public void The_reference_graph_computes_between_steps_and_numbers()
    {
        var (model, input) = Example();
        using var traced = fx.symbolic_trace(model);
        using var int8 = traced.quantize([input], QConfigMapping.default_mapping(QConfig.minmax_qconfig));
        Assert.Equal("""
            x
            quantize_per_tensor
            dequantize_per_tensor
            conv_weight
            conv_weight_scale
            conv_weight_zero_point
            dequantize_per_channel
            conv_bias
            conv
            relu
            quantize_per_tensor_1
            dequantize_per_tensor_1
            pool
            quantize_per_tensor_2
            dequantize_per_tensor_2
            mean
            quantize_per_tensor_3
            dequantize_per_tensor_3
            fc_weight
            fc_weight_scale
            fc_weight_zero_point
            dequantize_per_channel_1
            fc_bias
            fc
            quantize_per_tensor_4
            dequantize_per_tensor_4
            output
            """, string.Join('\n', int8.graph.nodes.Select(node => node.name)), ignoreLineEndingDifferences: true);
        var state = int8.state_dict();
        Assert.Equal((ScalarType.Int8, ScalarType.Int8), (state["conv.weight"].dtype, state["fc.weight"].dtype));
        // Pooling and the mean have the scale of what they are given.
        Assert.Equal(int8.graph.nodes.Single(node => node.name == "quantize_per_tensor_1").args[1], int8.graph.nodes.Single(node => node.name == "quantize_per_tensor_3").args[1]);

        var (expected, actual) = (model.call(input), int8.call(input));
        Assert.InRange((expected - actual).norm().item<float>() / expected.norm().item<float>(), 0, 0.03);
        Assert.Equal(actual, (Tensor)new GraphInterpreter(int8).run(input)!);
        // The model that was quantised is as it was.
        Assert.Equal(expected, traced.call(input));
    }

    [Fact]
    public void A_saved_graph_keeps_its_weights_as_steps()
    {
        var (model, input) = Example();
        using var traced = fx.symbolic_trace(model);
        using var int8 = traced.quantize([input]);
        var file = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}.safetensors");
        try
        {
            fx.save(int8, file);
            using var loaded = fx.load<GraphModule<Tensor, Tensor>>(file);
            Assert.Equal(ScalarType.Int8, loaded.state_dict()["conv.weight"].dtype);
            Assert.Equal(int8.call(input), loaded.call(input));
            Assert.Equal(int8.graph.ToString(), loaded.graph.ToString());
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public void The_compiled_form_computes_what_the_reference_graph_does()
    {
        var (model, input) = Example();
        using var traced = fx.symbolic_trace(model);
        using var prepared = quantization.prepare_fx(traced, QConfigMapping.default_mapping(QConfig.minmax_qconfig));
        prepared.call(input);
        using var reference = quantization.convert_to_reference_fx(prepared);
        using var fast = quantization.convert_fx(prepared);
        Assert.DoesNotContain(fast.graph.nodes, node => node.target.name == "dequantize_per_channel");
        var (expected, actual) = (reference.call(input), fast.call(input));
        Assert.InRange((expected - actual).abs().max().item<float>(), 0, expected.abs().max().item<float>() / 60);
    }

    [Fact]
    public void Names_go_before_patterns_and_these_before_types()
    {
        var (model, input) = Example();
        var config = QConfig.minmax_qconfig;
        Assert.Equal(["conv", "fc"], Quantised(new QConfigMapping().set_global(config)));
        Assert.Equal(["fc"], Quantised(new QConfigMapping().set_global(config).set_object_type(typeof(TorchSharp.Modules.Conv2d), null)));
        Assert.Equal(["conv"], Quantised(new QConfigMapping().set_object_type("nn.Conv2d", config)));
        Assert.Equal(["fc"], Quantised(new QConfigMapping().set_global(config).set_module_name_regex("co", null)));
        Assert.Equal(["conv", "fc"], Quantised(new QConfigMapping().set_global(config).set_module_name_regex("co", null).set_module_name("conv", config)));

        string[] Quantised(QConfigMapping mapping)
        {
            using var prepared = quantization.prepare_fx(model, mapping);
            prepared.call(input);
            using var int8 = quantization.convert_to_reference_fx(prepared);
            return [.. int8.state_dict().Where(entry => entry.Value.dtype == ScalarType.Int8 && entry.Key.EndsWith("weight", StringComparison.Ordinal)).Select(entry => entry.Key.Split('.')[0])];
        }
    }

    [Fact]
    public void Linear_layers_can_go_by_the_range_of_each_input()
    {
        var (model, input) = Example();
        using var prepared = quantization.prepare_fx(model, QConfigMapping.default_mapping(QConfig.per_channel_dynamic_qconfig));
        using var int8 = quantization.convert_to_reference_fx(prepared);
        Assert.Equal(["choose_qparams"], int8.graph.nodes.Where(node => node.target.name == "choose_qparams").Select(node => node.target.name));
        foreach (var factor in new[] { 1, 100 })
        {
            var expected = model.call(input * factor);
            Assert.InRange((expected - int8.call(input * factor)).norm().item<float>() / expected.norm().item<float>(), 0, 0.02);
        }
    }

    [Fact]
    public void The_costliest_layers_stay_in_floating_point_until_the_outputs_meet_a_cosine()
    {
        var (model, input) = Example();
        using var traced = fx.symbolic_trace(model);
        using var exact = traced.quantize([input], 0.9999999);
        Assert.InRange(quantization.report(traced, exact, [input]).cosine, 0.9999999, 1.0000001);
        using var whole = traced.quantize([input], 0.9);
        Assert.Equal(5, whole.graph.nodes.Count(node => node.target.name == "quantize_per_tensor"));
    }

    private sealed class CountingObserver : MinMaxObserver
    {
        internal static int Calls { get; set; }

        public override Tensor forward(Tensor input)
        {
            Calls++;
            return base.forward(input);
        }
    }

    [Fact]
    public void However_many_layers_stay_in_floating_point_inputs_are_observed_once()
    {
        var (model, input) = Example();
        using var traced = fx.symbolic_trace(model);
        CountingObserver.Calls = 0;
        var mapping = QConfigMapping.default_mapping(QConfig.minmax_qconfig with { activation = () => new CountingObserver() });
        using var exact = traced.quantize([input, input * 0.5], 0.9999999, mapping);
        Assert.Equal(2 * 5, CountingObserver.Calls);
        // Those that stay have the scales that they have when all are quantised.
        using var whole = traced.quantize([input, input * 0.5], mapping);
        var scales = whole.graph.nodes.Where(node => node.target.name == "quantize_per_tensor").Select(node => node.args[1]).ToHashSet();
        Assert.All(exact.graph.nodes.Where(node => node.target.name == "quantize_per_tensor"), node => Assert.Contains(node.args[1], scales));
    }

    [Fact]
    public void Training_with_fake_quantisation_moves_weights_and_ends_in_steps()
    {
        var (model, input) = Example();
        using var traced = fx.symbolic_trace(model);
        using var trained = quantization.prepare_qat_fx(traced);
        var target = model.call(input).detach().add(0.5);
        using var optimizer = optim.SGD(trained.parameters(), 0.05);
        var losses = new List<float>();
        for (var i = 0; i < 200; i++)
        {
            optimizer.zero_grad();
            var loss = functional.mse_loss(trained.call(input), target);
            loss.backward();
            optimizer.step();
            losses.Add(loss.item<float>());
        }
        Assert.True(losses[^1] < losses[0] / 4, string.Join(' ', losses));
        trained.eval();
        var simulated = trained.call(input);
        using var int8 = quantization.convert_to_reference_fx(trained);
        Assert.Equal(ScalarType.Int8, int8.state_dict()["conv.weight"].dtype);
        Assert.InRange((simulated - int8.call(input)).abs().max().item<float>(), 0, 0.02);
    }

    [Fact]
    public void The_report_tells_the_error_of_each_layer()
    {
        var (model, input) = Example();
        using var traced = fx.symbolic_trace(model);
        using var int8 = traced.quantize([input], QConfigMapping.default_mapping(QConfig.minmax_qconfig));
        var report = quantization.report(traced, int8, [input]);
        Assert.Equal(["x", "relu", "pool", "mean", "fc"], report.layers.Select(layer => layer.name));
        // Of an input that is even over its range, eight bits have about 50 dB.
        Assert.InRange(report.layers[0].sqnr, 45, 60);
        Assert.All(report.layers.Skip(1), layer => Assert.InRange(layer.sqnr, 25, 60));
        Assert.InRange(report.cosine, 0.999, 1);

        var picture = System.Xml.Linq.XDocument.Parse(report.to_svg("net"));
        var rows = picture.Descendants().Where(element => element.Attribute("data-row") is not null).ToArray();
        Assert.Equal(report.layers.Select(layer => layer.name), rows.Select(row => row.Elements().Single(element => element.Name.LocalName == "text").Value));
        // Eight pixels a decibel.
        Assert.All(rows.Zip(report.layers), pair => Assert.Equal(
            [Math.Min(60, pair.Second.sqnr) * 8, Math.Min(60, pair.Second.own_sqnr) * 8],
            pair.First.Elements().Where(element => element.Name.LocalName == "rect").Select(bar => (double)bar.Attribute("width")!),
            (a, b) => Math.Abs(a - b) < 0.1));
    }

    [Fact]
    public void Without_inputs_there_is_nothing_to_go_by()
    {
        var (model, _) = Example();
        using var traced = fx.symbolic_trace(model);
        Assert.Equal("There are no calibration inputs: give typical inputs, from whose values the scales are computed. (Parameter 'calibration_inputs')",
            Assert.Throws<ArgumentException>(() => traced.quantize([])).Message);
    }
}

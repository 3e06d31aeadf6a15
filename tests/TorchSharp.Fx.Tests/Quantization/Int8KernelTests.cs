using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Quantization;

/// <summary>What the optimised copy of a quantised module computes, against the module itself. Where the processor has no int8 kernels the numbers are the same.</summary>
[Collection("Tensor counts")]
public sealed class Int8KernelTests
{
    /// <summary>A module that is a function of an input and some layers.</summary>
    private sealed class Net : Module<Tensor, Tensor>
    {
        private readonly Module<Tensor, Tensor>[] layers;
        private readonly Func<Tensor, Module<Tensor, Tensor>[], Tensor> function;

        public Net(Func<Tensor, Module<Tensor, Tensor>[], Tensor> function, params Module<Tensor, Tensor>[] layers) : base(nameof(Net))
        {
            (this.function, this.layers) = (function, layers);
            foreach (var (i, layer) in layers.Index())
                register_module($"layer{i}", layer);
        }

        public override Tensor forward(Tensor x) => function(x, layers);
    }

    /// <summary>What each case is, the shape of its inputs, and how many nodes besides inputs, rounding, the last numbers and the output the optimised copy has.</summary>
    public static TheoryData<string, long[], int> Cases => new()
    {
        { "pointwise", [2, 16, 9, 7], 1 },
        { "stride", [2, 3, 20, 17], 1 },
        { "dilation", [1, 16, 15, 15], 1 },
        { "groups", [2, 16, 12, 12], 1 },
        { "depthwise", [2, 32, 11, 11], 1 },
        { "one dimension", [2, 8, 31], 1 },
        { "three dimensions", [1, 8, 6, 7, 8], 1 },
        { "relu", [2, 8, 12, 12], 1 },
        { "relu6", [2, 8, 12, 12], 1 },
        { "hardswish", [2, 8, 12, 12], 2 },
        { "residual", [2, 8, 12, 12], 3 },
        { "residual kept", [2, 8, 12, 12], 3 },
        { "residual without activation", [2, 8, 12, 12], 2 },
        { "concatenation", [2, 8, 12, 12], 3 },
        { "maximum", [2, 8, 13, 13], 2 },
        { "average", [2, 8, 12, 12], 3 },
        { "mean", [2, 8, 12, 12], 5 },
        { "sum", [2, 8, 12, 12], 3 },
        { "scaled channels", [2, 8, 12, 12], 5 },
        { "halves", [2, 8, 12, 12], 8 },
        { "layer norm", [2, 7, 40], 3 },
        { "linear", [5, 40], 1 },
        { "linear of tokens", [2, 7, 40], 3 },
    };

    private static Module<Tensor, Tensor> Model(string name)
    {
        Module<Tensor, Tensor> model = name switch
        {
            "pointwise" => Sequential(Conv2d(16, 24, 1)),
            "stride" => Sequential(Conv2d(3, 24, 7, stride: 2, padding: 3, bias: false)),
            "dilation" => Sequential(Conv2d(16, 8, 3, padding: 2, dilation: 2)),
            "groups" => Sequential(Conv2d(16, 32, 3, padding: 1, groups: 2)),
            "depthwise" => Sequential(Conv2d(32, 32, 3, padding: 1, groups: 32)),
            "one dimension" => Sequential(Conv1d(8, 16, 3, padding: 1, stride: 2)),
            "three dimensions" => Sequential(Conv3d(8, 16, 3, padding: 1)),
            "relu" => Sequential(Conv2d(8, 16, 3, padding: 1), BatchNorm2d(16), ReLU()),
            "relu6" => Sequential(Conv2d(8, 16, 3, padding: 1), ReLU6()),
            "hardswish" => Sequential(Conv2d(8, 16, 3, padding: 1), Hardswish()),
            "residual" => new Net((x, l) => functional.relu(l[1].call(functional.relu(l[0].call(x))) + l[2].call(x)), Conv2d(8, 16, 3, padding: 1), Conv2d(16, 16, 3, padding: 1), Conv2d(8, 16, 1)),
            "residual kept" => new Net((x, l) =>
            {
                var before = l[0].call(x);
                return cat([before, before + l[1].call(before)], 1);
            }, Conv2d(8, 16, 1), Conv2d(16, 16, 3, padding: 1)),
            "residual without activation" => new Net((x, l) => l[0].call(x) + l[1].call(x), Conv2d(8, 16, 1), Conv2d(8, 16, 3, padding: 1)),
            "concatenation" => new Net((x, l) => cat([l[0].call(x), l[1].call(x)], 1), Conv2d(8, 16, 1), Conv2d(8, 8, 3, padding: 1)),
            "maximum" => Sequential(Conv2d(8, 16, 3), MaxPool2d(3, 2, 1)),
            "average" => Sequential(Conv2d(8, 16, 3), AdaptiveAvgPool2d(1), Flatten()),
            "mean" => new Net((x, l) => l[1].call(l[0].call(x).mean([2, 3])), Conv2d(8, 16, 3), Linear(16, 12)),
            "sum" => new Net((x, l) => functional.relu(functional.relu(l[0].call(x)) + functional.relu(l[1].call(x))), Conv2d(8, 18, 1), Conv2d(8, 18, 3, padding: 1)),
            "scaled channels" => new Net((x, l) =>
            {
                var image = l[0].call(x);
                return image * l[2].call(l[1].call(image)).sigmoid();
            }, Conv2d(8, 21, 1), AdaptiveAvgPool2d(1), Conv2d(21, 21, 1)),
            "halves" => new Net((x, l) =>
            {
                var halves = l[0].call(x).chunk(2, 1);
                return cat([halves[0], l[1].call(halves[1])], 1);
            }, Conv2d(8, 32, 1), Conv2d(16, 16, 3, padding: 1)),
            "layer norm" => Sequential(Linear(40, 32), LayerNorm(32), Linear(32, 24)),
            "linear" => Sequential(Linear(40, 24)),
            "linear of tokens" => Sequential(Linear(40, 96), GELU(), Linear(96, 24, hasBias: false)),
            _ => throw new ArgumentException(name),
        };
        foreach (var (i, parameter) in model.parameters().Index())
            parameter.detach().copy_(arange(parameter.numel()).mul(0.37 + i).sin().mul(0.5).add(0.1).reshape(parameter.shape));
        model.eval();
        return model;
    }

    private static Tensor Input(long[] shape, double speed = 0.11) => arange(shape.Aggregate((a, b) => a * b)).mul(speed).sin().add(0.2).reshape(shape);

    private static GraphModule<Tensor, Tensor> Quantised(Module<Tensor, Tensor> model, params Tensor[] inputs)
    {
        using var traced = fx.symbolic_trace<Tensor, Tensor>(model);
        return traced.quantize(inputs, QConfigMapping.default_mapping(QConfig.minmax_qconfig));
    }

    /// <summary>Asserts that of 1,000 values 999 are within a step of what is expected, and all within two.</summary>
    private static void AssertWithinSteps(GraphModule<Tensor, Tensor> reference, Tensor expected, Tensor actual)
    {
        Assert.Equal(expected.shape, actual.shape);
        var scale = (double)((Literal)reference.graph.nodes.Last(node => node.target.name == "quantize_per_tensor").args[1]).Value!;
        var steps = (expected - actual).abs().div(scale).round();
        Assert.True(steps.max().item<float>() <= 2, $"a value is {steps.max().item<float>()} steps away");
        Assert.InRange(steps.gt(1).to(ScalarType.Float32).mean().item<float>(), 0, 0.001f);
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Steps_stay_steps_from_layer_to_layer(string name, long[] shape, int nodes)
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        using var model = Model(name);
        var input = Input(shape);
        using var reference = Quantised(model, input);
        using var fast = reference.optimize_for_inference();
        AssertWithinSteps(reference, reference.call(input), fast.call(input));
        if (!Dnnl.HasInt8)
            return;
        Assert.Equal(nodes + 4, fast.graph.nodes.Count());
        Assert.DoesNotContain(fast.graph.nodes, node => node.op == Opcode.call_function && node.target.name is "linear" or "conv1d" or "conv2d" or "conv3d" or "quantize_per_tensor");
        // The graph takes inputs of any size, and values that the calibration hasn't seen.
        foreach (var other in new[] { Input([shape[0] + 1, .. shape[1..]], 0.13), Input([1, .. shape[1..]], 0.17) * 3 })
            AssertWithinSteps(reference, reference.call(other), fast.call(other));
        if (shape.Length == 4)
            AssertWithinSteps(reference, reference.call(Input([3, shape[1], 19, 23])), fast.call(Input([3, shape[1], 19, 23])));
    }

    public static TheoryData<string> Maxima => [.. Pools.Keys];

    private static readonly Dictionary<string, Func<Module<Tensor, Tensor>>> Pools = new()
    {
        ["images"] = () => MaxPool2d(2),
        ["images, windows with gaps"] = () => MaxPool2d(2, dilation: 2),
        ["images, windows beyond the edge"] = () => MaxPool2d(3, 2, ceil_mode: true),
        ["volumes"] = () => MaxPool3d(2),
    };

    /// <summary>libtorch's maximum over windows of bytes counts places in a byte where channels are last.</summary>
    [Theory, MemberData(nameof(Maxima))]
    public void Maxima_are_those_of_the_reference_graph(string name)
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        var isVolume = name == "volumes";
        Module<Tensor, Tensor> Layer(long channels) => isVolume ? Conv3d(channels, 8, 3L, padding: 1) : Conv2d(channels, 8, 3, padding: 1);
        using var model = Sequential(Layer(3), Pools[name](), Layer(8));
        model.eval();
        var x = rand(isVolume ? [1, 3, 8, 24, 24] : [1, 3, 24, 25]);
        using var prepared = quantization.prepare_fx(model, new QConfigMapping().set_global(QConfig.minmax_qconfig));
        prepared.call(x).Dispose();
        using var reference = quantization.convert_to_reference_fx(prepared);
        using var fast = reference.optimize_for_inference();
        var expected = reference.call(x);
        Assert.True((fast.call(x) - expected).abs().max().item<float>() <= 0.05f * expected.abs().max().item<float>());
    }

    [Fact]
    public void Without_a_batch_the_same_is_computed_in_single_precision()
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        using var model = Model("residual");
        using var reference = Quantised(model, Input([2, 8, 12, 12]));
        using var fast = reference.optimize_for_inference();
        var image = Input([8, 12, 12], 0.19);
        AssertWithinSteps(reference, reference.call(image), fast.call(image));
    }

    [Fact]
    public async Task Several_threads_may_run_one_module_on_different_shapes()
    {
        using var model = Model("residual kept");
        using var reference = Quantised(model, Input([2, 8, 12, 12]));
        using var fast = reference.optimize_for_inference();
        await Task.WhenAll(Enumerable.Range(0, 6).Select(i => Task.Run(() =>
        {
            using var scope = NewDisposeScope();
            using var mode = no_grad();
            for (var turn = 0; turn < 5; turn++)
            {
                var input = Input([1 + i % 3, 8, 10 + 3 * turn, 12], 0.11 + 0.01 * i);
                AssertWithinSteps(reference, reference.call(input), fast.call(input));
            }
        }, TestContext.Current.CancellationToken)));
    }

    [Fact]
    public void Nothing_stays_behind()
    {
        using var mode = no_grad();
        using var model = Model("residual kept");
        using var input = Input([2, 8, 12, 12]).DetachFromDisposeScope();
        using var reference = Quantised(model, input);
        using var fast = reference.optimize_for_inference();
        LiveTensors.AssertStay(() => fast.call(input).Dispose(), 20);
        // Where weights stay parameters, TorchSharp counts the making of each twice.
        if (!Dnnl.HasInt8)
            return;
        LiveTensors.AssertStay(() =>
        {
            using var again = reference.optimize_for_inference();
            again.call(input).Dispose();
        }, 5);
    }
}

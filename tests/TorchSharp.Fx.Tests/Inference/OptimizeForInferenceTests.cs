using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Inference;

/// <summary>What the optimised copy computes, against the module itself.</summary>
[Collection("Tensor counts")]
public sealed class OptimizeForInferenceTests
{
    public static TheoryData<string> Activations => ["none", "relu", "relu6", "silu", "hardswish", "hardsigmoid", "sigmoid", "tanh", "gelu"];

    [Theory]
    [MemberData(nameof(Activations))]
    public void A_convolution_a_batch_norm_and_an_activation_become_one_node(string activation)
    {
        using var model = Warm(Sequential(("conv", Conv2d(8, 24, 3, padding: 1, bias: false)), ("bn", BatchNorm2d(24)), ("act", Named(activation))));
        AssertSame(model, [rand(2, 8, 20, 17), rand(1, 8, 33, 33)], nodes: 3);
    }

    [Theory]
    [MemberData(nameof(Activations))]
    public void A_linear_layer_and_its_activation_become_one_node(string activation)
    {
        using var model = Warm(Sequential(("fc", Linear(96, 160)), ("act", Named(activation))));
        AssertSame(model, [randn(40, 96), randn(3, 11, 96)], nodes: 3);
    }

    [Theory]
    [InlineData(1, 1, 1, 1, true)]
    [InlineData(3, 2, 1, 1, false)]
    [InlineData(3, 1, 2, 1, true)]
    [InlineData(5, 2, 1, 16, true)]
    [InlineData(3, 1, 1, 4, false)]
    public void Every_geometry_of_a_convolution_gives_the_same(long kernel, long stride, long dilation, long groups, bool bias)
    {
        using var model = Warm(Sequential(("conv", Conv2d(16, 32, kernel, stride, kernel / 2, dilation, groups: groups, bias: bias)), ("bn", BatchNorm2d(32)), ("relu", ReLU())));
        AssertSame(model, [rand(2, 16, 31, 24), rand(1, 16, 9, 9)], nodes: 3);
    }

    /// <summary>Where a virtual machine hides its processor's caches, oneDNN ends the process here, or is wrong (<see cref="ProcessorCaches"/>).</summary>
    [Theory]
    [InlineData(256, 512, 14, 2)]
    [InlineData(512, 1024, 14, 2)]
    [InlineData(64, 256, 7, 1)]
    [InlineData(512, 2048, 7, 1)]
    public void Wide_convolutions_of_single_pixels_give_the_same(long inputs, long outputs, long size, long stride)
    {
        using var model = Warm(Sequential(("conv", Conv2d(inputs, outputs, 1, stride)), ("relu", ReLU())));
        AssertSame(model, [rand(1, inputs, size, size), rand(2, inputs, size + 2, size)], nodes: 3);
    }

    [Fact]
    public void A_batch_norm_that_no_layer_precedes_computes_in_the_type_that_the_copy_is_moved_to()
    {
        using var scope = NewDisposeScope();
        using var model = Warm(Sequential(("bn", BatchNorm2d(4)), ("relu", ReLU())));
        using var traced = fx.symbolic_trace<Tensor, Tensor>(model);
        using var optimised = traced.optimize_for_inference();
        optimised.to(ScalarType.Float64);
        var x = rand([2, 4, 5, 5], dtype: ScalarType.Float64);
        model.to(ScalarType.Float64);
        Assert.True(optimised.call(x).allclose(model.call(x), 1e-12, 1e-12));
    }

    [Theory]
    [InlineData(PaddingModes.Reflect)]
    [InlineData(PaddingModes.Circular)]
    public void A_convolution_with_another_padding_stays_as_it_is(PaddingModes mode)
    {
        using var model = Warm(Sequential(("conv", Conv2d(4, 32, 3, padding: 1, padding_mode: mode)), ("relu", ReLU())));
        AssertSame(model, [rand(1, 4, 40, 40)], nodes: 4);
    }

    [Theory]
    [InlineData(3)]
    [InlineData(1)]
    public void A_convolution_over_one_or_three_dimensions_with_what_follows_becomes_one_node(int dimensions)
    {
        using Module<Tensor, Tensor> model = dimensions == 1
            ? Sequential(("conv", Conv1d(8, 16, 3, padding: 1, stride: 2)), ("bn", BatchNorm1d(16)), ("act", SiLU()))
            : Sequential(("conv", Conv3d(8, 16, 3, padding: 1, stride: 2, groups: 2)), ("bn", BatchNorm3d(16)), ("act", SiLU()));
        model.eval();
        AssertSame(model, dimensions == 1 ? [rand(2, 8, 31), rand(1, 8, 64)] : [rand([2, 8, 6, 14, 15]), rand([1, 8, 8, 8, 8])], nodes: 3);
    }

    [Fact]
    public void An_average_over_all_pixels_has_a_kernel_and_one_over_some_stays_as_it_is()
    {
        using var all = Warm(Sequential(("conv", Conv2d(8, 24, 3)), ("pool", AdaptiveAvgPool2d(1)), ("flatten", Flatten())));
        AssertSame(all, [rand(2, 8, 20, 17), rand(8, 9, 9)], nodes: 5);
        using var traced = fx.symbolic_trace(all);
        using var optimised = traced.optimize_for_inference();
        Assert.Equal("GlobalAverage", Named(optimised, "pool").GetName());
        using var some = Warm(Sequential(("conv", Conv2d(8, 24, 3)), ("pool", AdaptiveAvgPool2d(3))));
        AssertSame(some, [rand(2, 8, 20, 17)], nodes: 4);
    }

    [Theory]
    [InlineData(3, 2, 1, 1, true)]
    [InlineData(3, 2, 1, 1, false)]
    [InlineData(3, 2, 0, 1, true)]
    [InlineData(2, 2, 0, 1, true)]
    [InlineData(3, 1, 1, 2, false)]
    [InlineData(2, 3, 1, 1, true)]
    public void Maxima_over_windows_are_the_same(long kernel, long stride, long padding, long dilation, bool ceil)
    {
        using var model = Warm(Sequential(("conv", Conv2d(8, 24, 3)), ("pool", MaxPool2d(kernel, stride, padding, dilation, ceil))));
        AssertSame(model, [randn(2, 8, 20, 17), randn(1, 8, 15, 15), randn(1, 8, 11, 30)], nodes: 4);
    }

    [Theory]
    [InlineData(2, 2, 0, true)]
    [InlineData(3, 2, 1, true)]
    [InlineData(3, 2, 1, false)]
    public void Averages_over_windows_are_the_same(long kernel, long stride, long padding, bool counts)
    {
        using var model = Warm(Sequential(("conv", Conv2d(8, 24, 3)), ("pool", AvgPool2d(kernel, stride, padding, count_include_pad: counts))));
        AssertSame(model, [randn(2, 8, 20, 17), randn(1, 8, 15, 15)], nodes: 4);
    }

    [Theory]
    [InlineData(true, "relu")]
    [InlineData(false, "relu")]
    [InlineData(true, "silu")]
    public void A_batch_norm_that_follows_no_convolution_is_the_same(bool affine, string activation)
    {
        var norm = BatchNorm2d(16, affine: affine);
        using var model = Sequential(("norm", norm), ("act", Named(activation)), ("conv", Conv2d(16, 24, 1)));
        init.normal_(norm.running_mean!, 0, 0.3);
        init.uniform_(norm.running_var!, 0.5, 2);
        model.eval();
        AssertSame(model, [randn(2, 16, 20, 17), randn(1, 16, 5, 9)], nodes: null);
    }

    [Fact]
    public void A_clone_lives_on_without_what_it_was_cloned_from()
    {
        using var model = Warm(Sequential(("norm", BatchNorm2d(8)), ("conv", Conv2d(8, 16, 3)), ("pool", MaxPool2d(2)), ("all", AdaptiveAvgPool2d(1)), ("flatten", Flatten()), ("fc", Linear(16, 10))));
        using var traced = fx.symbolic_trace(model);
        using var x = rand(2, 8, 20, 17);
        using var expected = model.call(x);
        GraphModule<Tensor, Tensor> clone;
        using (var optimised = traced.optimize_for_inference())
        {
            optimised.call(x).Dispose();
            clone = optimised.clone();
        }
        using (clone)
        {
            using var actual = clone.call(x);
            AssertClose(expected, actual);
        }
    }

    [Fact]
    public void A_clone_that_is_disposed_leaves_the_pool_to_what_it_was_cloned_from()
    {
        using var model = Warm(Sequential(("conv1", Conv2d(8, 64, 3, padding: 1)), ("relu", ReLU()), ("conv2", Conv2d(64, 64, 3, padding: 1))));
        using var traced = fx.symbolic_trace(model);
        using var optimised = traced.optimize_for_inference();
        optimised.clone().Dispose();
        using var x = rand(2, 8, 80, 80);
        optimised.call(x).Dispose();
        Assert.Equal(Dnnl.IsAvailable ? 2 : 0, ((KernelModule)Named(optimised, "conv1")).Memory.Pool!.Count);
    }

    [Fact]
    public void Large_values_inside_share_memory_from_run_to_run_and_results_keep_theirs()
    {
        using var model = Warm(Sequential(("conv1", Conv2d(8, 64, 3, padding: 1)), ("relu", ReLU()), ("conv2", Conv2d(64, 64, 3, padding: 1)), ("bn", BatchNorm2d(64)), ("conv3", Conv2d(64, 64, 1))));
        using var traced = fx.symbolic_trace(model);
        Tensor[] inputs = [rand(2, 8, 80, 80), rand(1, 8, 80, 96), rand(2, 8, 80, 80)];
        Tensor[] results;
        using (var optimised = traced.optimize_for_inference())
        {
            results = [.. inputs.Select(optimised.call)];
            var (inside, last) = ((KernelModule)Named(optimised, "conv1"), (KernelModule)Named(optimised, "conv3"));
            Assert.False(inside.Memory.LeavesGraph);
            Assert.True(last.Memory.LeavesGraph);
            Assert.Equal(Dnnl.IsAvailable ? 2 : 0, inside.Memory.Pool!.Count);
            // A result's memory comes back when it is disposed, but no more of it is kept than a run needs.
            foreach (var again in Enumerable.Range(0, 3).Select(_ => optimised.call(inputs[0])).ToArray())
                again.Dispose();
            Assert.Equal(Dnnl.IsAvailable ? 3 : 0, inside.Memory.Pool.Count);
        }
        foreach (var (input, result) in inputs.Zip(results))
        {
            using var expected = model.call(input);
            AssertClose(expected, result);
            result.Dispose();
            input.Dispose();
        }
    }

    [Fact]
    public void Shapes_beyond_those_with_a_layout_of_their_own_are_right()
    {
        using var model = Warm(Sequential(("conv", Conv2d(8, 16, 3, padding: 1)), ("relu", ReLU())));
        AssertSame(model, [.. Enumerable.Range(0, 9).Select(i => rand(1 + i % 3, 8, 20 + i, 30))], nodes: 3);
    }

    [Fact]
    public void A_residual_that_nothing_reads_any_more_is_overwritten_and_one_that_is_read_is_not()
    {
        using var model = Warm(new Residuals());
        using var traced = fx.symbolic_trace(model);
        using var optimised = traced.optimize_for_inference();
        var methods = optimised.graph.find_nodes(Opcode.call_module).Select(node => $"{node.target}:{((ModuleTarget)node.target).Method.Name}");
        Assert.Equal(["conv1:forward", "conv2:add_", "conv3:add", "conv4:add", "mul_in_place:forward_"], methods);
        AssertSame(model, [rand(2, 16, 24, 24)], nodes: 7);
    }

    [Fact]
    public void A_residual_of_another_shape_is_broadcast()
    {
        using var model = Warm(new Broadcast());
        AssertSame(model, [rand(2, 16, 24, 24)], nodes: 4);
    }

    [Fact]
    public void A_write_between_a_layer_and_its_sum_keeps_its_place()
    {
        using var model = Warm(new WritesBetween());
        AssertSame(model, [rand(2, 16, 24, 24)], nodes: null);
    }

    [Fact]
    public void Activations_in_a_row_write_over_one_tensor()
    {
        using var traced = fx.symbolic_trace((Tensor x) => (x + 1).relu().sigmoid().tanh());
        using var optimised = traced.optimize_for_inference();
        Assert.Equal(["forward_", "forward_", "forward_"], optimised.graph.find_nodes(Opcode.call_module).Select(node => ((ModuleTarget)node.target).Method.Name));
        using var x = randn(3, 5);
        using var given = x.clone();
        using var expected = traced.call(x);
        using var actual = optimised.call(x);
        AssertClose(expected, actual);
        Assert.True(x.Equals(given));
    }

    public static TheoryData<string> Arithmetic =>
    [
        "gate * value", "value * gate", "gate + value", "both small", "value read later", "gate * value read later", "a view read later", "expanded",
        "requested",
    ];

    [Theory]
    [MemberData(nameof(Arithmetic))]
    public void Sums_and_products_write_only_over_what_nothing_needs_any_more(string kind)
    {
        Func<Tensor, Tensor> program = kind switch
        {
            "gate * value" => x => x.mean([2, 3], keepdim: true).sigmoid() * x.exp(),
            "value * gate" => x => x.exp() * x.mean([2, 3], keepdim: true).sigmoid(),
            "gate + value" => x => x.mean([2, 3], keepdim: true).sigmoid() + x.exp(),
            "both small" => x => x.mean([2], keepdim: true) * x.mean([3], keepdim: true),
            "value read later" => x => { var value = x.exp(); return (value * x.mean([1], keepdim: true)).sin() - value; },
            "gate * value read later" => x => { var value = x.exp(); return (x.mean([1], keepdim: true) * value).sin() - value; },
            "a view read later" => x => { var value = x.exp(); var view = value.transpose(1, 2); return (value * x.mean([1], keepdim: true)).sum() + view; },
            "expanded" => x => x.mean([2, 3], keepdim: true).expand(-1, -1, 5, 7) * x.exp(),
            _ => x => x * x.exp(),
        };
        using var traced = fx.symbolic_trace(program);
        using var optimised = traced.optimize_for_inference();
        using var x = randn(2, 3, 5, 7);
        using var given = x.clone();
        using var expected = program(x);
        using var actual = optimised.call(x);
        AssertClose(expected, actual);
        Assert.True(x.Equals(given));
    }

    [Fact]
    public void A_product_takes_the_memory_of_the_value_that_it_scales()
    {
        using var traced = fx.symbolic_trace((Tensor x) => x.mean([2, 3], keepdim: true).sigmoid() * x.exp());
        using var optimised = traced.optimize_for_inference();
        var product = optimised.graph.find_nodes(Opcode.call_module).Last();
        Assert.Equal("forward_", ((ModuleTarget)product.target).Method.Name);
        using var gate = rand(2, 3, 1, 1);
        using var value = rand(2, 3, 5, 7);
        var module = (ArithmeticInPlace)Named(optimised, product.target.name);
        Assert.Same(value, module.forward_(value, gate));
        using var second = module.forward_(gate, value);
        second.fill_(7);
        Assert.Equal(7, value[0, 0, 0, 0].item<float>());
    }

    [Fact]
    public void What_a_view_of_a_residual_still_reads_is_not_overwritten()
    {
        using var model = Warm(new ViewedLater());
        AssertSame(model, [rand(2, 16, 24, 24)], nodes: null);
    }

    [Fact]
    public void A_layer_that_is_called_twice_keeps_both_results()
    {
        using var model = Warm(new CalledTwice());
        AssertSame(model, [rand(2, 16, 24, 24)], nodes: null);
    }

    [Fact]
    public void The_parts_of_an_attentions_weight_become_layers_of_their_own()
    {
        using var model = Warm(new Attention());
        using var traced = fx.symbolic_trace(model);
        using var optimised = traced.optimize_for_inference();
        Assert.Equal(5, optimised.graph.find_nodes(Opcode.call_module).Count());
        Assert.Empty(optimised.graph.find_nodes(Opcode.get_attr));
        AssertSame(model, [rand(2, 50, 64)], nodes: null);
    }

    [Fact]
    public void An_extractor_gives_the_same_features()
    {
        using var model = Warm(new Residuals());
        using var extractor = feature_extraction.create_feature_extractor(model, ["conv1", "conv2", "add", "relu_1"]);
        using var optimised = extractor.optimize_for_inference();
        using var x = rand(1, 16, 30, 30);
        extractor.eval();
        using var expected = extractor.call(x);
        using var actual = optimised.call(x);
        Assert.Equal(expected.Keys, actual.Keys);
        foreach (var key in expected.Keys)
            AssertClose(expected[key], actual[key]);
    }

    [Fact]
    public void The_original_stays_as_it_is_and_the_copy_survives_it()
    {
        var model = Warm(new Residuals());
        model.train();
        var before = model.state_dict().ToDictionary(entry => entry.Key, entry => entry.Value.clone());
        var traced = fx.symbolic_trace(model);
        using var optimised = traced.optimize_for_inference();
        Assert.True(model.training);
        Assert.False(optimised.training);
        foreach (var (name, value) in model.state_dict())
            Assert.True(value.Equals(before[name]), name);

        model.eval();
        using var x = rand(1, 16, 24, 24);
        using var expected = model.call(x);
        traced.Dispose();
        model.Dispose();
        using var actual = optimised.call(x);
        AssertClose(expected, actual);
    }

    [Fact]
    public void Gradients_of_the_input_are_the_originals()
    {
        using var model = Warm(new Residuals());
        using var traced = fx.symbolic_trace(model);
        using var optimised = traced.optimize_for_inference();
        using var x = rand(1, 16, 24, 24, requires_grad: true);
        model.call(x).sum().backward();
        using var expected = x.grad!.clone();
        x.grad!.zero_();
        optimised.call(x).sum().backward();
        AssertClose(expected, x.grad!);
    }

    [Fact]
    public void Double_precision_takes_the_portable_way()
    {
        using var model = Warm(new Residuals());
        model.to(ScalarType.Float64);
        AssertSame(model, [rand(1, 16, 24, 24, dtype: ScalarType.Float64)], nodes: 7, tolerance: 1e-10);
    }

    [Fact]
    public void A_copy_that_is_turned_to_double_precision_computes_in_it()
    {
        using var model = Warm(Sequential(("norm", BatchNorm2d(16)), ("relu", ReLU()), ("conv", Conv2d(16, 24, 3)), ("pool", AdaptiveAvgPool2d(1))));
        using var traced = fx.symbolic_trace(model);
        using var optimised = traced.optimize_for_inference();
        optimised.to(ScalarType.Float64);
        using var exact = traced.clone();
        exact.to(ScalarType.Float64);
        using var x = randn(2, 16, 20, 17, dtype: ScalarType.Float64);
        using var actual = optimised.call(x);
        Assert.Equal(ScalarType.Float64, actual.dtype);
        AssertClose(exact.call(x), actual, 1e-10);
    }

    [Fact]
    public void Half_the_bits_give_single_precision_back_within_their_rounding()
    {
        manual_seed(3);
        using var model = Warm(new Residuals());
        using var traced = fx.symbolic_trace(model);
        using var optimised = traced.optimize_for_inference(ScalarType.BFloat16);
        using var x = rand(1, 16, 24, 24);
        using var expected = model.call(x);
        using var actual = optimised.call(x);
        Assert.Equal(ScalarType.Float32, actual.dtype);
        AssertClose(expected, actual, 0.1);
        Assert.True((expected - actual).abs().max().item<float>() > 0);
    }

    [Fact]
    public void A_precision_that_makes_no_sense_is_refused()
    {
        using var model = Warm(new Residuals());
        using var traced = fx.symbolic_trace(model);
        var error = Assert.Throws<ArgumentException>(() => traced.optimize_for_inference(ScalarType.Int64));
        Assert.Contains("float32, bfloat16 or float16, but not for Int64", error.Message);
    }

    [Fact]
    public async Task Several_threads_may_run_one_module_on_different_shapes()
    {
        using var model = Warm(new Residuals());
        using var traced = fx.symbolic_trace(model);
        using var optimised = traced.optimize_for_inference();
        var inputs = Enumerable.Range(0, 6).Select(i => rand(1, 16, 20 + 2 * i, 24)).ToArray();
        var expected = inputs.Select(input => model.call(input)).ToArray();
        var runs = Enumerable.Range(0, 4).Select(worker => Task.Run(() =>
        {
            for (var i = 0; i < 30; i++)
            {
                var which = (i + worker) % inputs.Length;
                using var actual = optimised.call(inputs[which]);
                AssertClose(expected[which], actual);
            }
        }));
        await Task.WhenAll(runs);
    }

    [Fact]
    public void Calls_and_the_module_itself_leave_no_tensor_behind()
    {
        using var mode = no_grad();
        using var model = Warm(new Residuals());
        using var traced = fx.symbolic_trace(model);
        using var x = rand(1, 16, 24, 24);
        using var optimised = traced.optimize_for_inference();
        LiveTensors.AssertStay(() => optimised.call(x).Dispose(), 50);
        LiveTensors.AssertStay(() => traced.optimize_for_inference().Dispose(), 5);
        LiveTensors.AssertStay(() =>
        {
            using var another = traced.optimize_for_inference();
            another.call(x).Dispose();
        }, 5);
    }

    /// <summary>In evaluation mode, its batch norms with statistics of their own.</summary>
    private static T Warm<T>(T model) where T : Module
    {
        manual_seed(7);
        foreach (var norm in model.modules().OfType<BatchNorm2d>())
        {
            init.normal_(norm.running_mean!, 0, 0.3);
            init.uniform_(norm.running_var!, 0.5, 2);
            init.uniform_(norm.weight!, 0.5, 1.5);
            init.normal_(norm.bias!, 0, 0.3);
        }
        model.eval();
        return model;
    }

    private static Module Named(Module parent, string name) => parent.named_modules().Single(entry => entry.name == name).module;

    private static Module<Tensor, Tensor> Named(string activation) => activation switch
    {
        "none" => Identity(),
        "relu" => ReLU(),
        "relu6" => ReLU6(),
        "silu" => SiLU(),
        "hardswish" => Hardswish(),
        "hardsigmoid" => Hardsigmoid(),
        "sigmoid" => Sigmoid(),
        "tanh" => Tanh(),
        "gelu" => GELU(),
        _ => throw new ArgumentOutOfRangeException(nameof(activation)),
    };

    private static void AssertSame(Module<Tensor, Tensor> model, Tensor[] inputs, int? nodes, double tolerance = 1e-4)
    {
        using var traced = fx.symbolic_trace(model);
        using var optimised = traced.optimize_for_inference();
        Assert.Equal(nodes ?? optimised.graph.Count, optimised.graph.Count);
        foreach (var input in inputs)
        {
            using var given = input.clone();
            using var expected = model.call(input);
            using var actual = optimised.call(input);
            AssertClose(expected, actual, tolerance);
            Assert.True(input.Equals(given));
            input.Dispose();
        }
    }

    private static void AssertClose(Tensor expected, Tensor actual, double tolerance = 1e-4)
    {
        using var scope = NewDisposeScope();
        Assert.Equal(expected.shape, actual.shape);
        Assert.InRange((expected - actual).abs().max().to(ScalarType.Float64).item<double>(), 0, tolerance * expected.std().to(ScalarType.Float64).item<double>());
    }

    [Fact]
    public void What_is_computed_again_is_computed_once_but_results_stay_tensors_of_their_own()
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var traced = fx.symbolic_trace((Tensor x) => (x * arange(x.shape[1]).cos() + x.abs() * arange(x.shape[1]).cos(), x + 1, x + 1));
        traced.eval();
        using var fast = traced.optimize_for_inference();
        Assert.Equal(2, traced.graph.nodes.Count(node => node.target.name == "cos"));
        Assert.Equal(1, fast.graph.nodes.Count(node => node.target.name == "cos"));
        var x = randn(3, 4);
        var (expected, _, _) = traced.call(x);
        var (sum, first, second) = fast.call(x);
        Assert.True(sum.eq(expected).all().item<bool>());
        first.zero_();
        Assert.True(second.eq(x + 1).all().item<bool>());
    }

    [Fact]
    public void What_depends_on_the_input_twice_is_computed_once()
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var traced = fx.symbolic_trace((Tensor x) => (x.exp() + 1).mul(x.exp().sum(1, keepdim: true)));
        traced.eval();
        using var fast = traced.optimize_for_inference();
        Assert.Equal(1, fast.graph.nodes.Count(node => node.target.name == "exp"));
        var x = randn(3, 4);
        Assert.True(fast.call(x).eq(traced.call(x)).all().item<bool>());
    }

    private sealed class Residuals : Module<Tensor, Tensor>
    {
        private readonly Conv2d conv1 = Conv2d(16, 16, 3, padding: 1);
        private readonly Conv2d conv2 = Conv2d(16, 16, 3, padding: 1, bias: false);
        private readonly BatchNorm2d bn2 = BatchNorm2d(16);
        private readonly Conv2d conv3 = Conv2d(16, 16, 1);
        private readonly Conv2d conv4 = Conv2d(16, 16, 3, padding: 1);

        internal Residuals() : base(nameof(Residuals)) => RegisterComponents();

        public override Tensor forward(Tensor x)
        {
            var first = conv1.call(x).relu();
            var second = (bn2.call(conv2.call(x)) + first).relu();
            var third = conv3.call(x) + second;
            return second * (conv4.call(third) + third).relu();
        }
    }

    private sealed class Attention : Module<Tensor, Tensor>
    {
        private readonly Parameter weight = new(randn(192, 64) / 8);
        private readonly Parameter bias = new(randn(192));
        private readonly Linear output = Linear(64, 64);

        internal Attention() : base(nameof(Attention)) => RegisterComponents();

        public override Tensor forward(Tensor x)
        {
            var weights = weight.chunk(3);
            var biases = bias.chunk(3);
            var (q, k, v) = (functional.linear(x, weights[0], biases[0]), functional.linear(x, weights[1], biases[1]), functional.linear(x, weights[2], biases[2]));
            return output.call(functional.scaled_dot_product_attention(q, k, v)) + x;
        }
    }

    private sealed class Broadcast : Module<Tensor, Tensor>
    {
        private readonly Conv2d conv = Conv2d(16, 16, 3, padding: 1);
        private readonly Conv2d gate = Conv2d(16, 16, 24);

        internal Broadcast() : base(nameof(Broadcast)) => RegisterComponents();

        public override Tensor forward(Tensor x) => (conv.call(x) + gate.call(x).sigmoid()).relu();
    }

    private sealed class WritesBetween : Module<Tensor, Tensor>
    {
        private readonly Conv2d first = Conv2d(16, 16, 3, padding: 1);
        private readonly Conv2d conv = Conv2d(16, 16, 3, padding: 1);

        internal WritesBetween() : base(nameof(WritesBetween)) => RegisterComponents();

        public override Tensor forward(Tensor x)
        {
            var y = first.call(x);
            var convolved = conv.call(y);
            y.mul_(2);
            return (convolved + y).relu();
        }
    }

    private sealed class ViewedLater : Module<Tensor, Tensor>
    {
        private readonly Conv2d first = Conv2d(16, 16, 3, padding: 1);
        private readonly Conv2d conv = Conv2d(16, 16, 3, padding: 1);

        internal ViewedLater() : base(nameof(ViewedLater)) => RegisterComponents();

        public override Tensor forward(Tensor x)
        {
            var y = first.call(x);
            var view = y.transpose(2, 3);
            var sum = (conv.call(x) + y).relu();
            var gate = view.sigmoid();
            return sum * gate.transpose(2, 3) + view.transpose(2, 3);
        }
    }

    private sealed class CalledTwice : Module<Tensor, Tensor>
    {
        private readonly Conv2d conv = Conv2d(16, 16, 3, padding: 1);
        private readonly BatchNorm2d norm = BatchNorm2d(16);

        internal CalledTwice() : base(nameof(CalledTwice)) => RegisterComponents();

        public override Tensor forward(Tensor x) => norm.call(conv.call(x)).relu() + conv.call(x).sigmoid();
    }
}

using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Onnx.Tests;

public sealed class ExportTests : IDisposable
{
    private readonly DisposeScope scope = NewDisposeScope();
    private readonly OnnxModel exported = new();

    public void Dispose()
    {
        exported.Dispose();
        scope.Dispose();
    }

    private sealed class Net : Module<torch.Tensor, torch.Tensor, (torch.Tensor, torch.Tensor)>
    {
        private readonly TorchSharp.Modules.Linear fc = Linear(6, 4);
        private readonly TorchSharp.Modules.LayerNorm norm = LayerNorm(4);

        internal Net() : base(nameof(Net)) => RegisterComponents();

        public override (torch.Tensor, torch.Tensor) forward(torch.Tensor x, torch.Tensor y)
        {
            var pieces = x.reshape(x.shape[0], 2, -1, 3).transpose(1, 2).chunk(2, 1);
            var joined = cat([pieces[0].flatten(1), pieces[1].flatten(1)], 1)[.., 1..7];
            var gated = norm.call(functional.gelu(fc.call(joined))) * y.sigmoid();
            gated.add_(0.5);
            return (gated.mean([1], keepdim: true), (2 * gated).roll(1, 1).clamp(-1, 1).pow(2));
        }
    }

    [Fact]
    public void Operations_on_sizes_pieces_and_several_inputs_follow_the_batch()
    {
        using var net = new Net();
        using var traced = fx.symbolic_trace(net);
        traced.eval();
        onnx.export(traced, exported.Path, [InputShape.Parse("Nx12"), InputShape.Parse("Nx4")], ["left", "right"]);
        Assert.Equal(["left [N, 12]", "right [N, 4]"], exported.Signature().Inputs);
        Assert.Equal(["output_0", "output_1"], exported.Signature().Outputs);
        foreach (var batch in new long[] { 1, 7 })
        {
            var (x, y) = (rand(batch, 12), rand(batch, 4));
            var (first, second) = traced.call(x, y);
            var actual = exported.Run(x, y);
            OnnxModel.AssertClose(first, actual["output_0"]);
            OnnxModel.AssertClose(second, actual["output_1"]);
        }
    }

    private sealed class InPlace : Module<torch.Tensor, torch.Tensor>
    {
        private readonly TorchSharp.Modules.Linear fc = Linear(4, 4);
        private readonly TorchSharp.Modules.ReLU relu = ReLU(inplace: true);

        internal InPlace() : base(nameof(InPlace)) => RegisterComponents();

        public override torch.Tensor forward(torch.Tensor x)
        {
            var before = fc.call(x);
            relu.call(before);
            return before + 1;
        }
    }

    [Fact]
    public void What_is_written_in_place_shows_in_every_reader_but_not_in_a_feature()
    {
        using var model = new InPlace();
        model.eval();
        using var extractor = feature_extraction.create_feature_extractor(model, ["fc", "add"]);
        onnx.export(extractor, exported.Path, [InputShape.Parse("Nx4")]);
        var input = randn(5, 4);
        using var expected = extractor.call(input);
        var actual = exported.Run(input);
        Assert.Equal(["fc", "add"], actual.Keys);
        Assert.True(expected["fc"].min().item<float>() < 0);
        OnnxModel.AssertClose(expected["fc"], actual["fc"]);
        OnnxModel.AssertClose(expected["add"], actual["add"]);
    }

    private sealed class Viewing : Module<torch.Tensor, torch.Tensor>
    {
        internal Viewing() : base(nameof(Viewing))
        {
        }

        public override torch.Tensor forward(torch.Tensor x)
        {
            var row = x[0];
            x.neg_();
            return row;
        }
    }

    [Fact]
    public void A_view_of_what_is_written_in_place_is_refused()
    {
        using var traced = fx.symbolic_trace(new Viewing());
        Assert.Contains("can't be exported to ONNX: it writes to a tensor in place that 'getitem' is a view of.", Assert.Throws<OnnxExportException>(() => onnx.export(traced, exported.Path, [rand(2, 2)])).Message);
    }

    [Fact]
    public void Weights_can_lie_in_a_file_of_their_own()
    {
        using var model = Sequential(Linear(100, 100), ReLU(inplace: true), Linear(100, 2));
        model.eval();
        using var traced = fx.symbolic_trace(model);
        onnx.export(traced, exported.Path, [rand(2, 100)], external_data: true);
        Assert.InRange(new FileInfo(exported.Path).Length, 1, 5_000);
        Assert.Equal(4 * (100 * 100 + 100 + 200 + 2), new FileInfo(exported.Path + ".data").Length);
        var input = rand(2, 100);
        OnnxModel.AssertClose(traced.call(input), exported.Run(input)["output"]);
    }

    private sealed class Multiplying : Module<torch.Tensor, torch.Tensor>
    {
        internal Multiplying() : base(nameof(Multiplying))
        {
        }

        public override torch.Tensor forward(torch.Tensor x) => x.logcumsumexp(0);
    }

    [Fact]
    public void An_operation_without_a_converter_is_named_with_its_line_and_those_that_have_one()
    {
        using var traced = fx.symbolic_trace(new Multiplying());
        var refusal = Assert.Throws<OnnxExportException>(() => onnx.export(traced, exported.Path, [rand(2)]));
        Assert.Matches(@"^Node 'logcumsumexp' \(ExportTests\.cs:[0-9]+\) can't be exported to ONNX: there is no converter for 'logcumsumexp'\. Supported are abs, absolute, .*, zeropad2d, zeros, zeros_like\.$", refusal.Message);
        Assert.Equal("logcumsumexp", refusal.node.name);
        Assert.False(File.Exists(exported.Path));
    }

    [Fact]
    public void A_model_in_training_mode_is_refused()
    {
        using var traced = fx.symbolic_trace(Sequential(("norm", BatchNorm1d(4))));
        Assert.StartsWith("Node 'norm' (", Assert.Throws<OnnxExportException>(() => onnx.export(traced, exported.Path, [rand(2, 4)])).Message);
    }

    [Fact]
    public void Only_graph_modules_are_exported()
    {
        using var linear = Linear(4, 4);
        Assert.StartsWith("Linear is no graph module: export what fx.symbolic_trace or feature_extraction.create_feature_extractor makes of it.", Assert.Throws<ArgumentException>(() => onnx.export(linear, exported.Path, [rand(2, 4)])).Message);
    }

    [Fact]
    public void Any_dimensions_are_free_by_letters_or_by_name()
    {
        using var model = Sequential(Conv2d(3, 4, 3, stride: 2, padding: 1L), ReLU(), AdaptiveAvgPool2d(1), Flatten());
        model.eval();
        using var traced = fx.symbolic_trace(model);
        onnx.export(traced, exported.Path, [InputShape.Parse("Nx3xH=8xW=8")]);
        Assert.Equal(["tensor [N, 3, H, W]"], exported.Signature().Inputs);
        Same();
        onnx.export(traced, exported.Path, [rand(1, 3, 8, 8)], ["image"], new Dictionary<string, IReadOnlyDictionary<int, string>> { ["image"] = new Dictionary<int, string> { [0] = "batch", [2] = "height", [3] = "width" } });
        Assert.Equal(["image [batch, 3, height, width]"], exported.Signature().Inputs);
        Same();

        void Same()
        {
            var input = rand(3, 3, 13, 10);
            OnnxModel.AssertClose(traced.call(input), exported.Run(input)["output"]);
        }
    }

    [Fact]
    public void Dynamic_axes_that_fit_nothing_are_refused()
    {
        using var traced = fx.symbolic_trace(Sequential(Linear(4, 4)));
        Assert.StartsWith("dynamic_axes names an input 'x', but the inputs are tensor.", Refusal("x", 0));
        Assert.StartsWith("dynamic_axes names dimension 2 of 'tensor', which has 2.", Refusal("tensor", 2));

        string Refusal(string name, int axis) => Assert.Throws<ArgumentException>(()
            => onnx.export(traced, exported.Path, [rand(2, 4)], dynamic_axes: new Dictionary<string, IReadOnlyDictionary<int, string>> { [name] = new Dictionary<int, string> { [axis] = "n" } })).Message;
    }

    private sealed class Deciding : Module<torch.Tensor, torch.Tensor>
    {
        internal Deciding() : base(nameof(Deciding))
        {
        }

        public override torch.Tensor forward(torch.Tensor x) => x.shape[1] == 4 ? x + 1 : x;
    }

    [Fact]
    public void A_free_size_that_the_model_decides_by_is_refused()
    {
        using var traced = fx.symbolic_trace(new Deciding(), example_inputs: [rand(2, 4)]);
        var message = Assert.Throws<ArgumentException>(() => onnx.export(traced, exported.Path, [InputShape.Parse("NxM=4")])).Message;
        Assert.StartsWith("The model does not run for inputs [3, 8], as the example's free sizes ask for: traced with ", message);
        Assert.Contains("Fix the size that it decides by, or give sizes to try (Nx3xH=64xW=64).", message);
        onnx.export(traced, exported.Path, [InputShape.Parse("Nx4")]);
        Assert.Equal(["x [N, 4]"], exported.Signature().Inputs);
    }

    private sealed class Halving : Module<torch.Tensor, torch.Tensor>
    {
        internal Halving() : base(nameof(Halving))
        {
        }

        public override torch.Tensor forward(torch.Tensor x)
        {
            if (x.shape[0] == 0)
                throw new ArgumentException("There is nothing to halve.");
            return x.shape[1] > 3 ? x / 2 : x;
        }
    }

    [Fact]
    public void So_it_is_where_all_sizes_that_are_tried_go_the_same_way_but_a_check_is_no_decision()
    {
        using var traced = fx.symbolic_trace(new Halving(), example_inputs: [rand(2, 4)]);
        var message = Assert.Throws<OnnxExportException>(() => onnx.export(traced, exported.Path, [InputShape.Parse("NxM=4")])).Message;
        Assert.Matches(@"^Node '_assert_1' \(ExportTests\.cs:[0-9]+\) can't be exported to ONNX: the model decides by a size that is free \(traced with getitem_1 > 3 at ExportTests\.cs:[0-9]+; trace again with example inputs like these\); fix that size\.$", message);
        onnx.export(traced, exported.Path, [InputShape.Parse("Nx4")]);
        Assert.Equal(["x [N, 4]"], exported.Signature().Inputs);
    }

    private sealed class Masking : Module<torch.Tensor, torch.Tensor>
    {
        private readonly TorchSharp.Modules.Linear fc = Linear(4, 4);

        internal Masking() : base(nameof(Masking)) => RegisterComponents();

        public override torch.Tensor forward(torch.Tensor x)
        {
            var mask = zeros(3, 4);
            mask[1..] = 1;
            mask[0, 0] = 5;
            return fc.call(x) * mask.ne(0).to(float32);
        }
    }

    [Fact]
    public void What_depends_on_no_input_is_a_constant()
    {
        using var model = new Masking();
        using var traced = fx.symbolic_trace(model);
        onnx.export(traced, exported.Path, [InputShape.Parse("Nx3x4")]);
        var input = rand(2, 3, 4);
        OnnxModel.AssertClose(model.call(input), exported.Run(input)["output"]);
        var names = System.Text.Encoding.Latin1.GetString(File.ReadAllBytes(exported.Path));
        Assert.DoesNotContain("ne/", names);
        Assert.DoesNotContain("Not", names);
    }

    [Fact]
    public void Where_a_tensor_is_moved_to_makes_no_difference()
    {
        using var traced = fx.symbolic_trace((Tensor x) => x.to(DeviceType.CPU, -1, disposeAfter: false, non_blocking: true).cpu().to(CPU) * 2);
        onnx.export(traced, exported.Path, [rand(2, 3)]);
        var x = rand(2, 3);
        OnnxModel.AssertClose(x * 2, exported.Run(x)["output"]);
    }

    private sealed class Unregistered(double p) : nn.Module<Tensor, Tensor>(nameof(Unregistered))
    {
        private readonly List<TorchSharp.Modules.Dropout> layers = [nn.Dropout(p)];

        public override Tensor forward(Tensor x) => layers[0].forward(x) + 1;
    }

    [Fact]
    public void A_dropout_of_nothing_draws_nothing_and_another_one_in_training_mode_is_refused()
    {
        using var model = new Unregistered(0);
        model.eval();
        onnx.export(fx.symbolic_trace(model), exported.Path, [rand(2, 3)]);
        var x = rand(2, 3);
        OnnxModel.AssertClose(x + 1, exported.Run(x)["output"]);
        using var drawing = new Unregistered(0.5);
        drawing.eval();
        var refused = Assert.Throws<OnnxExportException>(() => onnx.export(fx.symbolic_trace(drawing), exported.Path, [x]));
        Assert.Contains("and on layers that the model has but doesn't register", refused.Message, StringComparison.Ordinal);
    }

    private sealed class Optional : nn.Module<Tensor, Tensor?, int, Tensor>
    {
        public Optional() : base(nameof(Optional)) { }

        public override Tensor forward(Tensor x, Tensor? mask = null, int times = 3) => (mask is null ? x : x * mask) * times;
    }

    [Fact]
    public void Inputs_that_have_defaults_may_be_left_out_of_the_example()
    {
        using var traced = fx.symbolic_trace(new Optional(), example_inputs: [rand(2, 3)]);
        onnx.export(traced, exported.Path, [rand(2, 3)]);
        var x = rand(2, 3);
        OnnxModel.AssertClose(x * 3, exported.Run(x)["output"]);
        using var two = fx.symbolic_trace((Tensor a, Tensor b) => a + b);
        Assert.StartsWith("example_inputs has 1 of the inputs, and 'b' has no default: give something for each.",
            Assert.Throws<ArgumentException>(() => onnx.export(two, exported.Path, [x])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Numbers_among_the_results_are_left_out()
    {
        using var traced = fx.symbolic_trace((Tensor x) => (x * 2, x.shape[0], 15, (x + 1, x.dim()), new[] { x.shape[1], 2 }));
        onnx.export(traced, exported.Path, [rand(2, 3)]);
        var x = rand(2, 3);
        var given = exported.Run(x);
        Assert.Equal(["output_0", "output_3"], given.Keys);
        OnnxModel.AssertClose(x * 2, given["output_0"]);
        OnnxModel.AssertClose(x + 1, given["output_3"]);
        using var count = fx.symbolic_trace((Tensor x) => x.shape[0] * 2);
        Assert.Contains("nothing that it returns is a tensor", Assert.Throws<OnnxExportException>(() => onnx.export(count, exported.Path, [x])).Message,
            StringComparison.Ordinal);
    }

    private sealed class Memory : nn.Module
    {
        internal Tensor Key { get; }

        internal Tensor Scale { get; } = ones(4) * 3;

        public Memory() : base(nameof(Memory))
        {
            Key = zeros(2, 4);
            register_buffer("key", Key);
        }
    }

    private sealed class Remembering() : nn.Module<Tensor, Memory, Tensor>(nameof(Remembering))
    {
        public override Tensor forward(Tensor x, Memory memory)
        {
            memory.Key[0] = x[0];
            return (x * memory.Scale) + memory.Key;
        }
    }

    [Fact]
    public void The_tensors_of_a_module_among_the_inputs_are_inputs()
    {
        using var traced = fx.symbolic_trace(new Remembering(), example_inputs: [rand(2, 4), new Memory()]);
        onnx.export(traced, exported.Path, [rand(2, 4), new Memory()]);
        var x = rand(2, 4);
        var given = exported.Signature().Inputs.Select(input => input.Split(' ')[0]).Select(name => name switch
        {
            "x" => x, "memory.Key" => zeros(2, 4), "memory.Scale" => ones(4) * 3, _ => throw new InvalidOperationException(name),
        }).ToArray();
        OnnxModel.AssertClose(new Remembering().call(x, new Memory()), exported.Run(given)["output"]);
    }

    [Fact]
    public void A_type_and_a_device_that_are_read_of_a_tensor_are_no_sizes()
    {
        using var traced = fx.symbolic_trace((Tensor x) =>
        {
            var y = zeros(new long[] { x.shape[0], 3 }, dtype: x.dtype, device: x.device);
            y[.., 0] = x.sum(1);
            return y + ones(x.shape[0], 1, dtype: x.dtype, device: x.device) + full(new long[] { x.shape[0], 3 }, 2, dtype: x.dtype, device: x.device)
                + x.new_zeros(x.shape[0], 3, dtype: x.dtype, device: x.device);
        });
        onnx.export(traced, exported.Path, [InputShape.Parse("Nx3")]);
        foreach (var x in new[] { rand(2, 3), rand(5, 3) })
            OnnxModel.AssertClose(traced.call(x), exported.Run(x)["output"]);
    }
}

using TorchSharp.Fx.Tests.FeatureExtraction;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Passes;

/// <summary>Mirrors PyTorch's test_example_shape_prop, test_shape_prop_aggregate, test_shape_prop_layout and test_shape_prop_layout_3d, and goes on to the meta device.</summary>
[Collection(nameof(Alone))]
public sealed class ShapePropTests
{
    private sealed class Classifier : Module<Tensor, Tensor>
    {
        private readonly Conv2d conv;
        private readonly BatchNorm2d norm;
        private readonly Dropout drop = Dropout();
        private readonly Linear fc;

        public Classifier(Device? device = null) : base(nameof(Classifier))
        {
            conv = Conv2d(3, 8, 3, stride: 2, padding: 1, device: device);
            norm = BatchNorm2d(8, device: device);
            fc = Linear(8 * 4 * 5, 2, device: device);
            RegisterComponents();
        }

        public override Tensor forward(Tensor x)
        {
            x = norm.call(conv.call(x)).relu_();
            return fc.call(drop.call(x.flatten(1)));
        }
    }

    [Fact]
    public void Every_tensor_has_its_shape_type_strides_and_size()
    {
        using var model = new Classifier();
        var graph = Propagated(model, rand(2, 3, 8, 10));
        Assert.Equal(
            ["x: float32[2, 3, 8, 10]", "conv: float32[2, 8, 4, 5]", "norm: float32[2, 8, 4, 5]", "relu_: float32[2, 8, 4, 5]", "flatten: float32[2, 160]", "drop: float32[2, 160]", "fc: float32[2, 2]", "output: float32[2, 2]"],
            Shapes(graph));
        var conv = Of(graph, "conv");
        Assert.Equal([160, 20, 5, 1], conv.stride);
        Assert.Equal((320, 1280), (conv.numel, conv.nbytes));
        Assert.Equal(memory_format.contiguous_format, conv.memory_format);
    }

    private sealed class Splitting() : Module<Tensor, (Tensor, Tensor)>(nameof(Splitting))
    {
        public override (Tensor, Tensor) forward(Tensor x)
        {
            var (values, indices) = x.topk(2, 1);
            return (x.chunk(3, 1)[2], values + indices.shape[0]);
        }
    }

    [Theory]
    [InlineData("cpu")]
    [InlineData("meta")]
    public void The_tensors_inside_a_structure_are_noted_in_order(string device)
    {
        using var model = new Splitting();
        var graph = Propagated(model, zeros(4, 6, device: torch.device(device)));
        Assert.Equal("float32[4, 2] int64[4, 2]", string.Join(' ', Inside("topk")));
        Assert.Equal("float32[4, 2] float32[4, 2] float32[4, 2]", string.Join(' ', Inside("chunk")));
        Assert.Equal("float32[4, 2] float32[4, 2]", string.Join(' ', Inside("output")));
        Assert.Null(Node(graph, "getattr_1").get_meta(meta.tensor_meta));

        System.Collections.Immutable.ImmutableArray<TensorMetadata> Inside(string name) => Node(graph, name).get_meta(meta.tensor_metas);
    }

    private sealed class Convolved(Module<Tensor, Tensor> conv) : Module<Tensor, Tensor>(nameof(Convolved))
    {
        private readonly Module<Tensor, Tensor> conv = conv;

        public override Tensor forward(Tensor x) => conv.call(x).transpose(0, 1);
    }

    [Theory]
    [InlineData("cpu", 4)]
    [InlineData("meta", 4)]
    [InlineData("cpu", 5)]
    [InlineData("meta", 5)]
    public void The_order_in_memory_is_known(string device, int dimensions)
    {
        var where = torch.device(device);
        using var model = new Convolved(dimensions == 4 ? Conv2d(3, 4, 3, device: where) : Conv3d(3, 4, 3, device: where));
        using var plain = rand([2, .. Enumerable.Repeat(6L, dimensions - 2), 3], device: where);
        using var channelsLast = plain.permute([0, dimensions - 1, .. Enumerable.Range(1, dimensions - 2)]);
        var graph = Propagated(model, channelsLast);
        Assert.Equal(memory_format.channels_last, Of(graph, "x").memory_format);
        Assert.Equal(memory_format.channels_last, Of(graph, "conv").memory_format);
        Assert.Null(Of(graph, "transpose").memory_format);
    }

    private sealed class Chain : Module<Tensor, Tensor>
    {
        private readonly ModuleList<Module<Tensor, Tensor>> layers;

        public Chain(params Module<Tensor, Tensor>[] layers) : base(nameof(Chain))
        {
            this.layers = new(layers);
            RegisterComponents();
        }

        public override Tensor forward(Tensor x)
        {
            foreach (var layer in layers)
                x = layer.call(x);
            return x;
        }
    }

    private sealed class Functions(Device device) : Module<Tensor, Tensor>(nameof(Functions))
    {
        private readonly Tensor weight = zeros([6, 2, 3, 3], device: device), transposed = zeros([6, 2, 2, 2], device: device);

        public override Tensor forward(Tensor x)
        {
            x = functional.conv2d(x, weight, strides: [2, 1], padding: [1, 1], groups: 2).abs();
            x = functional.conv_transpose2d(x, transposed, strides: [2, 2], output_padding: [1, 1], groups: 3);
            return functional.layer_norm(x.roll(1, 0), [x.shape[3]]).permute(0, 2, 3, 1).relu() + functional.adaptive_avg_pool2d(x, 1).flatten(1).mean();
        }
    }

    /// <summary>Layers of two dimensions after each other: libtorch, computing, says what each gives.</summary>
    private static readonly Dictionary<string, (Func<Device, Module<Tensor, Tensor>> Make, long[] Input)> Models = new()
    {
        ["strides, padding, dilation and groups"] = (d => new Chain(Conv2d(4, 6, 3, stride: 2, padding: 1, device: d), Conv2d(6, 4, (3L, 2L), (1L, 2L), (2L, 0L), (2L, 1L), groups: 2, device: d)), [2, 4, 11, 13]),
        ["padding that keeps the size"] = (d => new Chain(Conv2d(4, 6, 4, padding: Padding.Same, device: d), Conv2d(6, 4, 3, padding: Padding.Valid, device: d)), [2, 4, 9, 9]),
        ["transposed"] = (d => new Chain(ConvTranspose2d(4, 6, 3, stride: 2, padding: 1, output_padding: 1, groups: 2, device: d)), [2, 4, 5, 6]),
        ["without a batch"] = (d => new Chain(Conv2d(4, 6, 3, device: d)), [4, 5, 6]),
        ["one dimension"] = (d => new Chain(Conv1d(4, 6, 3, stride: 2, device: d), PReLU(6, device: d), BatchNorm1d(6, device: d)), [2, 4, 11]),
        ["three dimensions"] = (d => new Chain(Conv3d(4, 6, 3, padding: 1, device: d), BatchNorm3d(6, device: d), MaxPool3d(2), AdaptiveAvgPool3d(1)), [2, 4, 5, 6, 7]),
        ["normalisation"] = (d => new Chain(GroupNorm(2, 4, device: d), InstanceNorm2d(4, affine: true, device: d), LayerNorm([6L], device: d), ReLU()), [2, 4, 5, 6]),
        ["a leaf of the user's"] = (d => new Outer(d), [2, 4, 5, 6]),
        ["functions"] = (d => new Functions(d), [2, 4, 9, 9]),
        ["parameters in memory"] = (_ => new Chain(Linear(6, 3), Linear(3, 2)), [2, 4, 6]),
    };

    private sealed class Outer(Device device) : Module<Tensor, Tensor>(nameof(Outer))
    {
        private readonly Chain leaf = new(Conv2d(4, 6, 3, device: device), BatchNorm2d(6, device: device), ReLU(), Sigmoid());

        public override Tensor forward(Tensor x) => leaf.call(x);
    }

    private sealed class ChainsAreLeaves : Tracer
    {
        public override bool is_leaf_module(nn.Module m, string module_qualified_name) => m is Chain || base.is_leaf_module(m, module_qualified_name);
    }

    public static TheoryData<string> Names => [.. Models.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void Without_computing_shapes_and_strides_are_those_of_real_tensors(string name)
    {
        var (real, shaped) = (On(CPU), On(META));
        Assert.Equal(real.Select(node => node.name), shaped.Select(node => node.name));
        Assert.All(real.Zip(shaped), pair => Assert.Equal((pair.First.name, Layout(pair.First)), (pair.Second.name, Layout(pair.Second))));

        Node[] On(Device device)
        {
            using var model = Models[name].Make(device);
            var tracer = name.StartsWith("a leaf", StringComparison.Ordinal) ? new ChainsAreLeaves() : new Tracer();
            var graph = tracer.trace(model);
            using var input = zeros(Models[name].Input, device: device);
            new ShapeProp(model, graph, tracer.tensor_constants).propagate(input);
            return [.. graph.nodes];
        }

        static string? Layout(Node node) => node.get_meta(meta.tensor_meta) is { } found ? $"{found} {string.Join(", ", found.stride)}" : null;
    }

    [Fact]
    public void A_declared_shape_will_do()
    {
        using var model = new Classifier(META);
        Assert.Equal("float32[2, 2]", Of(Propagated(model, InputShape.Parse("Nx3x8x10")), "fc").ToString());
    }

    [Fact]
    public void Neither_model_nor_input_nor_generator_change_and_no_tensor_is_left()
    {
        using var model = new Classifier();
        using var x = rand(2, 3, 8, 10);
        var graph = new Tracer().trace(model);
        using var before = get_rng_state();
        var running = model.named_buffers().First(entry => entry.name == "norm.running_mean").buffer;
        LiveTensors.AssertStay(() => new ShapeProp(model, graph).propagate(x), 20);
        using var after = get_rng_state();
        Assert.True(before.bytes.SequenceEqual(after.bytes));
        Assert.Equal(0f, running.abs().sum().item<float>());
    }

    private sealed class ByElements() : Module<Tensor, Tensor>(nameof(ByElements))
    {
        public override Tensor forward(Tensor x) => x.abs()[x > 0];
    }

    [Fact]
    public void A_shape_that_elements_decide_is_refused_on_the_meta_device()
    {
        using var model = new ByElements();
        Assert.Equal("float32[3]", Of(Propagated(model, ones(3)), "getitem").ToString());
        var error = Assert.Throws<NodeExecutionException>(() => Propagated(model, zeros([3], device: META)));
        Assert.StartsWith("Node 'getitem' (ShapePropTests.cs:", error.Message, StringComparison.Ordinal);
        Assert.EndsWith(") failed: The value or shape of 'getitem' is decided by elements, which tensors on the meta device don't have. Propagate with tensors in memory.", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(5, 8, "A convolution of 3 input channels and 2 spatial dimensions can't take a tensor of the shape [2, 5, 8, 8].")]
    [InlineData(3, 2, "A convolution whose kernel spans 3 elements doesn't fit into 2.")]
    public void An_input_that_does_not_fit_is_refused_on_the_meta_device_too(long channels, long size, string reason)
    {
        using var model = new Convolved(Conv2d(3, 4, 3, device: META));
        var error = Assert.Throws<NodeExecutionException>(() => Propagated(model, zeros([2, channels, size, size], device: META)));
        Assert.Equal(("conv", reason), (error.node.name, error.InnerException!.Message));
    }

    private static Graph Propagated(nn.Module model, object input)
    {
        using var traced = fx.symbolic_trace(model);
        new ShapeProp(traced, traced.graph).propagate(input);
        (input as IDisposable)?.Dispose();
        return traced.graph;
    }

    private static IEnumerable<string> Shapes(Graph graph) => graph.nodes.Select(node => $"{node.name}: {node.get_meta(meta.tensor_meta)}");

    private static Node Node(Graph graph, string name) => graph.nodes.Single(node => node.name == name);

    private static TensorMetadata Of(Graph graph, string name) => Node(graph, name).get_meta(meta.tensor_meta)!;
}

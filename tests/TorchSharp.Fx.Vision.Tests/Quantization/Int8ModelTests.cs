using TorchSharp.Fx.Testing;
using TorchSharp.Fx.Vision.Tests.Features;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Vision.Tests.Quantization;

/// <summary>Whole models by kernels of whole numbers, against the reference graph.</summary>
[Collection(nameof(OneAtATime))]
public sealed class Int8ModelTests
{
    [Theory]
    [InlineData("resnet18")]
    [InlineData("mobilenet_v2")]
    [InlineData("mobilenet_v3_small")]
    [InlineData("shufflenet_v2_x0_5")]
    public void Each_kernel_gives_the_steps_of_the_reference_graph(string name)
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        using var model = DeterministicWeights.Fill((nn.Module<Tensor, Tensor>)models.get_model(name));
        model.eval();
        using var prepared = quantization.prepare_fx(model, new QConfigMapping().set_global(QConfig.minmax_qconfig));
        prepared.call(DeterministicWeights.Named("calibration0", 1, 3, 224, 224));
        using var reference = quantization.convert_to_reference_fx(prepared);
        using var fast = reference.optimize_for_inference();
        var input = DeterministicWeights.Named("input", 1, 3, 224, 224);

        var exact = new Recorded(reference);
        var expected = (Tensor)exact.run(input)!;
        var compared = new Compared(fast, reference.graph, exact.Steps);
        compared.run(input);
        Assert.Empty(compared.Wrong);
        Assert.InRange(compared.Count, exact.Steps.Count / 3, int.MaxValue);

        // What lies between two steps goes either way, and what is computed of it follows: in the end it is a step at most.
        var scale = (double)((Literal)reference.graph.nodes.Last(node => node.target.name == "quantize_per_tensor").args[1]).Value!;
        var steps = (expected - fast.call(input)).abs().div(scale).round();
        Assert.InRange(steps.max().item<float>(), 0, 2);
        Assert.InRange(steps.gt(1).to(ScalarType.Float32).mean().item<float>(), 0, 0.001f);
    }

    /// <summary>Keeps what becomes steps.</summary>
    private sealed class Recorded(IGraphModule module) : GraphInterpreter(module)
    {
        internal Dictionary<string, Tensor> Steps { get; } = [];

        public override object? run_node(Node node)
        {
            var value = base.run_node(node);
            if (node.target.name == "quantize_per_tensor")
                Steps[node.name] = ((Tensor)value!).clone();
            return value;
        }
    }

    /// <summary>Compares what kernels make of the reference graph's steps, which they are given.</summary>
    private sealed class Compared(IGraphModule module, Graph reference, Dictionary<string, Tensor> exact) : GraphInterpreter(module)
    {
        private readonly Dictionary<string, Node> nodes = reference.nodes.ToDictionary(node => node.name);

        internal List<string> Wrong { get; } = [];

        internal int Count { get; private set; }

        public override object? run_node(Node node)
        {
            var value = base.run_node(node);
            if (value is not Tensor tensor || node.op != Opcode.call_module || !node.target.name.EndsWith("_int8", StringComparison.Ordinal) || tensor.dtype != ScalarType.Byte)
                return value;
            var expected = exact[Last(nodes[node.target.name[..^5]]).name];
            var steps = (expected.to(ScalarType.Int32) - tensor.reshape(expected.shape).to(ScalarType.Int32)).abs();
            Count++;
            // A value that lies between two steps may go either way.
            var (differ, most) = (steps.gt(0).sum().item<long>(), steps.max().item<int>());
            if (most > 1 || differ > 1 + steps.numel() / 1000)
                Wrong.Add($"{node.name}: {differ} of {steps.numel()} differ, by {most} steps at most");
            // In the order in memory that the kernel's result has.
            return empty_like(tensor).copy_(expected.reshape(tensor.shape));
        }

        /// <summary>What clamps the steps of a layer is done by the layer.</summary>
        private Node Last(Node quantize)
            => quantize.users is [{ users: [{ op: Opcode.call_module, users: [{ target.name: "quantize_per_tensor" } clamped] }] }] && clamped.args[1] == quantize.args[1]
                && exact[clamped.name].shape.SequenceEqual(exact[quantize.name].shape) ? clamped : quantize;
    }
}

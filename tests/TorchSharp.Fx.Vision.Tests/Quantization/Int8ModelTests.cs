using System.Runtime.Intrinsics.X86;
using TorchSharp.Fx.Testing;
using TorchSharp.Fx.Vision.Tests.Features;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Vision.Tests.Quantization;

/// <summary>Whole models by kernels of whole numbers, against the reference graph.</summary>
/// <remarks>Small ones of four families; TORCHFX_ALL_MODELS takes all up to 150 million parameters that give one tensor.</remarks>
[Collection(nameof(OneAtATime))]
public sealed class Int8ModelTests
{
    private const long MostParameters = 150_000_000;

    public static TheoryData<string> Chosen => Environment.GetEnvironmentVariable("TORCHFX_ALL_MODELS") is null
        ? ["resnet18", "mobilenet_v2", "mobilenet_v3_small", "shufflenet_v2_x0_5"]
        : [.. Models.Plain.Where(name => models.get_model_info(name).num_params <= MostParameters && Models.Meta(name) is nn.Module<Tensor, Tensor>)];

    // Sums of products of bytes: AVX-VNNI, or AVX512_VNNI, the eleventh bit of what the processor tells.
    private static bool HasKernels => OperatingSystem.IsLinux() && (AvxVnni.IsSupported || (X86Base.IsSupported && (X86Base.CpuId(7, 0).Ecx >> 11 & 1) == 1));

    [Theory, MemberData(nameof(Chosen))]
    public void Each_kernel_gives_the_steps_of_the_reference_graph(string name)
    {
        Assert.SkipUnless(HasKernels, "Without VNNI, or where oneDNN can't be called, a quantised model runs as its reference graph.");
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        using var model = DeterministicWeights.Fill((nn.Module<Tensor, Tensor>)models.get_model(name));
        model.eval();
        using var prepared = quantization.prepare_fx(model, new QConfigMapping().set_global(QConfig.minmax_qconfig));
        long[] shape = [1, .. models.get_model_info(name).input_shape];
        prepared.call(DeterministicWeights.Named("calibration0", shape));
        using var reference = quantization.convert_to_reference_fx(prepared);
        using var fast = reference.optimize_for_inference();
        var input = DeterministicWeights.Named("input", shape);

        var exact = new Recorded(reference);
        var expected = (Tensor)exact.run(input)!;
        var compared = new Compared(fast, reference.graph, exact.Steps);
        compared.run(input);
        Assert.Empty(compared.Wrong);
        Assert.InRange(compared.Count, exact.Steps.Count / 3, int.MaxValue);

        // What lies between two steps goes either way, and what is computed of it follows, as it does for an input that differs a little.
        var scale = (double)((Literal)reference.graph.nodes.Last(node => node.target.name == "quantize_per_tensor").args[1]).Value!;
        Tensor Steps(Tensor output) => (expected - output).abs().div(scale).round();
        var (steps, others) = (Steps(fast.call(input)), Steps(reference.call(input * (1 + 1e-6f))));
        Assert.InRange(steps.max().item<float>(), 0, Math.Max(2, 2 * others.max().item<float>()));
        Assert.InRange(steps.gt(1).to(ScalarType.Float32).mean().item<float>(), 0, 0.001f + 2 * others.gt(1).to(ScalarType.Float32).mean().item<float>());
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
            // A value that lies between two steps may go either way, the average of pixels often: 18 of 1,280 in efficientnet_b1.
            var (differ, most) = (steps.gt(0).sum().item<long>(), steps.max().item<int>());
            if (most > 1 || differ > 2 + steps.numel() / 50)
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

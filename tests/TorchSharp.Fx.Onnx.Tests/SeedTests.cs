using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using static TorchSharp.torch;
using Tensor = TorchSharp.torch.Tensor;

namespace TorchSharp.Fx.Onnx.Tests;

/// <summary>Programs that seed the generator: a file can't, so what is drawn after it would be other numbers than the module's.</summary>
[Collection(nameof(Alone))]
public sealed class SeedTests
{
    private static Tensor SeedsAndDraws(Tensor x)
    {
        manual_seed(3);
        return x + rand_like(x);
    }

    private static Tensor Seeds(Tensor x)
    {
        manual_seed(3);
        return x + 1;
    }

    private static Tensor DrawsByAnother(Tensor x)
    {
        Seeds(x);
        return x + randn_like(x);
    }

    private static Tensor SeedsAfterwards(Tensor x)
    {
        var drawn = rand_like(x);
        random.manual_seed(3);
        return drawn;
    }

    [Fact]
    public void A_seed_before_a_draw_is_refused()
    {
        using var scope = NewDisposeScope();
        Assert.StartsWith("Node 'manual_seed' (SeedTests.cs:", Refusal(SeedsAndDraws), StringComparison.Ordinal);
        Assert.Contains("it seeds a generator that the model draws from, and ONNX has none to seed", Refusal(SeedsAndDraws), StringComparison.Ordinal);
        Assert.StartsWith("Node 'manual_seed' ", Refusal(SeedsAfterwards), StringComparison.Ordinal);
    }

    [Fact]
    public void A_seed_inside_of_a_leaf_counts_for_draws_outside_of_it()
        => Assert.Contains("it seeds a generator that the model draws from", Refusal(DrawsByAnother, new(autowrap_functions: [Seeds])), StringComparison.Ordinal);

    [Fact]
    public void A_seed_that_nothing_is_drawn_by_is_left_out()
    {
        using var scope = NewDisposeScope();
        using var traced = fx.symbolic_trace<Tensor, Tensor>(Seeds);
        var file = Path.GetTempFileName();
        try
        {
            onnx.export(traced, file, [ones(2)]);
            using var session = new InferenceSession(file);
            using var results = session.Run([NamedOnnxValue.CreateFromTensor(session.InputNames[0], new DenseTensor<float>(new float[] { 1, 2 }, [2]))]);
            Assert.Equal([2, 3], results[0].AsTensor<float>().ToArray());
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static string Refusal(Func<Tensor, Tensor> function, Tracer? tracer = null)
    {
        using var scope = NewDisposeScope();
        tracer ??= new();
        var graph = tracer.trace(function);
        using var traced = new GraphModule<Tensor, Tensor>(tracer.root, graph, tracer.tensor_constants);
        var file = Path.GetTempFileName();
        try
        {
            return Assert.Throws<OnnxExportException>(() => onnx.export(traced, file, [ones(2)])).Message;
        }
        finally
        {
            File.Delete(file);
        }
    }
}

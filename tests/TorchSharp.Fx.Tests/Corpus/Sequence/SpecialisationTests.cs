using TorchSharp.Fx.Tests.FeatureExtraction;
using TorchSharp.Fx.Tests.Tracing;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.Corpus.Sequence;

/// <summary>What is refused for its decisions on content is taken where the user allows it, and holds for inputs that decide alike.</summary>
[Collection(nameof(Alone))]
public sealed class SpecialisationTests
{
    private static void Takes(nn.Module module, object?[][] alike, object?[] other)
    {
        using var scope = NewDisposeScope();
        module.eval();
        using var traced = fx.symbolic_trace(module, example_inputs: alike[0], allow_value_specialization: true);
        foreach (var inputs in alike)
            Traced.Same(Traced.Eager(module, inputs), traced.call(inputs));
        Assert.Throws<GraphAssertionException>(() => traced.call(other));
    }

    [Fact]
    public void A_mask_with_something_in_it()
        => Takes(new PaddingAware(),
            [[randn(2, 4), ones(2, 4, dtype: ScalarType.Bool)], [randn(3, 5), eye(3, 5, dtype: ScalarType.Bool)]],
            [randn(2, 4), zeros(2, 4, dtype: ScalarType.Bool)]);

    [Fact]
    public void A_loop_as_long_as_the_longest_of_a_batch()
        => Takes(new DynamicLength(),
            [[randn(2, 4, 3), tensor([3L, 2])], [randn(3, 5, 2), tensor([1L, 3, 2])]],
            [randn(2, 4, 3), tensor([4L, 2])]);

    [Fact]
    public void What_a_refusal_proposes_is_what_helps()
    {
        using var module = new NativeKernel();
        var error = Assert.Throws<TraceException>(() => new Tracer().trace(module));
        Assert.Contains("tracer_kwargs.autowrap_functions = [NativeKernel.Fused]", error.Message, StringComparison.Ordinal);
        var graph = new Tracer(autowrap_functions: [NativeKernel.Fused]).trace(module);
        Assert.Equal(["x", "relu", "fused", "output"], graph.nodes.Select(node => node.name));
    }
}

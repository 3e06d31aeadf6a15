using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>Makes graph modules fast. Counterpart: <c>torch.fx.experimental.optimization</c>.</summary>
public static class InferenceOptimization
{
    /// <summary>The first passes of <see cref="optimize_for_inference"/>, in order: they make plain what is computed.</summary>
    private static readonly (string Name, Action<InferenceGraph> Run)[] Simplify =
    [
        ("inline_leaves", layers => new LeafInlining(layers).Run()),
        ("fold_numbers",
            layers => new NumberFolding(layers.Graph, new GraphInterpreter(new Scope(""), layers.Graph), areSizesFixed: false).Run()),
        ("remove_identities", layers => new Fusion(layers).RemoveIdentities()),
        ("merge_common", layers => layers.MergeCommon()),
    ];

    /// <summary>The passes after constants are folded, in order: layers become those with kernels.</summary>
    private static readonly (string Name, Action<InferenceGraph> Run)[] UseKernels =
    [
        ("use_int8_kernels", layers => new Int8Fusion(layers).Run()),
        ("specialise_leaves", layers => new LeafInlining(layers).Specialise()),
        ("fuse_attention", layers => new AttentionFusion(layers).Run()),
        ("use_kernels", layers => new Fusion(layers).UseKernels()),
    ];

    /// <summary>The last passes, in order: layers become fewer.</summary>
    private static readonly (string Name, Action<InferenceGraph> Run)[] Fuse =
    [
        ("fold_paddings", layers => new Fusion(layers).FoldPaddings()),
        ("fold_batch_norms", layers => new Fusion(layers).FoldBatchNorms()),
        ("fuse_residuals", layers => new Fusion(layers).FuseResiduals()),
        ("fuse_activations", layers => new Fusion(layers).FuseActivations()),
        ("normalise_parts", layers => new Fusion(layers).NormaliseParts()),
        ("shuffle_channels", layers => new ShuffleFusion(layers).Run()),
        ("keep_layouts", layers => new KeptLayouts(layers).Run()),
        ("activate_in_place", layers => new Fusion(layers).ActivateInPlace()),
        ("compute_in_place", layers => new Fusion(layers).ComputeInPlace()),
        ("eliminate_dead_code", layers => layers.EliminateDeadCode()),
        ("plan_memory", layers => new Fusion(layers).PlanMemory()),
    ];

    /// <summary>
    /// An optimised copy of a graph module or extractor, for evaluation without gradients: batch norms folded into convolutions,
    /// activations and residual additions computed by the kernel of the layer before, weights laid out for the processor. Outputs equal the
    /// original's up to rounding. Counterpart: <c>torch.fx.experimental.optimization.optimize_for_inference</c>.
    /// </summary>
    /// <param name="module">The module; it is not changed. The copy has its own weights.</param>
    /// <param name="dtype">The precision to compute in: <c>bfloat16</c> or <c>float16</c>, whose mantissas have 8 and 11 bits (float32 has
    /// 24); see <c>docs/performance.md</c>. Inputs are converted to it, and results back to float32. Null keeps the module's
    /// precision.</param>
    /// <param name="discard_parameters">Frees the memory of each layer's weight as soon as the copy has its own, so that a model's weights
    /// aren't in memory twice. The module and the model it was made of can't be used any more: only dispose them. Counterpart:
    /// <c>torch._inductor.config.freezing_discard_parameters</c>.</param>
    /// <returns>A module of the same type in evaluation mode.</returns>
    public static T optimize_for_inference<T>(this T module, ScalarType? dtype = null, bool discard_parameters = false)
        where T : nn.Module, IGraphModule
    {
        ArgumentNullException.ThrowIfNull(module);
        if (dtype is not null)
            Precision.Check(dtype.Value);
        using var mode = no_grad();
        var optimised = Optimise(module, dtype, null, discard_parameters);
        if (dtype is not null)
            optimised.to(dtype.Value);
        return optimised;
    }

    /// <summary>The optimised copy, which has layers in common with others where <paramref name="kernels"/> is given.</summary>
    internal static T Optimise<T>(T module, ScalarType? dtype, SharedKernels? kernels, bool discards = false)
        where T : nn.Module, IGraphModule
    {
        using var scope = NewDisposeScope();
        var layers = new InferenceGraph(module, module.Program.EvalGraph.clone());
        Run(Simplify, layers);
        using var simple = layers.Shared(module);
        simple.fold_constants(Int8Fusion.IsWeight);

        layers = new InferenceGraph(simple, simple.graph.clone());
        Run(UseKernels, layers);
        if (discards)
            layers.DiscardParameters();
        Run(Fuse, layers);
        if (dtype is not null)
            Precision.Convert(layers.Graph, dtype.Value);
        return layers.Owned(module, kernels);
    }

    private static void Run(IEnumerable<(string Name, Action<InferenceGraph> Run)> passes, InferenceGraph layers)
    {
        foreach (var (_, run) in passes)
        {
            run(layers);
            layers.Graph.lint();
        }
    }
}

using static TorchSharp.torch;

namespace TorchSharp.Fx;

public static partial class feature_extraction
{
    /// <summary>
    /// A model's stages, with channels and reductions, and its embedding, found in the graph of eval mode by the shapes of its values.
    /// <c>docs/decisions/features.md</c> has the rule. On the meta device nothing is computed. Counterpart: timm's
    /// <c>model.feature_info</c>.
    /// </summary>
    /// <param name="model">The model; it stays as it is.</param>
    /// <param name="inputs">Its inputs, or an <see cref="InputShape"/> for each. The first is what resolutions are compared with: [N, C,
    /// L], [N, C, H, W] or [N, C, T, H, W].</param>
    /// <param name="tracer_kwargs">Leaf modules and leaf functions.</param>
    /// <param name="concrete_args">Values for arguments of <c>forward</c>, by name, that are fixed rather than inputs.</param>
    /// <exception cref="TraceException">The program can't be written as a graph; the message says where and what to do.</exception>
    /// <exception cref="NodeExecutionException">The inputs don't fit the model, or, on the meta device, a shape is decided by
    /// elements.</exception>
    public static FeatureInfo feature_info(
        nn.Module model, IReadOnlyList<object?> inputs, TracerKwargs? tracer_kwargs = null,
        IReadOnlyDictionary<string, object?>? concrete_args = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(inputs);
        using var traced = new TracedModes(model, (tracer_kwargs ?? new()).Only(training: false), concrete_args);
        var eval = traced.Eval!;
        Propagation.Run(new MetaRun(model, eval.Graph, traced.Constants) { Modes = traced.EvalModes }, model, [.. inputs],
            static (_, _) => { });
        return new StageFinder(new ModuleHierarchy(model), eval.Graph, eval.QualifiedNames).Find();
    }
}

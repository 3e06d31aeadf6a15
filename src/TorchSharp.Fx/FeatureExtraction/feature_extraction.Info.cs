using static TorchSharp.torch;

namespace TorchSharp.Fx;

public static partial class feature_extraction
{
    /// <summary>
    /// Finds a model's stages, with channels and reductions, and its embedding, by the shapes of values in its eval graph.
    /// <c>docs/decisions/features.md</c> has the rule. On the meta device only shapes are computed. Counterpart: timm's
    /// <c>model.feature_info</c>.
    /// </summary>
    /// <param name="model">The model; it is not changed.</param>
    /// <param name="inputs">Its inputs, each a tensor or an <see cref="InputShape"/>. Reductions are relative to the first: [N, C, L], [N,
    /// C, H, W] or [N, C, T, H, W].</param>
    /// <param name="tracer_kwargs">Leaf modules and leaf functions.</param>
    /// <param name="concrete_args">Fixed values for arguments of <c>forward</c>, by name; these are no inputs of the graph.</param>
    /// <exception cref="TraceException">The program can't be written as a graph; the message says where and what to do.</exception>
    /// <exception cref="NodeExecutionException">The inputs don't fit the model, or, on the meta device, a shape depends on the elements of
    /// a tensor.</exception>
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

namespace TorchSharp.Fx;

/// <summary>
/// Settings that feature extraction gives its tracers. It is never changed. Counterpart: the <c>tracer_kwargs</c> of torchvision's feature
/// extraction.
/// </summary>
public sealed class TracerKwargs
{
    /// <summary>
    /// Module types that become one node rather than being followed, their subclasses too; beside TorchSharp's own and those marked as
    /// leaves.
    /// </summary>
    public IReadOnlyList<Type> leaf_modules { get; init; } = [];

    /// <summary>Functions that become one node rather than being followed, when an argument depends on an input.</summary>
    public IReadOnlyList<Delegate> autowrap_functions { get; init; } = [];

    /// <summary>
    /// Values to go by where the program looks at a size or branches, one for each input in order, or an <see cref="InputShape"/> where
    /// only sizes matter; null to trace by symbols alone.
    /// </summary>
    public IReadOnlyList<object?>? example_inputs { get; init; }

    /// <summary>Whether a number that was read out of a tensor may decide a branch as the example has it, too.</summary>
    public bool allow_value_specialization { get; init; }

    /// <summary>
    /// The modes to trace in; one alone for a model that is a graph in that mode only, as one is that leaves out layers at random in
    /// training.
    /// </summary>
    public TraceModes modes { get; init; }

    /// <summary>The same for one mode alone.</summary>
    internal TracerKwargs Only(bool training) => In(training ? TraceModes.train : TraceModes.eval);

    /// <summary>The same for other modes.</summary>
    internal TracerKwargs In(TraceModes others) => new()
    {
        leaf_modules = leaf_modules,
        autowrap_functions = autowrap_functions,
        example_inputs = example_inputs,
        allow_value_specialization = allow_value_specialization,
        modes = others,
    };
}

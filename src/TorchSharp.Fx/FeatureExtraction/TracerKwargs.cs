namespace TorchSharp.Fx;

/// <summary>
/// Settings for the tracers of feature extraction. Instances are immutable. Counterpart: the <c>tracer_kwargs</c> of torchvision's feature
/// extraction.
/// </summary>
public sealed class TracerKwargs
{
    /// <summary>
    /// Leaf modules: types whose calls become one node each, including subclasses. TorchSharp's own modules and types with a leaf attribute
    /// are leaves anyway.
    /// </summary>
    public IReadOnlyList<Type> leaf_modules { get; init; } = [];

    /// <summary>Leaf functions: a call becomes one node when an argument depends on an input.</summary>
    public IReadOnlyList<Delegate> autowrap_functions { get; init; } = [];

    /// <summary>
    /// Example inputs, in order, each a value or an <see cref="InputShape"/>. They decide where the program reads a size or branches. Null
    /// traces without examples.
    /// </summary>
    public IReadOnlyList<object?>? example_inputs { get; init; }

    /// <summary>Whether a number read out of an example tensor may decide a branch, too.</summary>
    public bool allow_value_specialization { get; init; }

    /// <summary>
    /// The modes to trace in. Choose one if the model can't be traced in the other, e.g. because it skips layers at random in training.
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

using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>
/// A model that is run for its features: its own code runs, with all its effects, and the values of the given nodes are kept. For models of
/// which there is no graph.
/// </summary>
public sealed class FeatureRecorder : nn.Module, IFeatureExtractor
{
    private readonly RecorderProgram program;

    internal FeatureRecorder(RecorderProgram program) : base(nameof(FeatureRecorder)) => this.program = program;

    /// <summary>Runs the model and returns the requested values that this run has; inputs left out take their defaults.</summary>
    public Features call(params object?[] inputs) => program.Record(inputs);

    /// <summary>Runs the model, with all its effects, and lists the names of the run's values in the order of execution.</summary>
    public IReadOnlyList<string> nodes(params object?[] inputs) => program.Names(inputs);

    /// <summary>Whether the model is in training.</summary>
    public override bool training => program.Model.training;

    /// <summary>Sets the model's mode.</summary>
    public override void train(bool train = true) => program.Model.train(train);

    /// <summary>The model's parameters under their own names.</summary>
    public override IEnumerable<(string name, Parameter parameter)> named_parameters(bool recurse = true)
        => program.Model.named_parameters(recurse);

    /// <summary>The model's buffers under their own names.</summary>
    public override IEnumerable<(string name, Tensor buffer)> named_buffers(bool recurse = true, bool include_nonpersistent = true)
        => program.Model.named_buffers(recurse, include_nonpersistent);
}

// <arities>
/// <summary>
/// A model with one input that is run for its features: its own code runs, with all its effects, and the values of the given nodes are
/// kept. For models of which there is no graph.
/// </summary>
public sealed class FeatureRecorder<T> : nn.Module<T, Features>
{
    private readonly RecorderProgram program;

    internal FeatureRecorder(RecorderProgram program) : base(nameof(FeatureRecorder)) => this.program = program;

    /// <summary>Runs the model and returns the requested values that this run has.</summary>
    public override Features forward(T input) => program.Record(input);

    /// <summary>Runs the model, with all its effects, and lists the names of the run's values in the order of execution.</summary>
    public IReadOnlyList<string> nodes(T input) => program.Names(input);

    /// <summary>Whether the model is in training.</summary>
    public override bool training => program.Model.training;

    /// <summary>Sets the model's mode.</summary>
    public override void train(bool train = true) => program.Model.train(train);

    /// <summary>The model's parameters under their own names.</summary>
    public override IEnumerable<(string name, Parameter parameter)> named_parameters(bool recurse = true)
        => program.Model.named_parameters(recurse);

    /// <summary>The model's buffers under their own names.</summary>
    public override IEnumerable<(string name, Tensor buffer)> named_buffers(bool recurse = true, bool include_nonpersistent = true)
        => program.Model.named_buffers(recurse, include_nonpersistent);
}
// </arities>

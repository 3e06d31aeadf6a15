using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>
/// Runs a model's own code, with all its side effects, and returns the values of the requested nodes. For models that can't be traced.
/// </summary>
public sealed class FeatureRecorder : nn.Module, IFeatureExtractor
{
    private readonly RecorderProgram program;

    internal FeatureRecorder(RecorderProgram program) : base(nameof(FeatureRecorder)) => this.program = program;

    /// <summary>Runs the model and returns the requested values that this run computed; inputs left out take their defaults.</summary>
    public Features call(params object?[] inputs) => program.Record(inputs);

    /// <summary>Runs the model, with all its side effects, and lists the names of the computed values in the order of execution.</summary>
    public IReadOnlyList<string> nodes(params object?[] inputs) => program.Names(inputs);

    /// <summary>Whether the model is in train mode.</summary>
    public override bool training => program.Model.training;

    /// <summary>Sets the model's train or eval mode.</summary>
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
/// Runs the own code of a model with one input, with all its side effects, and returns the values of the requested nodes. For models that
/// can't be traced.
/// </summary>
public sealed class FeatureRecorder<T> : nn.Module<T, Features>
{
    private readonly RecorderProgram program;

    internal FeatureRecorder(RecorderProgram program) : base(nameof(FeatureRecorder)) => this.program = program;

    /// <summary>Runs the model and returns the requested values that this run computed.</summary>
    public override Features forward(T input) => program.Record(input);

    /// <summary>Runs the model, with all its side effects, and lists the names of the computed values in the order of execution.</summary>
    public IReadOnlyList<string> nodes(T input) => program.Names(input);

    /// <summary>Whether the model is in train mode.</summary>
    public override bool training => program.Model.training;

    /// <summary>Sets the model's train or eval mode.</summary>
    public override void train(bool train = true) => program.Model.train(train);

    /// <summary>The model's parameters under their own names.</summary>
    public override IEnumerable<(string name, Parameter parameter)> named_parameters(bool recurse = true)
        => program.Model.named_parameters(recurse);

    /// <summary>The model's buffers under their own names.</summary>
    public override IEnumerable<(string name, Tensor buffer)> named_buffers(bool recurse = true, bool include_nonpersistent = true)
        => program.Model.named_buffers(recurse, include_nonpersistent);
}
// </arities>

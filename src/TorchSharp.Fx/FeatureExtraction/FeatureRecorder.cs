using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>
/// A model that is run for its features: its own code runs, with all its effects, and the values of the given nodes are kept. For models of which there is no graph.
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
    public override IEnumerable<(string name, Parameter parameter)> named_parameters(bool recurse = true) => program.Model.named_parameters(recurse);

    /// <summary>The model's buffers under their own names.</summary>
    public override IEnumerable<(string name, Tensor buffer)> named_buffers(bool recurse = true, bool include_nonpersistent = true) => program.Model.named_buffers(recurse, include_nonpersistent);
}

/// <summary>
/// A model that is run for its features: its own code runs, with all its effects, and the values of the given nodes are kept. For models of which there is no graph.
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
    public override IEnumerable<(string name, Parameter parameter)> named_parameters(bool recurse = true) => program.Model.named_parameters(recurse);

    /// <summary>The model's buffers under their own names.</summary>
    public override IEnumerable<(string name, Tensor buffer)> named_buffers(bool recurse = true, bool include_nonpersistent = true) => program.Model.named_buffers(recurse, include_nonpersistent);
}

/// <summary>
/// A model with 2 inputs that is run for its features: its own code runs, with all its effects, and the values of the given nodes are kept. For models of which there is no graph.
/// </summary>
public sealed class FeatureRecorder<T1, T2> : nn.Module<T1, T2, Features>
{
    private readonly RecorderProgram program;

    internal FeatureRecorder(RecorderProgram program) : base(nameof(FeatureRecorder)) => this.program = program;

    /// <summary>Runs the model and returns the requested values that this run has.</summary>
    public override Features forward(T1 input1, T2 input2) => program.Record(input1, input2);

    /// <summary>Runs the model, with all its effects, and lists the names of the run's values in the order of execution.</summary>
    public IReadOnlyList<string> nodes(T1 input1, T2 input2) => program.Names(input1, input2);

    /// <summary>Whether the model is in training.</summary>
    public override bool training => program.Model.training;

    /// <summary>Sets the model's mode.</summary>
    public override void train(bool train = true) => program.Model.train(train);

    /// <summary>The model's parameters under their own names.</summary>
    public override IEnumerable<(string name, Parameter parameter)> named_parameters(bool recurse = true) => program.Model.named_parameters(recurse);

    /// <summary>The model's buffers under their own names.</summary>
    public override IEnumerable<(string name, Tensor buffer)> named_buffers(bool recurse = true, bool include_nonpersistent = true) => program.Model.named_buffers(recurse, include_nonpersistent);
}

/// <summary>
/// A model with 3 inputs that is run for its features: its own code runs, with all its effects, and the values of the given nodes are kept. For models of which there is no graph.
/// </summary>
public sealed class FeatureRecorder<T1, T2, T3> : nn.Module<T1, T2, T3, Features>
{
    private readonly RecorderProgram program;

    internal FeatureRecorder(RecorderProgram program) : base(nameof(FeatureRecorder)) => this.program = program;

    /// <summary>Runs the model and returns the requested values that this run has.</summary>
    public override Features forward(T1 input1, T2 input2, T3 input3) => program.Record(input1, input2, input3);

    /// <summary>Runs the model, with all its effects, and lists the names of the run's values in the order of execution.</summary>
    public IReadOnlyList<string> nodes(T1 input1, T2 input2, T3 input3) => program.Names(input1, input2, input3);

    /// <summary>Whether the model is in training.</summary>
    public override bool training => program.Model.training;

    /// <summary>Sets the model's mode.</summary>
    public override void train(bool train = true) => program.Model.train(train);

    /// <summary>The model's parameters under their own names.</summary>
    public override IEnumerable<(string name, Parameter parameter)> named_parameters(bool recurse = true) => program.Model.named_parameters(recurse);

    /// <summary>The model's buffers under their own names.</summary>
    public override IEnumerable<(string name, Tensor buffer)> named_buffers(bool recurse = true, bool include_nonpersistent = true) => program.Model.named_buffers(recurse, include_nonpersistent);
}

/// <summary>
/// A model with 4 inputs that is run for its features: its own code runs, with all its effects, and the values of the given nodes are kept. For models of which there is no graph.
/// </summary>
public sealed class FeatureRecorder<T1, T2, T3, T4> : nn.Module<T1, T2, T3, T4, Features>
{
    private readonly RecorderProgram program;

    internal FeatureRecorder(RecorderProgram program) : base(nameof(FeatureRecorder)) => this.program = program;

    /// <summary>Runs the model and returns the requested values that this run has.</summary>
    public override Features forward(T1 input1, T2 input2, T3 input3, T4 input4) => program.Record(input1, input2, input3, input4);

    /// <summary>Runs the model, with all its effects, and lists the names of the run's values in the order of execution.</summary>
    public IReadOnlyList<string> nodes(T1 input1, T2 input2, T3 input3, T4 input4) => program.Names(input1, input2, input3, input4);

    /// <summary>Whether the model is in training.</summary>
    public override bool training => program.Model.training;

    /// <summary>Sets the model's mode.</summary>
    public override void train(bool train = true) => program.Model.train(train);

    /// <summary>The model's parameters under their own names.</summary>
    public override IEnumerable<(string name, Parameter parameter)> named_parameters(bool recurse = true) => program.Model.named_parameters(recurse);

    /// <summary>The model's buffers under their own names.</summary>
    public override IEnumerable<(string name, Tensor buffer)> named_buffers(bool recurse = true, bool include_nonpersistent = true) => program.Model.named_buffers(recurse, include_nonpersistent);
}

/// <summary>
/// A model with 5 inputs that is run for its features: its own code runs, with all its effects, and the values of the given nodes are kept. For models of which there is no graph.
/// </summary>
public sealed class FeatureRecorder<T1, T2, T3, T4, T5> : nn.Module<T1, T2, T3, T4, T5, Features>
{
    private readonly RecorderProgram program;

    internal FeatureRecorder(RecorderProgram program) : base(nameof(FeatureRecorder)) => this.program = program;

    /// <summary>Runs the model and returns the requested values that this run has.</summary>
    public override Features forward(T1 input1, T2 input2, T3 input3, T4 input4, T5 input5) => program.Record(input1, input2, input3, input4, input5);

    /// <summary>Runs the model, with all its effects, and lists the names of the run's values in the order of execution.</summary>
    public IReadOnlyList<string> nodes(T1 input1, T2 input2, T3 input3, T4 input4, T5 input5) => program.Names(input1, input2, input3, input4, input5);

    /// <summary>Whether the model is in training.</summary>
    public override bool training => program.Model.training;

    /// <summary>Sets the model's mode.</summary>
    public override void train(bool train = true) => program.Model.train(train);

    /// <summary>The model's parameters under their own names.</summary>
    public override IEnumerable<(string name, Parameter parameter)> named_parameters(bool recurse = true) => program.Model.named_parameters(recurse);

    /// <summary>The model's buffers under their own names.</summary>
    public override IEnumerable<(string name, Tensor buffer)> named_buffers(bool recurse = true, bool include_nonpersistent = true) => program.Model.named_buffers(recurse, include_nonpersistent);
}

/// <summary>
/// A model with 6 inputs that is run for its features: its own code runs, with all its effects, and the values of the given nodes are kept. For models of which there is no graph.
/// </summary>
public sealed class FeatureRecorder<T1, T2, T3, T4, T5, T6> : nn.Module<T1, T2, T3, T4, T5, T6, Features>
{
    private readonly RecorderProgram program;

    internal FeatureRecorder(RecorderProgram program) : base(nameof(FeatureRecorder)) => this.program = program;

    /// <summary>Runs the model and returns the requested values that this run has.</summary>
    public override Features forward(T1 input1, T2 input2, T3 input3, T4 input4, T5 input5, T6 input6) => program.Record(input1, input2, input3, input4, input5, input6);

    /// <summary>Runs the model, with all its effects, and lists the names of the run's values in the order of execution.</summary>
    public IReadOnlyList<string> nodes(T1 input1, T2 input2, T3 input3, T4 input4, T5 input5, T6 input6) => program.Names(input1, input2, input3, input4, input5, input6);

    /// <summary>Whether the model is in training.</summary>
    public override bool training => program.Model.training;

    /// <summary>Sets the model's mode.</summary>
    public override void train(bool train = true) => program.Model.train(train);

    /// <summary>The model's parameters under their own names.</summary>
    public override IEnumerable<(string name, Parameter parameter)> named_parameters(bool recurse = true) => program.Model.named_parameters(recurse);

    /// <summary>The model's buffers under their own names.</summary>
    public override IEnumerable<(string name, Tensor buffer)> named_buffers(bool recurse = true, bool include_nonpersistent = true) => program.Model.named_buffers(recurse, include_nonpersistent);
}

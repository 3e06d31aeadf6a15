// Made by AritiesTests from the forms for one input.
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>
/// Runs the own code of a model with 2 inputs, with all its side effects, and returns the values of the requested nodes. For models that
/// can't be traced.
/// </summary>
public sealed class FeatureRecorder<T1, T2> : nn.Module<T1, T2, Features>
{
    private readonly RecorderProgram program;

    internal FeatureRecorder(RecorderProgram program) : base(nameof(FeatureRecorder)) => this.program = program;

    /// <summary>Runs the model and returns the requested values that this run computed.</summary>
    public override Features forward(T1 input1, T2 input2) => program.Record(input1, input2);

    /// <summary>Runs the model, with all its side effects, and lists the names of the computed values in the order of execution.</summary>
    public IReadOnlyList<string> nodes(T1 input1, T2 input2) => program.Names(input1, input2);

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

/// <summary>
/// Runs the own code of a model with 3 inputs, with all its side effects, and returns the values of the requested nodes. For models that
/// can't be traced.
/// </summary>
public sealed class FeatureRecorder<T1, T2, T3> : nn.Module<T1, T2, T3, Features>
{
    private readonly RecorderProgram program;

    internal FeatureRecorder(RecorderProgram program) : base(nameof(FeatureRecorder)) => this.program = program;

    /// <summary>Runs the model and returns the requested values that this run computed.</summary>
    public override Features forward(T1 input1, T2 input2, T3 input3) => program.Record(input1, input2, input3);

    /// <summary>Runs the model, with all its side effects, and lists the names of the computed values in the order of execution.</summary>
    public IReadOnlyList<string> nodes(T1 input1, T2 input2, T3 input3) => program.Names(input1, input2, input3);

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

/// <summary>
/// Runs the own code of a model with 4 inputs, with all its side effects, and returns the values of the requested nodes. For models that
/// can't be traced.
/// </summary>
public sealed class FeatureRecorder<T1, T2, T3, T4> : nn.Module<T1, T2, T3, T4, Features>
{
    private readonly RecorderProgram program;

    internal FeatureRecorder(RecorderProgram program) : base(nameof(FeatureRecorder)) => this.program = program;

    /// <summary>Runs the model and returns the requested values that this run computed.</summary>
    public override Features forward(T1 input1, T2 input2, T3 input3, T4 input4) => program.Record(input1, input2, input3, input4);

    /// <summary>Runs the model, with all its side effects, and lists the names of the computed values in the order of execution.</summary>
    public IReadOnlyList<string> nodes(T1 input1, T2 input2, T3 input3, T4 input4) => program.Names(input1, input2, input3, input4);

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

/// <summary>
/// Runs the own code of a model with 5 inputs, with all its side effects, and returns the values of the requested nodes. For models that
/// can't be traced.
/// </summary>
public sealed class FeatureRecorder<T1, T2, T3, T4, T5> : nn.Module<T1, T2, T3, T4, T5, Features>
{
    private readonly RecorderProgram program;

    internal FeatureRecorder(RecorderProgram program) : base(nameof(FeatureRecorder)) => this.program = program;

    /// <summary>Runs the model and returns the requested values that this run computed.</summary>
    public override Features forward(T1 input1, T2 input2, T3 input3, T4 input4, T5 input5) => program.Record(input1, input2, input3, input4, input5);

    /// <summary>Runs the model, with all its side effects, and lists the names of the computed values in the order of execution.</summary>
    public IReadOnlyList<string> nodes(T1 input1, T2 input2, T3 input3, T4 input4, T5 input5) => program.Names(input1, input2, input3, input4, input5);

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

/// <summary>
/// Runs the own code of a model with 6 inputs, with all its side effects, and returns the values of the requested nodes. For models that
/// can't be traced.
/// </summary>
public sealed class FeatureRecorder<T1, T2, T3, T4, T5, T6> : nn.Module<T1, T2, T3, T4, T5, T6, Features>
{
    private readonly RecorderProgram program;

    internal FeatureRecorder(RecorderProgram program) : base(nameof(FeatureRecorder)) => this.program = program;

    /// <summary>Runs the model and returns the requested values that this run computed.</summary>
    public override Features forward(T1 input1, T2 input2, T3 input3, T4 input4, T5 input5, T6 input6) => program.Record(input1, input2, input3, input4, input5, input6);

    /// <summary>Runs the model, with all its side effects, and lists the names of the computed values in the order of execution.</summary>
    public IReadOnlyList<string> nodes(T1 input1, T2 input2, T3 input3, T4 input4, T5 input5, T6 input6) => program.Names(input1, input2, input3, input4, input5, input6);

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

public static partial class feature_extraction
{
    /// <inheritdoc cref="create_feature_extractor(nn.Module, ReturnNodes?, ReturnNodes?, ReturnNodes?, TracerKwargs?, bool, IReadOnlyDictionary{string, object?}?)"/>
    public static DualGraphModule<T1, T2> create_feature_extractor<T1, T2, TResult>(
        nn.Module<T1, T2, TResult> model, ReturnNodes? return_nodes = null, ReturnNodes? train_return_nodes = null,
        ReturnNodes? eval_return_nodes = null,
        TracerKwargs? tracer_kwargs = null, bool suppress_diff_warning = false, IReadOnlyDictionary<string, object?>? concrete_args = null)
        => Create(model, return_nodes, train_return_nodes, eval_return_nodes, tracer_kwargs, suppress_diff_warning, concrete_args,
            (train, eval, constants) => new DualGraphModule<T1, T2>(model, train, eval, constants));

    /// <inheritdoc cref="create_feature_extractor(nn.Module, ReturnNodes?, ReturnNodes?, ReturnNodes?, TracerKwargs?, bool, IReadOnlyDictionary{string, object?}?)"/>
    public static DualGraphModule<T1, T2, T3> create_feature_extractor<T1, T2, T3, TResult>(
        nn.Module<T1, T2, T3, TResult> model, ReturnNodes? return_nodes = null, ReturnNodes? train_return_nodes = null,
        ReturnNodes? eval_return_nodes = null,
        TracerKwargs? tracer_kwargs = null, bool suppress_diff_warning = false, IReadOnlyDictionary<string, object?>? concrete_args = null)
        => Create(model, return_nodes, train_return_nodes, eval_return_nodes, tracer_kwargs, suppress_diff_warning, concrete_args,
            (train, eval, constants) => new DualGraphModule<T1, T2, T3>(model, train, eval, constants));

    /// <inheritdoc cref="create_feature_extractor(nn.Module, ReturnNodes?, ReturnNodes?, ReturnNodes?, TracerKwargs?, bool, IReadOnlyDictionary{string, object?}?)"/>
    public static DualGraphModule<T1, T2, T3, T4> create_feature_extractor<T1, T2, T3, T4, TResult>(
        nn.Module<T1, T2, T3, T4, TResult> model, ReturnNodes? return_nodes = null, ReturnNodes? train_return_nodes = null,
        ReturnNodes? eval_return_nodes = null,
        TracerKwargs? tracer_kwargs = null, bool suppress_diff_warning = false, IReadOnlyDictionary<string, object?>? concrete_args = null)
        => Create(model, return_nodes, train_return_nodes, eval_return_nodes, tracer_kwargs, suppress_diff_warning, concrete_args,
            (train, eval, constants) => new DualGraphModule<T1, T2, T3, T4>(model, train, eval, constants));

    /// <inheritdoc cref="create_feature_extractor(nn.Module, ReturnNodes?, ReturnNodes?, ReturnNodes?, TracerKwargs?, bool, IReadOnlyDictionary{string, object?}?)"/>
    public static DualGraphModule<T1, T2, T3, T4, T5> create_feature_extractor<T1, T2, T3, T4, T5, TResult>(
        nn.Module<T1, T2, T3, T4, T5, TResult> model, ReturnNodes? return_nodes = null, ReturnNodes? train_return_nodes = null,
        ReturnNodes? eval_return_nodes = null,
        TracerKwargs? tracer_kwargs = null, bool suppress_diff_warning = false, IReadOnlyDictionary<string, object?>? concrete_args = null)
        => Create(model, return_nodes, train_return_nodes, eval_return_nodes, tracer_kwargs, suppress_diff_warning, concrete_args,
            (train, eval, constants) => new DualGraphModule<T1, T2, T3, T4, T5>(model, train, eval, constants));

    /// <inheritdoc cref="create_feature_extractor(nn.Module, ReturnNodes?, ReturnNodes?, ReturnNodes?, TracerKwargs?, bool, IReadOnlyDictionary{string, object?}?)"/>
    public static DualGraphModule<T1, T2, T3, T4, T5, T6> create_feature_extractor<T1, T2, T3, T4, T5, T6, TResult>(
        nn.Module<T1, T2, T3, T4, T5, T6, TResult> model, ReturnNodes? return_nodes = null, ReturnNodes? train_return_nodes = null,
        ReturnNodes? eval_return_nodes = null,
        TracerKwargs? tracer_kwargs = null, bool suppress_diff_warning = false, IReadOnlyDictionary<string, object?>? concrete_args = null)
        => Create(model, return_nodes, train_return_nodes, eval_return_nodes, tracer_kwargs, suppress_diff_warning, concrete_args,
            (train, eval, constants) => new DualGraphModule<T1, T2, T3, T4, T5, T6>(model, train, eval, constants));
}

public static partial class feature_extraction
{
    /// <inheritdoc cref="create_recorder(nn.Module, ReturnNodes?, ReturnNodes?, ReturnNodes?, TracerKwargs?, bool)"/>
    public static FeatureRecorder<T1, T2> create_recorder<T1, T2, TResult>(
        nn.Module<T1, T2, TResult> model, ReturnNodes? return_nodes = null, ReturnNodes? train_return_nodes = null,
        ReturnNodes? eval_return_nodes = null,
        TracerKwargs? tracer_kwargs = null, bool to_end = false)
        => new(Program(model, return_nodes, train_return_nodes, eval_return_nodes, tracer_kwargs, to_end));

    /// <inheritdoc cref="create_recorder(nn.Module, ReturnNodes?, ReturnNodes?, ReturnNodes?, TracerKwargs?, bool)"/>
    public static FeatureRecorder<T1, T2, T3> create_recorder<T1, T2, T3, TResult>(
        nn.Module<T1, T2, T3, TResult> model, ReturnNodes? return_nodes = null, ReturnNodes? train_return_nodes = null,
        ReturnNodes? eval_return_nodes = null,
        TracerKwargs? tracer_kwargs = null, bool to_end = false)
        => new(Program(model, return_nodes, train_return_nodes, eval_return_nodes, tracer_kwargs, to_end));

    /// <inheritdoc cref="create_recorder(nn.Module, ReturnNodes?, ReturnNodes?, ReturnNodes?, TracerKwargs?, bool)"/>
    public static FeatureRecorder<T1, T2, T3, T4> create_recorder<T1, T2, T3, T4, TResult>(
        nn.Module<T1, T2, T3, T4, TResult> model, ReturnNodes? return_nodes = null, ReturnNodes? train_return_nodes = null,
        ReturnNodes? eval_return_nodes = null,
        TracerKwargs? tracer_kwargs = null, bool to_end = false)
        => new(Program(model, return_nodes, train_return_nodes, eval_return_nodes, tracer_kwargs, to_end));

    /// <inheritdoc cref="create_recorder(nn.Module, ReturnNodes?, ReturnNodes?, ReturnNodes?, TracerKwargs?, bool)"/>
    public static FeatureRecorder<T1, T2, T3, T4, T5> create_recorder<T1, T2, T3, T4, T5, TResult>(
        nn.Module<T1, T2, T3, T4, T5, TResult> model, ReturnNodes? return_nodes = null, ReturnNodes? train_return_nodes = null,
        ReturnNodes? eval_return_nodes = null,
        TracerKwargs? tracer_kwargs = null, bool to_end = false)
        => new(Program(model, return_nodes, train_return_nodes, eval_return_nodes, tracer_kwargs, to_end));

    /// <inheritdoc cref="create_recorder(nn.Module, ReturnNodes?, ReturnNodes?, ReturnNodes?, TracerKwargs?, bool)"/>
    public static FeatureRecorder<T1, T2, T3, T4, T5, T6> create_recorder<T1, T2, T3, T4, T5, T6, TResult>(
        nn.Module<T1, T2, T3, T4, T5, T6, TResult> model, ReturnNodes? return_nodes = null, ReturnNodes? train_return_nodes = null,
        ReturnNodes? eval_return_nodes = null,
        TracerKwargs? tracer_kwargs = null, bool to_end = false)
        => new(Program(model, return_nodes, train_return_nodes, eval_return_nodes, tracer_kwargs, to_end));

    /// <inheritdoc cref="create_feature_extractor(nn.Module, ReturnNodes?, Refused, ReturnNodes?, ReturnNodes?, TracerKwargs?, bool, IReadOnlyDictionary{string, object?}?)"/>
    public static nn.Module<T1, T2, Features> create_feature_extractor<T1, T2, TResult>(
        nn.Module<T1, T2, TResult> model, ReturnNodes? return_nodes, Refused when_refused, ReturnNodes? train_return_nodes = null,
        ReturnNodes? eval_return_nodes = null,
        TracerKwargs? tracer_kwargs = null, bool suppress_diff_warning = false, IReadOnlyDictionary<string, object?>? concrete_args = null)
        => Either<nn.Module<T1, T2, Features>>(when_refused,
            () => create_feature_extractor(model, return_nodes, train_return_nodes, eval_return_nodes, tracer_kwargs, suppress_diff_warning,
                concrete_args),
            () => create_recorder(model, return_nodes, train_return_nodes, eval_return_nodes, tracer_kwargs));

    /// <inheritdoc cref="create_feature_extractor(nn.Module, ReturnNodes?, Refused, ReturnNodes?, ReturnNodes?, TracerKwargs?, bool, IReadOnlyDictionary{string, object?}?)"/>
    public static nn.Module<T1, T2, T3, Features> create_feature_extractor<T1, T2, T3, TResult>(
        nn.Module<T1, T2, T3, TResult> model, ReturnNodes? return_nodes, Refused when_refused, ReturnNodes? train_return_nodes = null,
        ReturnNodes? eval_return_nodes = null,
        TracerKwargs? tracer_kwargs = null, bool suppress_diff_warning = false, IReadOnlyDictionary<string, object?>? concrete_args = null)
        => Either<nn.Module<T1, T2, T3, Features>>(when_refused,
            () => create_feature_extractor(model, return_nodes, train_return_nodes, eval_return_nodes, tracer_kwargs, suppress_diff_warning,
                concrete_args),
            () => create_recorder(model, return_nodes, train_return_nodes, eval_return_nodes, tracer_kwargs));

    /// <inheritdoc cref="create_feature_extractor(nn.Module, ReturnNodes?, Refused, ReturnNodes?, ReturnNodes?, TracerKwargs?, bool, IReadOnlyDictionary{string, object?}?)"/>
    public static nn.Module<T1, T2, T3, T4, Features> create_feature_extractor<T1, T2, T3, T4, TResult>(
        nn.Module<T1, T2, T3, T4, TResult> model, ReturnNodes? return_nodes, Refused when_refused, ReturnNodes? train_return_nodes = null,
        ReturnNodes? eval_return_nodes = null,
        TracerKwargs? tracer_kwargs = null, bool suppress_diff_warning = false, IReadOnlyDictionary<string, object?>? concrete_args = null)
        => Either<nn.Module<T1, T2, T3, T4, Features>>(when_refused,
            () => create_feature_extractor(model, return_nodes, train_return_nodes, eval_return_nodes, tracer_kwargs, suppress_diff_warning,
                concrete_args),
            () => create_recorder(model, return_nodes, train_return_nodes, eval_return_nodes, tracer_kwargs));

    /// <inheritdoc cref="create_feature_extractor(nn.Module, ReturnNodes?, Refused, ReturnNodes?, ReturnNodes?, TracerKwargs?, bool, IReadOnlyDictionary{string, object?}?)"/>
    public static nn.Module<T1, T2, T3, T4, T5, Features> create_feature_extractor<T1, T2, T3, T4, T5, TResult>(
        nn.Module<T1, T2, T3, T4, T5, TResult> model, ReturnNodes? return_nodes, Refused when_refused, ReturnNodes? train_return_nodes = null,
        ReturnNodes? eval_return_nodes = null,
        TracerKwargs? tracer_kwargs = null, bool suppress_diff_warning = false, IReadOnlyDictionary<string, object?>? concrete_args = null)
        => Either<nn.Module<T1, T2, T3, T4, T5, Features>>(when_refused,
            () => create_feature_extractor(model, return_nodes, train_return_nodes, eval_return_nodes, tracer_kwargs, suppress_diff_warning,
                concrete_args),
            () => create_recorder(model, return_nodes, train_return_nodes, eval_return_nodes, tracer_kwargs));

    /// <inheritdoc cref="create_feature_extractor(nn.Module, ReturnNodes?, Refused, ReturnNodes?, ReturnNodes?, TracerKwargs?, bool, IReadOnlyDictionary{string, object?}?)"/>
    public static nn.Module<T1, T2, T3, T4, T5, T6, Features> create_feature_extractor<T1, T2, T3, T4, T5, T6, TResult>(
        nn.Module<T1, T2, T3, T4, T5, T6, TResult> model, ReturnNodes? return_nodes, Refused when_refused, ReturnNodes? train_return_nodes = null,
        ReturnNodes? eval_return_nodes = null,
        TracerKwargs? tracer_kwargs = null, bool suppress_diff_warning = false, IReadOnlyDictionary<string, object?>? concrete_args = null)
        => Either<nn.Module<T1, T2, T3, T4, T5, T6, Features>>(when_refused,
            () => create_feature_extractor(model, return_nodes, train_return_nodes, eval_return_nodes, tracer_kwargs, suppress_diff_warning,
                concrete_args),
            () => create_recorder(model, return_nodes, train_return_nodes, eval_return_nodes, tracer_kwargs));
}

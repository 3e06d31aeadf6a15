using System.Reflection;
using static TorchSharp.torch;

namespace TorchSharp.Fx.FeatureExtraction;

/// <summary>The core of recorders of any number of inputs.</summary>
internal sealed class RecorderProgram
{
    private readonly nn.Module model;
    private readonly ReturnNodes train;
    private readonly ReturnNodes eval;
    private readonly TracerKwargs? tracer_kwargs;
    private readonly bool to_end;
    private readonly HashSet<string> found = new(StringComparer.Ordinal);

    internal RecorderProgram(nn.Module model, ReturnNodes train, ReturnNodes eval, TracerKwargs? tracer_kwargs, bool to_end)
    {
        ArgumentNullException.ThrowIfNull(model);
        if (model is IHoldsGraph)
            throw new ArgumentException(
                $"{model.GetType().Name} runs a graph, and there is no code of a model to record: give it to create_feature_extractor.",
                nameof(model));
        EntryPoint.Of(model);
        (this.model, this.train, this.eval, this.tracer_kwargs, this.to_end) = (model, train, eval, tracer_kwargs, to_end);
    }

    internal nn.Module Model => model;

    /// <summary>The names of one run.</summary>
    internal IReadOnlyList<string> Names(params object?[] inputs)
    {
        var recording = new FeatureRecording(null, mayEnd: false);
        Run(recording, inputs);
        return recording.Names;
    }

    /// <summary>The values of one run.</summary>
    internal Features Record(params object?[] inputs)
    {
        var requested = model.training ? train : eval;
        var mayEnd = !to_end && !model.modules().Any(module => module.training);
        var recording = new FeatureRecording(new RecordedRequests(model, requested), mayEnd);
        try
        {
            Run(recording, inputs);
            var taken = recording.Taken();
            WarnOfMissing(requested, taken);
            return new([.. taken.Select(entry => entry.Request.Key)], [.. taken.Select(entry => entry.Value)], inputs);
        }
        finally
        {
            recording.Release();
        }
    }

    private void Run(FeatureRecording recording, object?[] inputs)
    {
        var tracer = new LeafModuleAwareTracer(tracer_kwargs);
        var result = tracer.Run(recording, model, parameters => Bound(parameters, inputs));
        // What the model returns belongs to the caller, who has no use for it; not so an input, and what the model keeps.
        Disposal.Release(result, [.. inputs, model]);
    }

    /// <summary>A name of its own that no run has had yet may be misspelt.</summary>
    private void WarnOfMissing(ReturnNodes requested, (RecordedRequest Request, object? Value)[] taken)
    {
        lock (found)
        {
            found.UnionWith(taken.Select(entry => entry.Request.Key));
            foreach (var node in requested.Where(node => !NodePattern.IsPattern(node.Name) && found.Add(node.Key)))
                feature_extraction.warn(
                    $"node: '{node.Name}' did not come up in the run, and so is not among its features. The recorder's `nodes` lists the "
                        + "names of a run.");
        }
    }

    private object?[] Bound(ParameterInfo[] parameters, object?[] inputs)
    {
        if (inputs.Length > parameters.Length)
            throw new ArgumentException($"{model.GetType().Name} takes {parameters.Length} inputs, but was given {inputs.Length}.",
                nameof(inputs));
        return [.. parameters.Select((parameter, i) => i >= inputs.Length ? Default(parameter)
            : Fits(inputs[i], parameter.ParameterType) ? inputs[i]
            : throw new ArgumentException(
                $"The input '{parameter.Name}' takes a {parameter.ParameterType.Name}, but was given "
                    + $"{(inputs[i] is { } given ? $"a {given.GetType().Name}" : "null")}.", nameof(inputs)))];
    }

    private object? Default(ParameterInfo parameter) => parameter.HasDefaultValue ? parameter.DefaultValue
        : throw new ArgumentException($"{model.GetType().Name} was given no value for its input '{parameter.Name}'.", nameof(parameter));

    private static bool Fits(object? input, Type type)
        => input is null ? !type.IsValueType
            || Nullable.GetUnderlyingType(type) is not null : (Nullable.GetUnderlyingType(type) ?? type).IsInstanceOfType(input);
}

using static TorchSharp.torch;

namespace TorchSharp.Fx.FeatureExtraction;

/// <summary>
/// A model traced in both modes, or in the one that is asked for; a graph module has its graphs already. Its modules' own modes stay as
/// they are; disposing it gives up the constants.
/// </summary>
internal sealed class TracedModes : IDisposable
{
    private readonly NodePathTracer train;
    private readonly NodePathTracer eval;
    private readonly GraphProgram? program;
    private readonly nn.Module model;

    internal TracedModes(nn.Module model, TracerKwargs? tracer_kwargs, IReadOnlyDictionary<string, object?>? concrete_args)
    {
        this.model = model;
        (train, eval) = (new NodePathTracer(tracer_kwargs) { Training = true }, new NodePathTracer(tracer_kwargs) { Training = false });
        program = (model as IGraphModule)?.Program;
        var (trains, evaluates) = (tracer_kwargs?.modes != TraceModes.eval, tracer_kwargs?.modes != TraceModes.train);
        if (program is not null)
        {
            Train = trains ? new(model, program.TrainGraph, true) : null;
            Eval = evaluates ? new(model, program.EvalGraph, false) : null;
            return;
        }
        try
        {
            if (trains)
                train.trace(model, concrete_args);
            eval.FirstConstant = train.tensor_constants.Count;
            if (evaluates)
                eval.trace(model, concrete_args);
        }
        catch
        {
            Dispose();
            throw;
        }
        Train = trains ? new(model, train, true) : null;
        Eval = evaluates ? new(model, eval, false) : null;
    }

    /// <summary>The graph of training; null where it isn't asked for.</summary>
    internal ModeGraph? Train { get; }

    /// <summary>The graph of evaluation; null where it isn't asked for.</summary>
    internal ModeGraph? Eval { get; }

    internal IReadOnlyDictionary<string, Tensor> Constants
        => program?.Constants
            ?? train.tensor_constants.Concat(eval.tensor_constants)
                .ToDictionary(entry => entry.Key, entry => entry.Value, StringComparer.Ordinal);

    /// <summary>The modes that the model is in when it evaluates.</summary>
    internal ModuleModes EvalModes => program is null ? eval.Interpreter.Modes : ModeCalls.Of(model, training: false);

    public void Dispose()
    {
        train.DisposeConstants();
        eval.DisposeConstants();
    }
}

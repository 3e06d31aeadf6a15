using TorchSharp.Fx.Tracing;
using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>A model traced in both modes; a graph module has its graphs already. Its modules' own modes stay as they are; disposing it gives up the constants.</summary>
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
        if (program is not null)
        {
            (Train, Eval) = (new(model, program.TrainGraph, true), new(model, program.EvalGraph, false));
            return;
        }
        try
        {
            train.trace(model, concrete_args);
            eval.FirstConstant = train.tensor_constants.Count;
            eval.trace(model, concrete_args);
        }
        catch
        {
            Dispose();
            throw;
        }
        (Train, Eval) = (new(model, train, true), new(model, eval, false));
    }

    internal ModeGraph Train { get; }

    internal ModeGraph Eval { get; }

    internal IReadOnlyDictionary<string, Tensor> Constants
        => program?.Constants ?? train.tensor_constants.Concat(eval.tensor_constants).ToDictionary(entry => entry.Key, entry => entry.Value, StringComparer.Ordinal);

    /// <summary>The modes that the model is in when it evaluates.</summary>
    internal ModuleModes EvalModes => program is null ? eval.Interpreter.Modes : ModuleModes.Of(model, training: false);

    public void Dispose()
    {
        train.DisposeConstants();
        eval.DisposeConstants();
    }
}

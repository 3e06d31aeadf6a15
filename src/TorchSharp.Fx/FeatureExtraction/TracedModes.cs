using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>A model traced in both modes; a graph module has its graphs already. Its modules' own modes are back when the constructor returns, also when it throws; disposing it gives up the constants.</summary>
internal sealed class TracedModes : IDisposable
{
    private readonly NodePathTracer train;
    private readonly NodePathTracer eval;
    private readonly GraphProgram? program;

    internal TracedModes(nn.Module model, TracerKwargs? tracer_kwargs, IReadOnlyDictionary<string, object?>? concrete_args)
    {
        (train, eval) = (new NodePathTracer(tracer_kwargs), new NodePathTracer(tracer_kwargs));
        program = (model as IGraphModule)?.Program;
        if (program is not null)
        {
            (Train, Eval) = (new(model, program.TrainGraph, true), new(model, program.EvalGraph, false));
            return;
        }
        using var flags = new TrainingFlags(model);
        try
        {
            model.train();
            train.trace(model, concrete_args);
            model.eval();
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

    public void Dispose()
    {
        train.DisposeConstants();
        eval.DisposeConstants();
    }
}

using static TorchSharp.torch;

namespace TorchSharp.Fx.Explorers;

/// <summary>The work of one page: a model, its graphs and its inputs. One question is answered after the other.</summary>
internal sealed class Session : IDisposable
{
    // Typical values for the scales of eight bits; more make them little better and take longer.
    internal const int CalibrationImages = 8;

    private readonly Dictionary<ViewKey, GraphView> views = [];
    private readonly SemaphoreSlim turn = new(1);
    private Task preparation = Task.CompletedTask;

    internal Session(ExploredModel model)
    {
        Model = model;
        Inputs = new(model.Preprocessing is { } make ? new(make) : null);
        Values = new(this);
    }

    internal ExploredModel Model { get; }

    internal ExploredInputs Inputs { get; }

    internal NodeValues Values { get; }

    /// <summary>Begins with the graph that every page asks for first. What goes wrong is told to the page that asks.</summary>
    internal void Prepare() => preparation = Answer(() => View(new(ViewKey.Eval, ViewKey.Plain)).Parts, CancellationToken.None)
        .ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);

    /// <summary>Answers a question while no other is answered; nothing that it makes outlives the answer.</summary>
    internal async Task<object> Answer(Func<object> question, CancellationToken token)
    {
        await turn.WaitAsync(token);
        try
        {
            return await Task.Run(() =>
            {
                using var scope = NewDisposeScope();
                using var mode = no_grad();
                return question();
            }, token);
        }
        finally
        {
            turn.Release();
        }
    }

    /// <summary>A graph of the model, made when it is first asked for.</summary>
    internal GraphView View(ViewKey key)
    {
        if (!views.TryGetValue(key, out var view))
            views[key] = view = Make(key);
        return view;
    }

    /// <summary>The arguments that the graph gets for an input.</summary>
    internal object?[] Arguments(GraphView view, ExploredInput input)
        => input.IsImage ? [input.Tensors.ByName["0"]] : Model.Bind(view.Graph, input.Tensors.ByName, input.Name);

    public void Dispose()
    {
        preparation.Wait();
        Values.Dispose();
        foreach (var view in views.Values)
            view.Dispose();
        Inputs.Dispose();
        turn.Dispose();
    }

    private GraphView Make(ViewKey key)
    {
        if (key.Form == ViewKey.Plain)
            return key.Mode == ViewKey.Eval ? Traced(key) : TracedInTraining(key);
        if (key.Mode != ViewKey.Eval)
            throw new ArgumentException($"There is no {key.Form} graph of training: such copies are for evaluation.");
        var plain = View(new(ViewKey.Eval, ViewKey.Plain)).Module;
        // Generic in the module's own class, which is known only now.
        dynamic module = plain;
        nn.Module made = key.Form == ViewKey.Optimised ? InferenceOptimization.optimize_for_inference(module)
            : quantization.quantize(module, Calibration());
        return new(key, made, OwnsModule: true);
    }

    private IEnumerable<Tensor> Calibration()
    {
        Tensor[] typical = [.. Inputs.Images.Take(CalibrationImages).Select(image => image.Tensors.ByName["0"])];
        return typical.Length > 0 ? typical
            : throw new ArgumentException("A quantised copy takes its scales from typical images: drop some on the page first.");
    }

    private GraphView Traced(ViewKey key)
    {
        var graph = WholeGraph.Of(Model.Model, Model.TracerKwargs);
        graph.train(key.Mode == ViewKey.Train);
        return new(key, graph, OwnsModule: !ReferenceEquals(graph, Model.Model));
    }

    private GraphView TracedInTraining(ViewKey key)
    {
        using var flags = new TrainingFlags(Model.Model);
        Model.Model.train();
        return Model.Model is IGraphModule { } saved ? SavedInTraining(key, saved) : Traced(key);
    }

    /// <summary>A saved extractor has a graph for each mode, and a saved graph the same in both.</summary>
    private static GraphView SavedInTraining(ViewKey key, IGraphModule saved)
    {
        var copy = new GraphModule((nn.Module)saved, saved.Program.TrainGraph.clone(), saved.Program.Constants);
        return new(key, copy, OwnsModule: true);
    }
}

using static TorchSharp.torch;

namespace TorchSharp.Fx.Explorers;

/// <summary>
/// The values that nodes compute of inputs. The last ones are kept, so that a page's several pictures of a node run the model once.
/// </summary>
internal sealed class NodeValues(Session session) : IDisposable
{
    private const int Kept = 48;

    private readonly OrderedDictionary<(ViewKey, string, int), object?> known = [];

    /// <summary>The value of a node; its tensors are this object's to dispose.</summary>
    internal object? Of(GraphView view, Node node, ExploredInput input)
    {
        var key = (view.Key, node.name, input.Id);
        if (known.Remove(key, out var value))
            known.Add(key, value);
        else
            known.Add(key, value = Run(view, node, session.Arguments(view, input)));
        while (known.Count > Kept)
        {
            Release(known.GetAt(0).Value);
            known.RemoveAt(0);
        }
        return value;
    }

    /// <summary>The value as a tensor, or the first tensor in it.</summary>
    internal Tensor TensorOf(GraphView view, Node node, ExploredInput input)
        => Structure.Tensors(Of(view, node, input)).FirstOrDefault() is { } found && found.NumberOfElements > 0 ? found
            : throw new ArgumentException($"The value of '{view.NameOf(node)}' holds no numbers of a tensor.");

    /// <summary>Notes shapes, costs and times of all nodes.</summary>
    /// <param name="view">The graph.</param>
    /// <param name="input">What it runs on; a sample of the model's where null, and then without times.</param>
    internal void Measure(GraphView view, ExploredInput? input)
    {
        if (view.IsMeasured || (input is null && session.Model.Sample is null))
            return;
        using var state = new KeptRun(view);
        var constants = ((IGraphModule)view.Module).Program.Constants;
        object?[] args = input is null ? [.. session.Model.Sample!] : session.Arguments(view, input);
        new FlopCounter(view.Module, view.Graph, constants).count(args);
        if (input is null)
            return;
        view.IsMeasured = true;
        view.Milliseconds = ((IGraphModule)view.Module).profile(args, calls: 3, warm_up: 1)
            .nodes.ToDictionary(time => time.node, time => time.shortest);
    }

    public void Dispose()
    {
        foreach (var value in known.Values)
            Release(value);
        known.Clear();
    }

    private static object? Run(GraphView view, Node wanted, object?[] args)
    {
        using var scope = NewDisposeScope();
        using var state = new KeptRun(view);
        var run = new GraphInterpreter((IGraphModule)view.Module);
        var inputs = new Queue<object?>(GraphInputs.Bind(view.Graph, args));
        foreach (var node in view.Graph.nodes.TakeWhile(node => node.prev != wanted))
            if (node.op == Opcode.placeholder)
                run.Set(node, ValueConversion.Apply(inputs.Dequeue(), node.type));
            else
                run.Step(node);
        // What comes after may write to it, and it may be an input or a parameter.
        return Structure.Map(run.env[wanted], tensor => tensor.detach().clone().DetachFromDisposeScope());
    }

    private static void Release(object? value)
    {
        foreach (var tensor in Structure.Tensors(value))
            tensor.Dispose();
    }

    /// <summary>A run in the view's mode that leaves statistics and modes as they were.</summary>
    private sealed class KeptRun : IDisposable
    {
        private readonly TrainingFlags flags;
        private readonly (Tensor Buffer, Tensor Value)[] buffers;

        internal KeptRun(GraphView view)
        {
            flags = new(view.Module);
            var trains = view.Key.Mode == ViewKey.Train;
            buffers = trains ? [.. view.Module.buffers().Select(buffer => (buffer, buffer.clone()))] : [];
            view.Module.train(trains);
            manual_seed(0);
        }

        public void Dispose()
        {
            foreach (var (buffer, value) in buffers)
            {
                buffer.copy_(value);
                value.Dispose();
            }
            flags.Dispose();
        }
    }
}

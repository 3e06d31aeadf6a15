using TorchSharp.Fx.Tracing;

namespace TorchSharp.Fx;

/// <summary>What becomes of what a traced program keeps between calls: in fields and collections of the model, or in an object that it is given.</summary>
public enum TracedState
{
    /// <summary>The graph reads it and puts it back, as the program does.</summary>
    writeback,
    /// <summary>It is a further input and output of the graph each: nothing is kept. Counterpart: the mutated buffers of <c>torch.export</c>.</summary>
    returned,
    /// <summary>The graph has it as it was when it was traced, and leaves it so.</summary>
    dropped,
}

public partial class Tracer
{
    private const int MaxTraces = 5;

    /// <summary>
    /// What becomes of what the program keeps between calls. A program that keeps something is traced again once that is known, so that <see cref="call_module"/> and <see cref="create_proxy"/> are
    /// called for each trace.
    /// </summary>
    public TracedState state { get; init; }

    /// <summary>Traces until what the program keeps is known. A program that can't be followed with that as symbols is as if it was dropped, and the report says so.</summary>
    private Graph Trace(EntryPoint entry, IReadOnlyDictionary<string, object?> concrete_args)
    {
        var (plan, withNumbers) = (StatePlan.None, true);
        Attempt? done = null;
        for (var traces = 0; traces < MaxTraces; traces++)
        {
            Exception? refusal = null;
            try
            {
                Once(entry, concrete_args, plan);
            }
            catch (Exception exception) when (state != TracedState.dropped && exception is TraceException or TracedProgramException && (done is not null || Interpreter.ChangedInputs.Count > 0))
            {
                refusal = exception;
            }
            if (state == TracedState.dropped)
                return graph;
            var next = Next(plan, refusal, done is not null);
            withNumbers &= refusal is null || done is null;
            next = withNumbers ? next : next.WithoutNumbers();
            if (refusal is null)
                done = Replaced(done);
            if (!next.IsEmpty && !next.IsLike(plan))
            {
                if (refusal is not null)
                    DisposeConstants();
                plan = next;
                continue;
            }
            if (done is null)
                System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(refusal!);
            if (refusal is not null)
                Restore(done);
            return graph;
        }
        Restore(done!);
        return graph;
    }

    private StatePlan Next(StatePlan plan, Exception? refusal, bool isDone)
        => refusal is null ? plan.With(Interpreter) : isDone ? plan : plan with { Inputs = plan.Inputs.Union(Interpreter.ChangedInputs) };

    private Value[] Opened(Value[] inputs, StatePlan plan)
    {
        if (plan.IsEmpty)
            return inputs;
        Interpreter.State = new(Interpreter, plan);
        Interpreter.State.OpenModel();
        return Array.ConvertAll(inputs, Interpreter.State.OpenInput);
    }

    private void Close(Value result, Type type)
    {
        Interpreter.State?.Settle();
        var returned = Interpreter.ToArgument(result, type);
        Interpreter.State?.WriteBack(returned);
        graph.output(returned, type);
        Interpreter.State?.Prune();
    }

    /// <summary>Keeps the trace that was made last, in the place of the one before.</summary>
    private Attempt Replaced(Attempt? before)
    {
        if (before is not null)
            foreach (var constant in before.Attributes.Constants.Values)
                constant.Dispose();
        return new(traced!, interpreter!, attributes!);
    }

    private void Restore(Attempt attempt)
    {
        if (attributes != attempt.Attributes)
            DisposeConstants();
        (traced, interpreter, attributes) = (attempt.Graph, attempt.Interpreter, attempt.Attributes);
    }

    private sealed record Attempt(Graph Graph, Interpreter Interpreter, ModuleAttributes Attributes);
}

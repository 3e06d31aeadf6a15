using System.Collections.Immutable;

namespace TorchSharp.Fx;

/// <summary>
/// The ways to treat the state that a traced program keeps between calls: in fields and collections of the model, or in an object that it
/// is given.
/// </summary>
public enum TracedState
{
    /// <summary>The graph reads it and puts it back, as the program does.</summary>
    writeback,
    /// <summary>
    /// It is a further input and output of the graph each: nothing is kept. A tracer's own graph is as for <see cref="writeback"/>;
    /// <c>fx.lift_state</c> makes the other of it. Counterpart: the mutated buffers of <c>torch.export</c>.
    /// </summary>
    returned,
    /// <summary>The graph has it as it was when it was traced, and leaves it so.</summary>
    dropped,
}

public partial class Tracer
{
    private const int MaxTraces = 5;

    /// <summary>
    /// The treatment of the program's state between calls. A program that keeps something is traced again once that is known, so that
    /// <see cref="call_module"/> and <see cref="create_proxy"/> are called for each trace.
    /// </summary>
    public TracedState state { get; init; }

    /// <summary>
    /// Traces until what the program keeps is known. A program that can't be followed with that as symbols is as if it was dropped, and the
    /// report says so.
    /// </summary>
    private Graph Trace(EntryPoint entry, IReadOnlyDictionary<string, object?>? given, ExampleInputs? examples)
    {
        unrolled.Clear();
        var concrete_args = given ?? ImmutableDictionary<string, object?>.Empty;
        var (plan, withNumbers) = (StatePlan.None, true);
        var attempts = new List<Attempt>();
        for (var traces = 1; ; traces++)
        {
            var refusal = Try(entry, concrete_args, examples, plan, attempts.Count > 0);
            if (state == TracedState.dropped)
                return graph;
            var next = refusal is null ? plan.With(Interpreter) : attempts.Count > 0
                ? plan : plan.WithInputs(Interpreter);
            withNumbers &= refusal is null || attempts.Count == 0;
            next = withNumbers ? next : next.WithoutNumbers();
            if (refusal is null)
                attempts.Add(new(plan, traced!, interpreter!, attributes!));
            else
                DisposeConstants();
            if (!next.IsEmpty && !next.IsLike(plan) && traces < MaxTraces)
                plan = next;
            else if (attempts.Count > 0)
                return End(attempts, attempts.Find(attempt => attempt.Plan.IsLike(next)) ?? attempts[0]);
            else
                System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(refusal!);
        }
    }

    private Exception? Try(EntryPoint entry, IReadOnlyDictionary<string, object?> concrete_args, ExampleInputs? examples, StatePlan plan,
        bool isDone)
    {
        try
        {
            Once(entry, concrete_args, examples, plan);
            return null;
        }
        catch (Exception exception)
            when (state != TracedState.dropped && exception is TraceException or TracedProgramException
                && (isDone || !plan.WithInputs(Interpreter).IsEmpty))
        {
            return exception;
        }
    }

    /// <summary>Goes back to the best trace, and gives up the others.</summary>
    private Graph End(List<Attempt> attempts, Attempt best)
    {
        foreach (var constant in attempts.Where(attempt => attempt != best).SelectMany(attempt => attempt.Attributes.Constants.Values))
            constant.Dispose();
        (traced, interpreter, attributes) = (best.Graph, best.Interpreter, best.Attributes);
        return graph;
    }

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

    private sealed record Attempt(StatePlan Plan, Graph Graph, Interpreter Interpreter, ModuleAttributes Attributes);
}

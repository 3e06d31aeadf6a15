using System.Collections.Immutable;

namespace TorchSharp.Fx;

/// <summary>
/// How to treat the state that a traced program keeps between calls, in fields and collections of the model or in an object that is an
/// input.
/// </summary>
public enum TracedState
{
    /// <summary>The graph reads and writes the state, as the program does.</summary>
    writeback,
    /// <summary>
    /// The state becomes further inputs and outputs of the graph, which keeps nothing. A <see cref="Tracer"/> makes the graph of
    /// <see cref="writeback"/>; <c>fx.lift_state</c> converts it. Counterpart: the mutated buffers of <c>torch.export</c>.
    /// </summary>
    returned,
    /// <summary>The graph uses the state's values of the trace as constants, and writes nothing.</summary>
    dropped,
}

public partial class Tracer
{
    private const int MaxTraces = 5;

    /// <summary>
    /// How to treat the state that the program keeps between calls. When a trace finds such state, the program is traced again, and
    /// <see cref="call_module"/> and <see cref="create_proxy"/> are called in each trace.
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

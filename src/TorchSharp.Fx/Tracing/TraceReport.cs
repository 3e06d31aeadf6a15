using System.Globalization;
using System.Text;

namespace TorchSharp.Fx;

/// <summary>
/// The facts about a trace: the assumptions of the graph, the values that were computed once during the trace, and the actions of the
/// program that the graph does not repeat.
/// </summary>
public sealed class TraceReport
{
    internal TraceReport(Graph graph, Interpreter interpreter, ModuleAttributes attributes)
    {
        nodes = graph.Count;
        leaves = [.. graph.all_nodes.Where(node => node.op == Opcode.call_module).Select(node => node.target.name)
            .Distinct(StringComparer.Ordinal)];
        var assertions = graph.nodes.Where(node => node.target is BuiltinTarget { Operation: Builtin._assert })
            .ToLookup(interpreter.Specialisations.Contains, Assertion);
        (guards, specialisations) = ([.. assertions[false]], [.. assertions[true]]);
        loops = [.. graph.all_nodes.Where(node => node.target is MapTarget).Select(node => new TraceNote(node.name, node.origin))];
        unrolled_loops = [.. interpreter.Unrolled.Select(entry => new TraceNote(entry.What, entry.At))];
        constants = [.. graph.nodes.Where(node => node.op == Opcode.get_attr && attributes.Constants.ContainsKey(node.target.name))
            .Select(node => Constant(node, attributes.Constants[node.target.name]))];
        present_inputs = [.. interpreter.TakenAsPresent.Select(entry => new TraceNote(entry.Name, entry.At))];
        dropped_state = [.. interpreter.Overlay.Dropped.Select(entry => new TraceNote(entry.What, entry.At))];
        state = [.. interpreter.State?.Kept ?? []];
        modes = Asked(SurroundingsKind.Mode);
        seeds = Asked(SurroundingsKind.Seed);
        surroundings = Asked(SurroundingsKind.Value);
        unregistered_modules =
            [.. attributes.Unregistered.Select(entry =>
                new UnregisteredModule(entry.Path, entry.Module.GetType().Name,
                    entry.Module.parameters().Sum(parameter => parameter.numel())))];

        TraceNote[] Asked(SurroundingsKind kind)
            => [.. interpreter.Asked.Where(entry => entry.Kind == kind).Select(entry => new TraceNote(entry.What, entry.At))];
    }

    /// <summary>The number of nodes in the graph.</summary>
    public int nodes { get; }

    /// <summary>The modules that became one node each, by path.</summary>
    public IReadOnlyList<string> leaves { get; }

    /// <summary>
    /// The conditions that the graph asserts: the program's own checks, which only throw, and branches that followed the example inputs.
    /// </summary>
    public IReadOnlyList<TraceNote> guards { get; }

    /// <summary>The numbers and lengths that the graph is fixed to, because the example inputs or <c>concrete_args</c> have them.</summary>
    public IReadOnlyList<TraceNote> specialisations { get; }

    /// <summary>The loops whose number of iterations the graph takes from its inputs.</summary>
    public IReadOnlyList<TraceNote> loops { get; }

    /// <summary>
    /// The loops that depend on an input and that the graph has unrolled: it holds only for inputs with as many iterations as the example.
    /// </summary>
    public IReadOnlyList<TraceNote> unrolled_loops { get; }

    /// <summary>
    /// The inputs that the program compares with null, and where. Without example inputs the trace assumes that they aren't null, and the
    /// graph asserts it; with example inputs the trace follows the example.
    /// </summary>
    public IReadOnlyList<TraceNote> present_inputs { get; }

    /// <summary>The tensors that were computed during the trace, or that the model holds without registering them.</summary>
    public IReadOnlyList<TraceNote> constants { get; }

    /// <summary>
    /// The fields and collections of the model that the program wrote to and the graph doesn't. The trace continued with the new content.
    /// </summary>
    public IReadOnlyList<TraceNote> dropped_state { get; }

    /// <summary>
    /// The paths of the state that the program, and so the graph, keeps between calls: in fields and collections of the model, and in
    /// inputs.
    /// </summary>
    public IReadOnlyList<string> state { get; }

    /// <summary>
    /// The modules whose train or eval mode the program's own code reads. The graph holds for the mode they were in during the trace.
    /// </summary>
    public IReadOnlyList<TraceNote> modes { get; }

    /// <summary>
    /// The places where the program seeds a random number generator. It was seeded during the trace; the graph doesn't seed it again.
    /// </summary>
    public IReadOnlyList<TraceNote> seeds { get; }

    /// <summary>
    /// The facts that the program read about the time, the process, the machine or a setting of TorchSharp, e.g. <c>DateTime.Now</c> or the
    /// default dtype. The graph keeps the values of the trace as constants.
    /// </summary>
    public IReadOnlyList<TraceNote> surroundings { get; }

    /// <summary>
    /// The assumptions and omissions that the graph doesn't assert, one per line under headings. Empty when the graph does the same as the
    /// program for all inputs that it accepts.
    /// </summary>
    public string assumptions => Text(
        ("written by the program, not by the graph", dropped_state), ("inputs taken to be there", present_inputs),
        ("for the mode that they were traced in", modes),
        ("set while tracing, not by the graph", seeds), ("read while tracing, not by the graph", surroundings));

    /// <summary>Modules that are called without being registered: their parameters would not train, move or be saved.</summary>
    public IReadOnlyList<UnregisteredModule> unregistered_modules { get; }

    /// <summary>The report as text, one line per fact.</summary>
    public override string ToString() => $"{nodes} nodes, {leaves.Count} leaf modules\n" + Text(
        ("leaf modules", leaves), ("asserted conditions", guards), ("asserted values", specialisations),
        ("loops of any number of turns", loops),
        ("loops of as many turns as the example has", unrolled_loops), ("inputs taken to be there", present_inputs),
        ("computed while tracing", constants), ("kept between calls", state),
        ("written by the program, not by the graph", dropped_state), ("for the mode that they were traced in", modes),
        ("set while tracing, not by the graph", seeds),
        ("read while tracing, not by the graph", surroundings), ("called but not registered", unregistered_modules));

    private static string Text(params (string Title, IEnumerable<object> Notes)[] parts)
    {
        var text = new StringBuilder();
        foreach (var (title, notes) in parts.Where(part => part.Notes.Any()))
            text.Append(title).Append(":\n").AppendJoin("", notes.Select(note => $"  {note}\n"));
        return text.ToString();
    }

    private static TraceNote Assertion(Node node) => new(((Literal)node.args[1]).Value as string ?? "", node.origin);

    private static TraceNote Constant(Node node, torch.Tensor tensor)
        => new(tensor.IsInvalid
            ? node.name : $"{node.name}: {tensor.dtype.ToString().ToLowerInvariant()}[{string.Join(", ", tensor.shape)}]", node.origin);
}

/// <summary>One fact of a <see cref="TraceReport"/> and where in the program it comes from.</summary>
/// <param name="text">The fact.</param>
/// <param name="origin">The place; null where there is none.</param>
public sealed record TraceNote(string text, Origin? origin)
{
    /// <inheritdoc/>
    public override string ToString() => origin is null ? text : $"{text} ({origin})";
}

/// <summary>A module that is called without being registered.</summary>
/// <param name="path">Its path through fields and collections.</param>
/// <param name="type">The name of its class.</param>
/// <param name="num_parameters">The number of elements in its parameters, which would not train, move or be saved.</param>
public sealed record UnregisteredModule(string path, string type, long num_parameters)
{
    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{path} ({type}, {num_parameters:N0} parameters)");
}

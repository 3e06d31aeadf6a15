using System.Reflection;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Tracing;

/// <summary>
/// The values of a trace's symbols for one example of the inputs: the evaluator runs every node as soon as it is made. With that the
/// interpreter can go on where it needs a number, and says so in the graph. The model stays as it is: what the graph writes to are copies,
/// leaf modules get their buffers back, and the random generator its state.
/// </summary>
internal sealed class ExampleValues : IDisposable
{
    /// <summary>The name of the argument that gives them.</summary>
    internal const string Parameter = "example_inputs";

    private readonly MetaRun evaluation;
    private readonly IReadOnlyList<object?> inputs;
    private readonly IReadOnlyDictionary<string, object?> concrete;
    private readonly HashSet<Tensor> made = new(ReferenceEqualityComparer.Instance);
    private readonly HashSet<nn.utils.rnn.PackedSequence> packed = new(ReferenceEqualityComparer.Instance);
    private readonly Tensor generator = get_rng_state().DetachFromDisposeScope();
    private readonly IReadOnlyDictionary<string, long> sizes;
    private readonly string where;
    private readonly Device device;
    private int next;

    private ExampleValues(Interpreter interpreter, IReadOnlyList<object?> inputs, IReadOnlyDictionary<string, object?> concrete,
        IReadOnlyDictionary<string, long> sizes, string where)
    {
        evaluation = new(interpreter.Root, interpreter.Graph, interpreter.Tracer.tensor_constants) { Modes = interpreter.Modes };
        device = interpreter.Root.parameters().FirstOrDefault()?.device ?? CPU;
        (this.inputs, this.concrete, this.sizes, this.where) = (inputs, concrete, sizes, where);
    }

    /// <summary>Whether a number that was read out of a tensor may decide a branch, under a guard.</summary>
    internal bool AllowsValues { get; init; }

    /// <summary>
    /// The same example with another size of one free dimension each: what comes out differently there can't be taken from the example.
    /// </summary>
    internal IReadOnlyList<(FreeDimension Dimension, ExampleValues Values)> Others { get; init; } = [];

    /// <summary>The examples of a trace. For each free dimension of declared inputs a second set is computed beside the first.</summary>
    internal static ExampleValues Of(Interpreter interpreter, ExampleInputs examples, IReadOnlyDictionary<string, object?> concrete)
    {
        var (inputs, allowsValues) = examples;
        var free = InputShape.FreeDimensions(inputs);
        var sizes = free.ToDictionary(dimension => dimension.Letter, dimension => dimension.Size);
        return new(interpreter, inputs, concrete, sizes, "")
        {
            AllowsValues = allowsValues,
            Others = [.. free.Select(dimension => (dimension, new ExampleValues(
                interpreter, inputs, concrete, new Dictionary<string, long>(sizes) { [dimension.Letter] = dimension.Other },
                $" with {dimension.Letter} = {dimension.Other}")))],
        };
    }

    /// <summary>The example of an input.</summary>
    internal void Input(Node placeholder, ParameterInfo parameter)
    {
        var given = concrete.TryGetValue(parameter.Name!, out var fixedValue) ? fixedValue
            : next < inputs.Count ? inputs[next++]
            : parameter.HasDefaultValue ? parameter.DefaultValue
            : throw Wrong(
                $"example_inputs has {inputs.Count} {(inputs.Count == 1 ? "value" : "values")}, but '{parameter.Name}' of "
                    + $"{PythonNames.Plain(parameter.Member.Name)} is left without one.");
        var declared = given as InputShape;
        if (declared is not null)
            given = declared.Example(sizes, (ulong)next, device);
        if (given is not null && !(Nullable.GetUnderlyingType(parameter.ParameterType) ?? parameter.ParameterType).IsInstanceOfType(given))
            throw Wrong($"example_inputs gives '{parameter.Name}' a {given.GetType().Name}, but "
                + $"{PythonNames.Plain(parameter.Member.Name)} takes a {parameter.ParameterType.Name}.");
        using var scope = NewDisposeScope();
        evaluation.Set(placeholder, Structure.Map(given, tensor => Own(declared is null ? tensor.detach().clone() : tensor)));
        foreach (var (_, other) in Others)
            other.Input(placeholder, parameter);
    }

    private static ArgumentException Wrong(string message, string argument = Parameter) => new(message, argument);

    /// <summary>Makes a node the number of a loop's first turn.</summary>
    internal void Turn(Node number)
    {
        evaluation.Set(number, Convert.ChangeType(0, number.type, null));
        foreach (var (_, other) in Others)
            other.Turn(number);
    }

    /// <summary>Computes a loop, of which the first turn was computed already.</summary>
    /// <param name="loop">The node.</param>
    /// <param name="first">What that turn gave.</param>
    internal void Compute(Node loop, Node[] first)
    {
        Compute(loop, () =>
        {
            List<Tensor[]> done = [[.. first.Select(value => (Tensor)evaluation.Of(value)!)]];
            var value = evaluation.Turns(loop, (MapTarget)loop.target, done);
            evaluation.Set(loop, value);
            return value;
        });
        foreach (var (_, other) in Others)
            other.Compute(loop, first);
    }

    /// <summary>Computes a node that was just made.</summary>
    internal void Compute(Node node)
    {
        if (node.target is BuiltinTarget { Operation: Builtin._assert })
            return;
        Compute(node, () => evaluation.Step(node));
        foreach (var (_, other) in Others)
            other.Compute(node);
    }

    private void Compute(Node node, Func<object?> run)
    {
        using var scope = NewDisposeScope();
        try
        {
            var value = run();
            // What an input object holds is the user's: the program may write to a copy.
            if (node.target is MemberTarget or BuiltinTarget && value is Tensor held && !made.Contains(held))
                evaluation.Set(node, Own(held.detach().clone()));
            else
                Keep(value);
        }
        catch (NodeExecutionException error)
            when (!node.all_input_nodes.Any(input => Structure.Tensors(evaluation.Of(input)).Any(tensor => tensor.IsInvalid)))
        {
            throw ProgramFault.Raise(
                new InvalidOperationException(
                    $"Node '{node.name}' ({node.target.name}) fails on the example inputs{where}: {(error.InnerException ?? error).Message}", error));
        }
    }

    /// <summary>Gives up the tensor of a node that the program disposes: it can't read it any more.</summary>
    internal void Release(Node node)
    {
        foreach (var tensor in Structure.Tensors(evaluation.Of(node)))
            if (made.Remove(tensor))
                tensor.Dispose();
        foreach (var (_, other) in Others)
            other.Release(node);
    }

    /// <summary>An argument's value for the example.</summary>
    internal object? Of(Argument argument) => evaluation.Of(argument);

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var (_, other) in Others)
            other.Dispose();
        foreach (var tensor in made)
            tensor.Dispose();
        foreach (var sequence in packed)
            sequence.Dispose();
        set_rng_state(generator);
        generator.Dispose();
    }

    /// <summary>Tensors outlive the scopes of the traced program.</summary>
    private void Keep(object? value)
    {
        foreach (var item in Disposal.Inside(value))
            if (item is Tensor tensor and not TorchSharp.Modules.Parameter)
                Own(tensor);
            else if (item is nn.utils.rnn.PackedSequence sequence && packed.Add(sequence))
                sequence.DetachFromDisposeScope();
    }

    private Tensor Own(Tensor tensor)
    {
        // An operation may return what it was given.
        if (!made.Add(tensor))
            return tensor;
        return tensor.DetachFromDisposeScope();
    }
}

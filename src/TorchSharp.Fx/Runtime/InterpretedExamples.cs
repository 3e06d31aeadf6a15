using System.Reflection;
using TorchSharp.Fx.Tracing;
using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>
/// Example inputs: each node is run by the graph's interpreter as soon as it is traced. The model stays as it is: what the graph writes to are copies, leaf modules get
/// their buffers back, and the random generator its state.
/// </summary>
internal sealed class InterpretedExamples : ExampleValues
{
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

    private InterpretedExamples(Interpreter interpreter, IReadOnlyList<object?> inputs, IReadOnlyDictionary<string, object?> concrete, IReadOnlyDictionary<string, long> sizes, string where)
    {
        evaluation = new(interpreter.Root, interpreter.Graph, interpreter.Tracer.tensor_constants) { Modes = interpreter.Modes };
        device = interpreter.Root.parameters().FirstOrDefault()?.device ?? CPU;
        (this.inputs, this.concrete, this.sizes, this.where) = (inputs, concrete, sizes, where);
    }

    /// <summary>The examples of a trace. For each free dimension of declared inputs a second set is computed beside the first.</summary>
    internal static InterpretedExamples Of(Interpreter interpreter, IReadOnlyList<object?> inputs, IReadOnlyDictionary<string, object?> concrete, bool allowsValues)
    {
        var free = InputShape.FreeDimensions(inputs);
        var sizes = free.ToDictionary(dimension => dimension.Letter, dimension => dimension.Size);
        return new(interpreter, inputs, concrete, sizes, "")
        {
            AllowsValues = allowsValues,
            Others = [.. free.Select(dimension => (dimension, (ExampleValues)new InterpretedExamples(
                interpreter, inputs, concrete, new Dictionary<string, long>(sizes) { [dimension.Letter] = dimension.Other }, $" with {dimension.Letter} = {dimension.Other}")))],
        };
    }

    internal override void Input(Node placeholder, ParameterInfo parameter)
    {
        var given = concrete.TryGetValue(parameter.Name!, out var fixedValue) ? fixedValue
            : next < inputs.Count ? inputs[next++]
            : parameter.HasDefaultValue ? parameter.DefaultValue
            : throw Wrong($"example_inputs has {inputs.Count} {(inputs.Count == 1 ? "value" : "values")}, but '{parameter.Name}' of {PythonNames.Plain(parameter.Member.Name)} is left without one.");
        var declared = given as InputShape;
        if (declared is not null)
            given = declared.Example(sizes, (ulong)next, device);
        if (given is not null && !(Nullable.GetUnderlyingType(parameter.ParameterType) ?? parameter.ParameterType).IsInstanceOfType(given))
            throw Wrong($"example_inputs gives '{parameter.Name}' a {given.GetType().Name}, but {PythonNames.Plain(parameter.Member.Name)} takes a {parameter.ParameterType.Name}.");
        using var scope = NewDisposeScope();
        evaluation.Set(placeholder, Structure.Map(given, tensor => Own(declared is null ? tensor.detach().clone() : tensor)));
        foreach (var (_, other) in Others)
            other.Input(placeholder, parameter);
    }

    private static ArgumentException Wrong(string message, string argument = Parameter) => new(message, argument);

    internal override void Compute(Node node)
    {
        if (node.target is BuiltinTarget { Operation: Builtin._assert })
            return;
        using var scope = NewDisposeScope();
        try
        {
            var value = evaluation.Step(node);
            // What an input object holds is the user's: the program may write to a copy.
            if (node.target is MemberTarget or BuiltinTarget && value is Tensor held && !made.Contains(held))
                evaluation.Set(node, Own(held.detach().clone()));
            else
                Keep(value);
        }
        catch (NodeExecutionException error) when (!node.all_input_nodes.Any(input => Structure.Tensors(evaluation.Of(input)).Any(tensor => tensor.IsInvalid)))
        {
            throw ProgramFault.Raise(new InvalidOperationException($"Node '{node.name}' ({node.target.name}) fails on the example inputs{where}: {(error.InnerException ?? error).Message}", error));
        }
        foreach (var (_, other) in Others)
            other.Compute(node);
    }

    internal override void Release(Node node)
    {
        foreach (var tensor in Structure.Tensors(evaluation.Of(node)))
            if (made.Remove(tensor))
                tensor.Dispose();
        foreach (var (_, other) in Others)
            other.Release(node);
    }

    internal override object? Of(Argument argument) => evaluation.Of(argument);

    public override void Dispose()
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
            if (item is Tensor tensor and not Modules.Parameter)
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

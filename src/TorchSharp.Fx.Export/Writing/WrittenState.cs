using static TorchSharp.torch;

namespace TorchSharp.Fx.Export;

/// <summary>A tensor of a module as an input of a program.</summary>
/// <param name="Input">The input's name.</param>
/// <param name="Path">The tensor's name in the <c>state_dict</c>, or of a constant.</param>
/// <param name="Tensor">The tensor.</param>
/// <param name="Kind">What it is.</param>
internal sealed record StateInput(string Input, string Path, Tensor Tensor, StateKind Kind);

/// <summary>The kind of a module's tensor.</summary>
internal enum StateKind
{
    /// <summary>A parameter.</summary>
    Parameter,
    /// <summary>A buffer of the <c>state_dict</c>.</summary>
    Buffer,
    /// <summary>A tensor that belongs to the graph.</summary>
    Constant,
}

/// <summary>The parameters, buffers and constants of a graph module, each once under the first of its names.</summary>
internal sealed class WrittenState
{
    private readonly GraphProgram program;
    private readonly Dictionary<string, StateInput> byPath;
    private readonly Dictionary<Tensor, StateInput> byTensor;
    private readonly bool isOfTurn;

    internal WrittenState(nn.Module module, Func<string, string> unused)
    {
        program = ((IGraphModule)module).Program;
        (byPath, byTensor) = (new(StringComparer.Ordinal), new(ReferenceEqualityComparer.Instance));
        foreach (var (name, parameter) in module.named_parameters())
            Add(unused, "p_", name, parameter, StateKind.Parameter);
        foreach (var (name, buffer) in module.named_buffers())
            if (!program.Constants.ContainsKey(name))
                Add(unused, "b_", name, buffer, StateKind.Buffer);
        foreach (var (name, constant) in program.Constants)
            Add(unused, "c_", name, constant, StateKind.Constant);
        foreach (var (name, tensor) in module.state_dict())
            if (byTensor.TryGetValue(tensor, out var known))
                byPath.TryAdd(name, known);
    }

    private WrittenState(WrittenState outer) => (program, byPath, byTensor, isOfTurn) = (outer.program, outer.byPath, outer.byTensor, true);

    /// <summary>What a graph takes in front of its own inputs; of a turn of a loop behind them, and only what it reads.</summary>
    internal List<StateInput> Inputs { get; } = [];

    /// <summary>The names that inputs have or may get.</summary>
    internal IEnumerable<string> Reserved => byTensor.Values.Select(input => input.Input);

    /// <summary>All names of the <c>state_dict</c>, each with the input that it is a name of.</summary>
    internal IEnumerable<(string Name, StateInput Input)> Names
        => byPath.Where(entry => entry.Value.Kind != StateKind.Constant).Select(entry => (entry.Key, entry.Value));

    internal nn.Module Module(string path) => program.Source.Module(path);

    /// <summary>The input that is the tensor at a path.</summary>
    internal string InputOf(string path)
    {
        if (!byPath.TryGetValue(path, out var known) && !byTensor.TryGetValue(program.Source.Attribute(path)(), out known))
            throw new NotSupportedException($"it reads the tensor '{path}', which the module does not have registered");
        if (isOfTurn && !Inputs.Contains(known))
            Inputs.Add(known);
        return known.Input;
    }

    /// <summary>The same tensors for a turn of a loop, which is given those that it reads under the same names.</summary>
    internal WrittenState OfTurn() => new(this);

    private void Add(Func<string, string> unused, string prefix, string path, Tensor tensor, StateKind kind)
    {
        if (!byTensor.TryGetValue(tensor, out var input))
            Inputs.Add(byTensor[tensor] = input = new(unused(prefix + path.Replace('.', '_')), path, tensor, kind));
        byPath.TryAdd(path, input);
    }
}

using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Export;

/// <summary>A program's parameters, buffers and constants: read from the archive when first asked for, each tensor once.</summary>
internal sealed class ProgramState : IDisposable
{
    private readonly ProgramArchive archive;
    private readonly IReadOnlyDictionary<string, StoredTensor> weights;
    private readonly IReadOnlyDictionary<string, StoredTensor> constants;
    private readonly Dictionary<string, (string Name, bool IsParameter, bool IsState)> inputs = new(StringComparer.Ordinal);
    private readonly Dictionary<(StoredBlock, long, string), Tensor> loaded = [];
    private readonly Dictionary<string, TensorMeta> metas;

    internal ProgramState(ProgramArchive archive, ExportedProgram program)
    {
        this.archive = archive;
        (weights, constants, metas) = (archive.Weights(), archive.Constants(), program.graph_module.graph.tensor_values);
        archive.CheckSize(weights.Values.Concat(constants.Values));
        foreach (var spec in program.graph_module.signature.input_specs)
            if (spec.parameter is { } parameter)
                Add(parameter.arg.name, parameter.parameter_name, isParameter: true, isState: true);
            else if (spec.buffer is { } buffer)
                Add(buffer.arg.name, buffer.buffer_name, isParameter: false, isState: buffer.persistent);
            else if (spec.tensor_constant is { } constant)
                Add(constant.arg.name, constant.tensor_constant_name, isParameter: false, isState: false);
    }

    /// <summary>The qualified name of the tensor that an input of the graph stands for; null for an input of another kind.</summary>
    internal string? PathOf(string input) => inputs.TryGetValue(input, out var known) ? known.Name : null;

    /// <summary>Whether a tensor is no part of the <c>state_dict</c>.</summary>
    internal bool IsConstant(string input) => !inputs[input].IsState;

    /// <summary>Where a tensor lies; it is no larger than its storage.</summary>
    internal long[]? Shape(string input) => Stored(input) is { } stored
        && stored.shape.Aggregate((Int128)1, (product, size) => product * size) <= stored.block.count ? stored.shape : null;

    /// <summary>The tensor that an input stands for: a parameter, a buffer or a constant.</summary>
    internal Tensor Load(string input)
        => Load(Stored(input)!, inputs[input].IsParameter, metas.TryGetValue(input, out var meta) && meta.requires_grad);

    /// <summary>The inputs of the graph that are tensors under a path, by what follows the path.</summary>
    internal IEnumerable<(string Input, string Name)> Under(string path)
        => inputs.Where(entry => entry.Value.IsState && entry.Value.Name.StartsWith(path + ".", StringComparison.Ordinal)).Select(entry
            => (entry.Key, entry.Value.Name[(path.Length + 1)..]));

    /// <summary>Whether a tensor is at a path or under it.</summary>
    internal bool HasUnder(string path) => inputs.Values.Any(input => SharedState.IsWithin(input.Name, path));

    /// <summary>All of the <c>state_dict</c>, by name: what the program's graph has no input for, too, for a tensor may have several
    /// names.</summary>
    internal IEnumerable<(string Name, Tensor Tensor)> All()
    {
        var parameters = inputs.Values.Where(input => input.IsParameter).Select(input => input.Name).ToHashSet(StringComparer.Ordinal);
        var ofInputs = inputs.Keys.ToLookup(input => Key(Stored(input)!));
        foreach (var (name, stored) in weights)
            yield return (name, ofInputs[Key(stored)].FirstOrDefault() is { } input ? Load(input)
                : Load(stored, parameters.Contains(name), requiresGrad: false));
    }

    /// <summary>Lets the tensors go on living.</summary>
    internal void Keep()
    {
        foreach (var tensor in loaded.Values)
            tensor.DetachFromDisposeScope();
        loaded.Clear();
    }

    public void Dispose()
    {
        foreach (var tensor in loaded.Values)
            tensor.Dispose();
    }

    private void Add(string input, string name, bool isParameter, bool isState)
    {
        if (!inputs.TryAdd(input, (name, isParameter, isState)))
            throw new InvalidDataException($"has two inputs '{input}'");
        if (name.Length == 0 || name.Length > 4096 || name.Split('.').Any(part => part.Length == 0))
            throw new InvalidDataException($"has a tensor whose name '{(name.Length > 100 ? name[..100] : name)}' is none");
        if (Stored(input) is null)
            throw new InvalidDataException($"lacks the tensor '{name}'");
    }

    private StoredTensor? Stored(string input)
    {
        var (name, _, isState) = inputs[input];
        return (isState ? weights : constants).GetValueOrDefault(name) ?? (isState ? constants : weights).GetValueOrDefault(name);
    }

    /// <summary>The common beginning of two names of one tensor.</summary>
    private static (StoredBlock, long, string) Key(StoredTensor stored)
        => (stored.block, stored.offset, $"{string.Join(",", stored.shape)};{string.Join(",", stored.strides)}");

    private Tensor Load(StoredTensor stored, bool isParameter, bool requiresGrad)
    {
        if (loaded.TryGetValue(Key(stored), out var known))
            return known;
        using var _ = no_grad();
        var tensor = archive.Load(stored);
        requiresGrad &= tensor.is_floating_point() || tensor.is_complex();
        if (isParameter)
            tensor = new Parameter(tensor, requiresGrad);
        loaded.Add(Key(stored), tensor);
        return tensor;
    }
}

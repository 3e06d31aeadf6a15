using System.Text.Json;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Modules;

/// <summary>
/// Writes a graph module as JSON and collects its tensors. A leaf of TorchSharp's own is written by its settings; any other leaf is traced
/// and written by its own graphs, since the process that loads the file may not have its class.
/// </summary>
internal sealed class ModuleWriter(SavedTypes types) : IDisposable
{
    private readonly SavedGraph graphs = new(types);
    private readonly Dictionary<Tensor, string> names = new(ReferenceEqualityComparer.Instance);
    private readonly List<Tracer> tracers = [];

    /// <summary>The tensors to write beside the graph, each once.</summary>
    internal OrderedDictionary<string, Tensor> Tensors { get; } = new(StringComparer.Ordinal);

    /// <summary>Gives up what tracing leaves made.</summary>
    public void Dispose() => tracers.ForEach(tracer => tracer.DisposeConstants());

    internal void Write(Utf8JsonWriter json, nn.Module module, string path)
    {
        json.WriteStartObject();
        if (ModuleHooks.On(module))
            throw new NotSupportedException(
                $"{(path.Length == 0 ? "The module" : $"Module '{path}'")} can't be saved: it has hooks, and those are code. Remove them "
                    + "first.");
        if (module is IGraphModule { Program: var program })
            WriteGraphs(json, module, path, program.TrainGraph, program.EvalGraph, program.Source, program.Constants,
                program.ReturnsFeatures);
        else if (module is Cond cond)
            WriteBranches(json, cond, path);
        else if (ModuleSettings.Has(module))
            WriteSettings(json, module, path);
        else
            WriteTraced(json, module, path);
        json.WriteBoolean("training", module.training);
        json.WriteEndObject();
    }

    /// <summary>The modules that keep their modes whatever the graph module is set to.</summary>
    private static void WriteOwnModes(Utf8JsonWriter json, GraphProgram program)
    {
        if (program.Unregistered.Count == 0)
            return;
        json.WriteStartArray("own_modes");
        foreach (var path in program.Unregistered.Keys.Order(StringComparer.Ordinal))
            json.WriteStringValue(path);
        json.WriteEndArray();
    }

    private void WriteGraphs(
        Utf8JsonWriter json, nn.Module module, string path, Graph train, Graph eval, ModuleHierarchy hierarchy,
        IReadOnlyDictionary<string, Tensor> constants, bool returnsFeatures)
    {
        WriteModes(json, train, eval);
        json.WriteStartArray("signature");
        foreach (var type in GraphProgram.Signature(module))
            types.Write(json, type);
        json.WriteEndArray();
        json.WriteBoolean("features", returnsFeatures);
        var nodes = train.all_nodes.Concat(eval.all_nodes).ToArray();
        json.WriteStartObject("modules");
        // In the order of registration, which state_dict keeps.
        var order = Paths(module, "").Distinct(StringComparer.Ordinal).Index()
            .ToDictionary(entry => entry.Item, entry => entry.Index, StringComparer.Ordinal);
        foreach (var child in nodes.Where(node => node.op == Opcode.call_module).Select(node => node.target.name)
            .Distinct(StringComparer.Ordinal).OrderBy(name => order.GetValueOrDefault(name, int.MaxValue)))
        {
            json.WritePropertyName(child);
            Write(json, hierarchy.Module(child), ModuleHierarchy.Join(path, child));
        }
        json.WriteEndObject();
        var kept = nodes.Any(node => node.target is StateTarget) ? new SavedState(types).Write(json, hierarchy, train, eval) : [];
        WriteTensors(json, path,
            nodes.Where(node => node.op == Opcode.get_attr).Select(node => node.target.name).Distinct(StringComparer.Ordinal)
            .Select(name => (name, hierarchy.Attribute(name)(), constants.ContainsKey(name) ? "constant" : null))
            .Concat(kept.Select(entry => (entry.Name, entry.Tensor, (string?)"state"))));
        if (module is not IGraphModule { Program: var program })
            return;
        WriteAliases(json, program);
        WriteOwnModes(json, program);
    }

    /// <summary>The further names of what is used, each with the name that the graphs have for it.</summary>
    private static void WriteAliases(Utf8JsonWriter json, GraphProgram program)
    {
        var aliases = program.Aliases.ToArray();
        if (aliases.Length == 0)
            return;
        json.WriteStartObject("aliases");
        foreach (var alias in aliases)
            json.WriteString(alias, program.Used.First(name => ReferenceEquals(program.Source.Find(name), program.Source.Find(alias))));
        json.WriteEndObject();
    }

    /// <summary>One graph where both modes have the same.</summary>
    private void WriteModes(Utf8JsonWriter json, Graph train, Graph eval)
    {
        var (inTraining, inEvaluation) = (Encoded(train), train == eval ? null : Encoded(eval));
        if (inEvaluation is null || inTraining.AsSpan().SequenceEqual(inEvaluation))
        {
            json.WritePropertyName("graph");
            json.WriteRawValue(inTraining);
            return;
        }
        json.WritePropertyName("train_graph");
        json.WriteRawValue(inTraining);
        json.WritePropertyName("eval_graph");
        json.WriteRawValue(inEvaluation);
    }

    private byte[] Encoded(Graph graph)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
            graphs.Write(json, graph);
        return buffer.ToArray();
    }

    private void WriteBranches(Utf8JsonWriter json, Cond cond, string path)
    {
        json.WriteStartObject("cond");
        foreach (var (name, branch) in cond.Branches)
        {
            json.WritePropertyName(name);
            Write(json, branch, ModuleHierarchy.Join(path, name));
        }
        json.WriteEndObject();
    }

    private void WriteSettings(Utf8JsonWriter json, nn.Module module, string path)
    {
        try
        {
            ModuleSettings.Write(json, module);
        }
        catch (NotSupportedException error)
        {
            throw new NotSupportedException($"Module '{path}' can't be saved: {error.Message}.", error);
        }
        WriteTensors(json, path,
            [.. module.named_parameters(recurse: false).Select(entry => (entry.name, (Tensor)entry.parameter, (string?)null)),
                .. module.named_buffers(recurse: false).Select(entry => (entry.name, entry.buffer, (string?)null))]);
    }

    private void WriteTraced(Utf8JsonWriter json, nn.Module module, string path)
    {
        if (module.GetType().Assembly == TensorTypes.TorchSharp)
            throw new NotSupportedException(
                $"Module '{path}' can't be saved: {module.GetType().Name} is native and keeps its settings to itself. Call the function "
                    + "in torch.nn.functional instead, where there is one, with parameters of your own.");
        if (module.GetType() is { IsPublic: false } kernel && kernel.Assembly == typeof(ModuleWriter).Assembly)
            throw new NotSupportedException($"Module '{path}' can't be saved: {SavedMembers.Optimized}.");
        var (train, eval) = (new Tracer { Training = true }, new Tracer { Training = false });
        tracers.AddRange([train, eval]);
        try
        {
            train.trace(module);
            eval.FirstConstant = train.tensor_constants.Count;
            eval.trace(module);
        }
        catch (Exception error) when (error is TraceException or TracedProgramException)
        {
            throw new NotSupportedException(
                $"Module '{path}' can't be saved: {module.GetType().Name} is not TorchSharp's own, and it can't be followed into a graph. "
                    + $"{error.Message}", error);
        }
        var constants = train.tensor_constants.Concat(eval.tensor_constants)
            .ToDictionary(entry => entry.Key, entry => entry.Value, StringComparer.Ordinal);
        WriteGraphs(json, module, path, train.graph, eval.graph, new ModuleHierarchy(module, constants), constants, returnsFeatures: false);
    }

    private void WriteTensors(Utf8JsonWriter json, string path, IEnumerable<(string Name, Tensor Tensor, string? Kind)> tensors)
    {
        json.WriteStartObject("tensors");
        foreach (var (name, tensor, kind) in tensors)
        {
            var full = ModuleHierarchy.Join(path, name);
            // A parameter that two modules share is one tensor of the file.
            if (names.TryAdd(tensor, full))
                Tensors.Add(full, tensor);
            json.WriteStartObject(name);
            json.WriteString("kind", kind ?? (tensor is Parameter ? "parameter" : "buffer"));
            json.WriteString("tensor", names[tensor]);
            json.WriteString("dtype", tensor.dtype.ToString());
            json.WriteStartArray("shape");
            foreach (var size in tensor.shape)
                json.WriteNumberValue(size);
            json.WriteEndArray();
            SavedOrder.Write(json, tensor);
            // A buffer that training computed has no history in a file, and is no leaf to be trained.
            json.WriteBoolean("requires_grad", tensor is { requires_grad: true, is_leaf: true });
            json.WriteEndObject();
        }
        json.WriteEndObject();
    }

    private static IEnumerable<string> Paths(nn.Module module, string prefix)
        => module.named_children().SelectMany(child => Paths(child.module, $"{prefix}{child.name}.").Prepend(prefix + child.name));
}

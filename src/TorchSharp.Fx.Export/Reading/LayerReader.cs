using System.Collections.Immutable;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Export;

/// <summary>Finds the layers of a program that are one call of one operation, and makes them modules again.</summary>
/// <param name="state">The program's tensors.</param>
/// <param name="names">Where its nodes come from.</param>
internal sealed class LayerReader(ProgramState state, NodeNames names)
{
    private readonly Dictionary<string, (nn.Module Module, string Settings)> layers = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> counts = new(StringComparer.Ordinal);

    /// <summary>The modules that were made, by path.</summary>
    internal IEnumerable<KeyValuePair<string, nn.Module>> Made
        => layers.Select(layer => KeyValuePair.Create(layer.Key, layer.Value.Module));

    /// <summary>Notes a node before any is read.</summary>
    internal void Count(int node)
    {
        if (names[node].Modules is [.., { } module])
            counts[module.Key] = counts.GetValueOrDefault(module.Key) + 1;
    }

    /// <summary>The path of the layer that a node is the whole of, and the argument that is its input; null where it is an
    /// operation.</summary>
    internal (string Path, Value Input)? Layer(int index, NodeData node, AtenSchema schema)
    {
        if (names[index].Modules is not [.., { IsLayer: true } frame] || counts[frame.Key] != 1 || frame.Path.Length == 0
            || node.inputs is not [{ arg: Value.Reference { Kind: "as_tensor" } } or { name: "weight" }, ..])
            return null;
        var given = node.inputs.ToDictionary(input => input.name, input => input.arg, StringComparer.Ordinal);
        var input = schema.Name == "embedding" ? given["indices"] : node.inputs[0].arg;
        var own = state.Under(frame.Path).ToDictionary(entry => entry.Input, entry => entry.Name, StringComparer.Ordinal);
        var attributes = given.Where(entry => entry.Value is Value.Reference reference
            && own.ContainsKey(reference.Name)).ToDictionary(entry => entry.Key, entry => own[((Value.Reference)entry.Value).Name],
            StringComparer.Ordinal);
        var shapes = new Dictionary<string, long[]>(StringComparer.Ordinal);
        foreach (var (argument, value) in given)
            if (attributes.ContainsKey(argument) && state.Shape(((Value.Reference)value).Name) is { } shape)
                shapes.Add(argument, shape);
        var call = new LayerCall(frame.Path, schema, given, attributes, shapes);
        var settings =
            $"{schema.Overload}({string.Join(", ", node.inputs.Where(entry => !ReferenceEquals(entry.arg, input)).Select(entry =>
                $"{entry.name}={Text(entry.arg)}"))})";
        if (layers.TryGetValue(frame.Path, out var known))
            return known.Settings == settings ? (frame.Path, input) : null;
        if (shapes.Count != attributes.Count || Make(frame.Type, call, own) is not { } module)
            return null;
        layers.Add(frame.Path, (module, settings));
        return (frame.Path, input);
    }

    /// <summary>Gives up the modules, where the program can't be read.</summary>
    internal void Dispose()
    {
        foreach (var (module, _) in layers.Values)
            module.Dispose();
    }

    private nn.Module? Make(string type, LayerCall call, Dictionary<string, string> own)
    {
        var module = Layers.Make(type, call);
        if (module is null)
            return null;
        string[] tensors = [.. module.named_parameters(recurse: false).Select(entry => entry.name),
            .. module.named_buffers(recurse: false).Select(entry => entry.name)];
        // What the layer counts for itself need not be an input of the program.
        if (!own.Values.Concat(["num_batches_tracked"]).ToHashSet(StringComparer.Ordinal).IsSupersetOf(tensors)
            || !tensors.ToHashSet(StringComparer.Ordinal).IsSupersetOf(own.Values))
        {
            module.Dispose();
            return null;
        }
        foreach (var (input, name) in own)
            Put(module, name, state.Load(input));
        if (tensors.Contains("num_batches_tracked") && !own.ContainsValue("num_batches_tracked"))
            Put(module, "num_batches_tracked", torch.zeros([], ScalarType.Int64));
        module.train(Layers.IsTraining(call));
        return module;
    }

    private static void Put(nn.Module module, string name, Tensor tensor)
    {
        if (module is Embedding)
        {
            NativeSettings.Give(module, name, (Parameter)tensor);
            return;
        }
        var old = Registry.Get(module, name)!;
        // A program may have two inputs for one tensor.
        if (ReferenceEquals(old, tensor))
            return;
        new ModuleHierarchy(module).Replace(name, tensor);
        old.Dispose();
    }

    private static string Text(Value value) => value switch
    {
        Value.Many many => $"[{string.Join(", ", many.Items.Select(Text))}]",
        _ => value.ToString(),
    };
}

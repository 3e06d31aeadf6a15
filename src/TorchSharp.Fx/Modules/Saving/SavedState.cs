using System.Text.Json;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Modules;

/// <summary>A graph module's state in a file: each place with its value, in which tensors are named.</summary>
internal sealed class SavedState(SavedTypes types)
{
    private readonly SavedArguments arguments = new(types);
    private readonly Graph names = new();

    /// <summary>Writes the values of all places, and gives the tensors in them by the names that they got.</summary>
    internal List<(string Name, Tensor Tensor)> Write(Utf8JsonWriter json, ModuleHierarchy hierarchy, params ReadOnlySpan<Graph> graphs)
    {
        var tensors = new List<(string, Tensor)>();
        json.WriteStartObject("state");
        foreach (var path in KeptState.PathsOf(graphs))
        {
            json.WriteStartObject(path);
            var value = KeptState.Read(hierarchy, path);
            json.WritePropertyName("type");
            types.Write(json, value switch { null => typeof(object), Tensor => typeof(Tensor), _ => value.GetType() });
            json.WritePropertyName("value");
            arguments.Write(json,
                StructureArguments.Of(path, value, (at, part) => part is Tensor tensor ? Read(at, tensor, tensors) : (Argument?)null));
            json.WriteEndObject();
        }
        json.WriteEndObject();
        return tensors;
    }

    /// <summary>The value of a place.</summary>
    /// <param name="json">What the file says of it.</param>
    /// <param name="tensorAt">The tensor of a name.</param>
    internal object? Read(JsonElement json, Func<string, Tensor> tensorAt)
    {
        var given = new Dictionary<Node, Tensor>();
        var argument = arguments.Read(json.Field("value"), name =>
        {
            var node = names.get_attr(name);
            given[node] = tensorAt(name);
            return node;
        });
        return new ArgumentBuilder(node => given[node], []).Build(argument, types.Read(json.Field("type")));
    }

    private Node Read(string path, Tensor tensor, List<(string, Tensor)> tensors)
    {
        var node = names.create_node(Opcode.get_attr, new AttributeTarget(path), [], typeof(Tensor), Name(path));
        tensors.Add((node.name, tensor));
        return node;
    }

    /// <summary>A name that tells it from a parameter at the same place.</summary>
    private static string Name(string path) => $"state_{path.Replace('.', '_')}";
}

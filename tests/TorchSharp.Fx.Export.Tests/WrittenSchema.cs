using System.IO.Compression;
using System.Text.Json;
using Xunit;

namespace TorchSharp.Fx.Export.Tests;

/// <summary>What PyTorch asks of a program and this library's own reader does not: arguments of the kinds that an operation's schema has, and a name
/// for each value and node alone.</summary>
internal static class WrittenSchema
{
    // PyTorch takes a number for a tensor in these alone: should_allow_numbers_as_tensors.
    private static readonly HashSet<string> TakeNumbers = ["add", "add_", "sub", "sub_", "mul", "mul_", "multiply", "div", "div_", "true_divide",
        "floor_divide", "rsub", "fmod", "fmod_", "remainder", "remainder_"];

    internal static void Check(string path)
    {
        using var archive = ZipFile.OpenRead(path);
        using var stream = archive.Entries.Single(entry => entry.FullName.Contains("/models/", StringComparison.Ordinal)).Open();
        using var json = JsonDocument.Parse(stream);
        Graph(json.RootElement.GetProperty("graph_module").GetProperty("graph"));
    }

    private static void Graph(JsonElement graph)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var node in graph.GetProperty("nodes").EnumerateArray())
        {
            var (target, name) = (node.GetProperty("target").GetString()!, node.GetProperty("name").GetString()!);
            Assert.True(names.Add(name), $"Two nodes are called '{name}'.");
            string[] given = [.. node.GetProperty("outputs").EnumerateArray().SelectMany(Names)];
            var isOne = given.Length == 1 && given[0] == name;
            Assert.All(isOne ? [] : given, value => Assert.True(names.Add(value), $"'{value}' of '{name}' is the name of something else."));
            if (target.StartsWith("torch.ops.aten.", StringComparison.Ordinal))
                Operation(target["torch.ops.aten.".Length..].Replace(".default", "", StringComparison.Ordinal), node);
            foreach (var input in node.GetProperty("inputs").EnumerateArray())
                if (input.GetProperty("arg").TryGetProperty("as_graph", out var branch))
                    Graph(branch.GetProperty("graph"));
        }
    }

    private static IEnumerable<string> Names(JsonElement value) => value.EnumerateObject().Single() is var only && only.Name == "as_tensors"
        ? only.Value.EnumerateArray().Select(item => item.GetProperty("name").GetString()!)
        : [only.Value.GetProperty(only.Name == "as_tensor" ? "name" : "as_name").GetString()!];

    private static void Operation(string overload, JsonElement node)
    {
        var schema = AtenSchema.Find(overload)!;
        foreach (var input in node.GetProperty("inputs").EnumerateArray())
        {
            var parameter = schema.Parameters.Single(parameter => parameter.Name == input.GetProperty("name").GetString());
            var kind = input.GetProperty("arg").EnumerateObject().Single().Name;
            Assert.True(Fits(kind, parameter.Type, schema.Name), $"{overload} has its '{parameter.Name}' as {kind}.");
        }
    }

    private static bool Fits(string kind, AtenType type, string operation)
    {
        if (kind == "as_none")
            return type.IsOptional;
        return (type.Name, type.IsList) switch
        {
            ("Tensor", true) => kind == (type.ItemsAreOptional ? "as_optional_tensors" : "as_tensors") || kind == "as_tensors",
            ("Tensor", false) => kind == "as_tensor" || (TakeNumbers.Contains(operation) && kind is "as_int" or "as_float" or "as_sym_int"),
            ("int", true) => kind is "as_ints" or "as_sym_ints",
            ("int", false) => kind is "as_int" or "as_sym_int",
            ("float", true) => kind is "as_floats",
            ("float", false) => kind is "as_float" or "as_int",
            ("Scalar", _) => kind is "as_int" or "as_float" or "as_bool" or "as_sym_int",
            ("bool", _) => kind is "as_bool",
            ("str", _) => kind is "as_string",
            ("ScalarType", _) => kind is "as_scalar_type",
            ("Device", _) => kind is "as_device",
            _ => true,
        };
    }
}

using System.Collections;
using System.IO.Compression;
using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using Xunit;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Export.Tests;

/// <summary>The programs that PyTorch exported, beside their inputs and outputs: <c>data/README.md</c> says how they were made.</summary>
internal static class ExportedPrograms
{
    private static readonly string Folder = Path.Combine(AppContext.BaseDirectory, "data");
    private static readonly string Unpacked = Directory.CreateTempSubdirectory("torchfx-pt2-").FullName;

    // Of numbers of single precision between 1 and 2.
    private const double UnitInTheLastPlace = 1.2e-7;

    static ExportedPrograms() => AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(Unpacked, recursive: true);

    /// <summary>The names of all, those of PyTorch 2.6 with its folder.</summary>
    public static TheoryData<string> Names => [.. Directory.GetFiles(Folder, "*.pt2.gz", SearchOption.AllDirectories)
        .Select(file => Path.GetRelativePath(Folder, file)[..^".pt2.gz".Length].Replace('\\', '/')).Order(StringComparer.Ordinal)];

    /// <summary>A file of data, unpacked.</summary>
    internal static string File(string name)
    {
        var path = Path.Combine(Unpacked, name);
        lock (Folder)
            if (!System.IO.File.Exists(path))
            {
                Directory.CreateDirectory(Path.GetDirectoryName(path)!);
                using var packed = new GZipStream(System.IO.File.OpenRead(Path.Combine(Folder, name + ".gz")), CompressionMode.Decompress);
                using var file = System.IO.File.Create(path);
                packed.CopyTo(file);
            }
        return path;
    }

    internal static string Program(string name) => File(name + ".pt2");

    /// <summary>A program whose JSON is changed, in a file of its own that the caller deletes.</summary>
    internal static string Edited(string name, Action<JsonObject> change)
    {
        var path = Path.Combine(Unpacked, $"{Guid.NewGuid():N}.pt2");
        using var original = ZipFile.OpenRead(Program(name));
        using var edited = ZipFile.Open(path, ZipArchiveMode.Create);
        foreach (var entry in original.Entries)
        {
            using var from = entry.Open();
            using var to = edited.CreateEntry(entry.FullName, CompressionLevel.NoCompression).Open();
            if (!entry.FullName.Contains("/models/", StringComparison.Ordinal))
            {
                from.CopyTo(to);
                continue;
            }
            var program = JsonNode.Parse(from)!.AsObject();
            change(program["graph_module"]!["graph"]!.AsObject());
            to.Write(System.Text.Encoding.UTF8.GetBytes(program.ToJsonString()));
        }
        return path;
    }

    /// <summary>The inputs and outputs, by the names that the data's README tells.</summary>
    internal static Dictionary<string, Tensor> Values(string name) => Safetensors.load_file(File(name + ".safetensors"));

    /// <summary>The inputs of a set in the order of the graph's placeholders.</summary>
    internal static object?[] Inputs(nn.Module module, Dictionary<string, Tensor> values, int set)
        => [.. ((IGraphModule)module).graph.find_nodes(Opcode.placeholder).Select((node, i)
            => Input(values.GetValueOrDefault($"{set}.in.{node.target.name}") ?? values[$"{set}.in.{i}"], node.type))];

    /// <summary>Runs a module.</summary>
    internal static object? Run(nn.Module module, object?[] inputs) => module is GraphModule bare ? bare.call(inputs)
        : module.GetType().GetMethod("call")!.Invoke(module, inputs);

    /// <summary>The tensors of a result by their places in it, as the data has them.</summary>
    internal static Dictionary<string, Tensor> Flat(object? value)
    {
        var found = new Dictionary<string, Tensor>(StringComparer.Ordinal);
        Walk(value, "");
        return found;

        void Walk(object? part, string path)
        {
            switch (part)
            {
                case Tensor tensor: found.Add(path.Length == 0 ? "output" : path, tensor); break;
                case IDictionary dictionary:
                    foreach (DictionaryEntry entry in dictionary)
                        Walk(entry.Value, Join(path, (string)entry.Key));
                    break;
                case ITuple tuple:
                    for (var i = 0; i < tuple.Length; i++)
                        Walk(tuple[i], Join(path, $"{i}"));
                    break;
                case IEnumerable list:
                    foreach (var (i, item) in list.Cast<object?>().Index())
                        Walk(item, Join(path, $"{i}"));
                    break;
            }
        }

        static string Join(string path, string name) => path.Length == 0 ? name : $"{path}.{name}";
    }

    /// <summary>The largest difference of a set's outputs from the expected ones, relative to their standard deviation; a unit in the last
    /// place of the largest number is none.</summary>
    internal static double Difference(nn.Module module, Dictionary<string, Tensor> values, int set)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var found = Flat(Run(module, Inputs(module, values, set)));
        var expected = values.Where(entry => entry.Key.StartsWith($"{set}.out.", StringComparison.Ordinal)).ToDictionary(entry
            => entry.Key[$"{set}.out.".Length..], entry => entry.Value);
        Assert.Equal(expected.Keys.Order(), found.Keys.Order());
        return expected.Max(entry => Difference(found[entry.Key], entry.Value));
    }

    /// <summary>The largest difference of a tensor from the expected one, measured so.</summary>
    internal static double Difference(Tensor found, Tensor expected)
    {
        Assert.Equal(expected.dtype, found.dtype);
        Assert.Equal(expected.shape, found.shape);
        if (!expected.is_floating_point())
            return found.equal(expected).all().ToBoolean() ? 0 : double.PositiveInfinity;
        var spread = expected.numel() > 1 ? expected.to(ScalarType.Float64).std().ToDouble() : 1;
        var largest = (found.to(ScalarType.Float64) - expected.to(ScalarType.Float64)).abs().max().ToDouble();
        var unit = expected.abs().max().to(ScalarType.Float64).ToDouble() * UnitInTheLastPlace;
        return double.IsNaN(largest) ? double.PositiveInfinity : largest <= unit ? 0 : largest / spread;
    }

    private static object Input(Tensor tensor, Type type) => Type.GetTypeCode(type) switch
    {
        TypeCode.Int64 => tensor.ToInt64(),
        TypeCode.Boolean => tensor.ToBoolean(),
        TypeCode.Double => tensor.ToDouble(),
        _ => (object)tensor,
    };
}

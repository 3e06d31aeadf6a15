using Microsoft.Win32.SafeHandles;
using System.Text.Json;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Export;

/// <summary>
/// The zip file of an exported program, open for reading: of PyTorch 2.8 and later (<c>models/NAME.json</c>, <c>data/weights</c>), or of
/// those before (<c>serialized_exported_program.json</c>). Entries are
/// never compressed, so none is larger than the file.
/// </summary>
internal sealed class ProgramArchive : IDisposable
{
    private const int MaxProgram = 1 << 30;
    private const string OldProgram = "serialized_exported_program.json";

    private static readonly JsonSerializerOptions Options = new()
    {
        AllowDuplicateProperties = false, RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true,
            Converters = { new ValueConverter() },
    };

    private readonly SafeFileHandle file;
    private readonly MappedFile? mapped;
    private readonly ZipDirectory zip;
    private readonly string root;
    private readonly string model;
    private readonly Dictionary<StoredBlock, Tensor> blocks = [];

    /// <param name="path">The file.</param>
    /// <param name="mmap">Whether tensors stay in the file, which is mapped into memory.</param>
    internal ProgramArchive(string path, bool mmap = false)
    {
        file = File.OpenHandle(path);
        try
        {
            zip = new ZipDirectory(file);
            (root, model) = Layout();
            mapped = mmap ? new(file) : null;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Whether the archive has PyTorch 2.6's layout.</summary>
    private bool IsOld => model.Length == 0;

    /// <summary>The program.</summary>
    internal ExportedProgram Program() => ExportedProgram.Parse(Read(IsOld ? root + OldProgram : $"{root}models/{model}.json"));

    /// <summary>The tensors of its <c>state_dict</c>, parameters and buffers, each where the file has it.</summary>
    internal IReadOnlyDictionary<string, StoredTensor> Weights() => IsOld ? Pickled("serialized_state_dict.pt") : Listed("weights");

    /// <summary>Its other tensors: constants, and buffers that no <c>state_dict</c> has.</summary>
    internal IReadOnlyDictionary<string, StoredTensor> Constants() => IsOld ? Pickled("serialized_constants.pt") : Listed("constants");

    /// <summary>Reads a tensor. Those that lie on one storage share it.</summary>
    internal Tensor Load(StoredTensor tensor) => tensor.Load(file, blocks, mapped);

    /// <summary>Checks that the storages, which may lie over each other in the file, are not much more than it.</summary>
    internal void CheckSize(IEnumerable<StoredTensor> tensors)
    {
        var bytes = tensors.Select(tensor => tensor.block).Distinct().Aggregate((Int128)0, (sum, block)
            => sum + block.count * block.type.size);
        var length = RandomAccess.GetLength(file);
        if (bytes > 2 * (Int128)length)
            throw new InvalidDataException($"has {length} bytes and storages of {bytes}, which lie over each other");
    }

    public void Dispose()
    {
        foreach (var block in blocks.Values)
            block.Dispose();
        mapped?.Dispose();
        file.Dispose();
    }

    private (string Root, string Model) Layout()
    {
        if (zip.Names.FirstOrDefault(name => name == OldProgram || name.EndsWith("/" + OldProgram, StringComparison.Ordinal)) is { } old)
            return (old[..^OldProgram.Length], "");
        string[] programs = [.. zip.Names.Where(name => name.EndsWith(".json", StringComparison.Ordinal)
            && name.Split('/') is [.., "models", _])];
        return programs switch
        {
            [var only] => (only[..(only.LastIndexOf("models/", StringComparison.Ordinal))],
                only[(only.LastIndexOf('/') + 1)..^".json".Length]),
            [] => throw new InvalidDataException(
                "is a zip file, but no exported program: it has no 'models/….json'. Write it with torch.export.save"),
            _ => throw new NotSupportedException($"it has {programs.Length} programs, and there must be one"),
        };
    }

    private byte[] Read(string name)
    {
        var (position, length) = zip.Find(name);
        return length <= MaxProgram ? new FileRange(file, position, position + length).Read((ulong)length)
            : throw new InvalidDataException($"has {length} bytes of '{name}', more than the {MaxProgram} allowed");
    }

    private Dictionary<string, StoredTensor> Pickled(string name)
    {
        if (!zip.Contains(root + name) || zip.Find(root + name) is not { length: > 0 } place)
            return [];
        var content = PthZip.Read(file, place.position, place.length);
        return StateDict.AtRoot(content);
    }

    private Dictionary<string, StoredTensor> Listed(string kind)
    {
        var folder = $"{root}data/{kind}/";
        var list = $"{folder}{model}_{kind}_config.json";
        if (!zip.Contains(list))
            return [];
        WeightsConfig config;
        try
        {
            config = JsonSerializer.Deserialize<WeightsConfig>(Read(list), Options) ?? throw new JsonException();
        }
        catch (JsonException error)
        {
            throw new InvalidDataException($"has a damaged list of its {kind}", error);
        }
        if (config.config.ContainsValue(null!))
            throw new InvalidDataException($"has a damaged list of its {kind}");
        return config.config.ToDictionary(entry => entry.Key, entry => Stored(entry.Key, entry.Value, folder), StringComparer.Ordinal);
    }

    private StoredTensor Stored(string name, WeightEntry entry, string folder)
    {
        if (entry.use_pickle || entry.tensor_meta is not { } meta)
            throw new NotSupportedException(
                $"its tensor '{name}' is of a class of its own, which only PyTorch can read: export the model with plain tensors");
        var (position, length) = zip.Find(folder + entry.path_name);
        var type = ElementType.Of(Elements.Type(meta.dtype));
        var (sizes, strides, offset) = (Numbers(meta.sizes, name), Numbers(meta.strides, name), Numbers([meta.storage_offset], name)[0]);
        StoredTensor.Check($"'{entry.path_name}'", sizes, strides, offset, length / type.size);
        return new(new(type, position, length / type.size, !BitConverter.IsLittleEndian), offset, sizes, strides);
    }

    private static long[] Numbers(List<Value> values, string name)
        => [.. values.Select(value => value is Value.Constant { Item: long and >= 0 and var number } ? number
            : throw new InvalidDataException($"has tensor '{name}' with a size that is no number"))];
}

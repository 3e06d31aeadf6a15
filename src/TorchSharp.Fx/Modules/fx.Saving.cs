using System.Globalization;
using System.Text;
using System.Text.Json;
using static TorchSharp.torch;

namespace TorchSharp.Fx;

public static partial class fx
{
    private const string MetadataKey = "torchsharp.fx";
    private const int Version = 1;

    /// <summary>
    /// Saves the graphs and weights of a graph module or feature extractor in one file that
    /// <see cref="load(string, IEnumerable{Type}, Device)"/> reads without the model's code. The file is a safetensors file;
    /// <c>docs/saved-graphs.md</c> describes what is in it. Counterpart: <c>torch.export.save</c>.
    /// </summary>
    /// <param name="graph_module">A module that <c>symbolic_trace</c> or <c>create_feature_extractor</c> made.</param>
    /// <param name="path">The file. An existing file is replaced only when the new one is complete.</param>
    /// <param name="allowed_types">Your own types that the file may name, e.g. the type of a result or one with leaf functions. The program
    /// that loads the file must have them.</param>
    /// <exception cref="NotSupportedException">Something in the graph can't be written down; the message names the node or module and the
    /// way out.</exception>
    public static void save(nn.Module graph_module, string path, IEnumerable<Type>? allowed_types = null)
    {
        ArgumentNullException.ThrowIfNull(graph_module);
        if (graph_module is not IGraphModule)
            throw new ArgumentException(
                $"{graph_module.GetType().Name} is no graph module: save what fx.symbolic_trace or "
                    + "feature_extraction.create_feature_extractor makes of it.", nameof(graph_module));
        using var writer = new ModuleWriter(new SavedTypes(allowed_types));
        using var buffer = new MemoryStream();
        using (var json =
            new Utf8JsonWriter(buffer,
                new JsonWriterOptions { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            json.WriteNumber("version", Version);
            json.WritePropertyName("module");
            writer.Write(json, graph_module, "");
            json.WriteEndObject();
        }
        Safetensors.save_file(writer.Tensors, path,
            new Dictionary<string, string> { [MetadataKey] = Encoding.UTF8.GetString(buffer.GetBuffer(), 0, (int)buffer.Length) });
    }

    /// <summary>
    /// Loads a file that <see cref="save"/> wrote. The file contains no code: its graphs may call only TorchSharp's public operations and
    /// the types that the caller allows. The result is a module of the type that was saved, e.g. <see cref="GraphModule{T1, TResult}"/> or
    /// <see cref="DualGraphModule{T1}"/>, and disposing it disposes its weights. Counterpart: <c>torch.export.load</c>. With the package
    /// TorchSharp.Fx.Export it also loads a program that PyTorch exported (<c>.pt2</c>), like <c>export.load</c>; with TorchSharp.Fx.Onnx
    /// an <c>.onnx</c> file, like <c>onnx.load</c>.
    /// </summary>
    /// <param name="path">A file that <see cref="save"/> or <c>torch.export.save</c> wrote, or an ONNX model whose name ends in
    /// <c>.onnx</c>.</param>
    /// <param name="allowed_types">Your own types that the file may name.</param>
    /// <param name="device">The device of the weights; the CPU when null.</param>
    /// <exception cref="InvalidDataException">The file is damaged, of another version, or names something that isn't allowed; the message
    /// says which part.</exception>
    /// <exception cref="NotSupportedException">The package that reads such files is missing; the message names it.</exception>
    public static nn.Module load(string path, IEnumerable<Type>? allowed_types = null, Device? device = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        using var file = File.OpenRead(path);
        if (ForeignFormat.Of(path, file) is { } foreign)
            return foreign.Load(path, device);
        var header = SafetensorsHeader.Read(file);
        if (!header.Metadata.TryGetValue(MetadataKey, out var text))
            throw new InvalidDataException($"{path} holds tensors but no graph: it was not written by fx.save.");
        try
        {
            using var json = JsonDocument.Parse(text, new JsonDocumentOptions { AllowDuplicateProperties = false });
            CheckVersion(json.RootElement);
            using var reader =
                new ModuleReader(new SavedTypes(allowed_types), header.Entries.ToDictionary(entry => entry.name, StringComparer.Ordinal),
                    entry => Safetensors.Read(file, entry));
            var module = reader.Read(json.RootElement.Field("module"));
            return device is null ? module : module.to(device);
        }
        catch (Exception error)
            when (error is InvalidDataException or JsonException or InvalidOperationException or ArgumentException or NotSupportedException)
        {
            throw new InvalidDataException($"{path} can't be loaded: {error.Message.TrimEnd('.')}.", error);
        }
    }

    /// <summary>Like <see cref="load(string, IEnumerable{Type}, Device)"/>, for a module of a known type.</summary>
    /// <exception cref="InvalidDataException">The file has a module of another type, or can't be loaded for another reason.</exception>
    public static TModule load<TModule>(string path, IEnumerable<Type>? allowed_types = null, Device? device = null)
        where TModule : nn.Module
    {
        return Expected<TModule>(path, load(path, allowed_types, device));
    }

    /// <summary>A file's module as the type that the caller names; another one is disposed and refused.</summary>
    internal static TModule Expected<TModule>(string path, nn.Module module) where TModule : nn.Module
    {
        if (module is TModule expected)
            return expected;
        var found = CSharpNames.OfType(module.GetType());
        module.Dispose();
        throw new InvalidDataException($"{path} holds a {found}, not a {CSharpNames.OfType(typeof(TModule))}.");
    }

    private static void CheckVersion(JsonElement json)
    {
        if (!json.Field("version").TryGetInt32(out var version) || version != Version)
            throw new InvalidDataException(
                string.Create(CultureInfo.InvariantCulture,
                    $"its version is {SavedJson.Excerpt(json.Field("version"))}, and this library reads version {Version}"));
    }
}

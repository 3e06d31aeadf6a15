using System.IO.Compression;
using System.Text.Encodings.Web;
using System.Text.Json;
using TorchSharp.Fx.Vision;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Explorers;

/// <summary>The values of chosen nodes as files and as code, the same as <c>torchfx extract</c> and <c>torchfx run</c> give.</summary>
internal static class Extracts
{
    private static readonly JsonSerializerOptions Plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The C# lines and the command that extract these nodes.</summary>
    internal static object Code(Session session, GraphView view, string[] nodes, ExploredInput? input)
    {
        Check(view, nodes);
        return new { csharp = new ExtractingCode(session, view, nodes, input).ToString(), command = Command(session, view, nodes, input) };
    }

    /// <summary>The values of nodes: a .safetensors file, a .npy file, or an archive of several.</summary>
    internal static object Download(Session session, GraphView view, string[] nodes, ExploredInput input, string format)
    {
        if (nodes.Length == 0)
            throw new ArgumentException("No nodes are chosen.");
        if (format is not ("safetensors" or "npy"))
            throw new ArgumentException($"The formats are safetensors and npy, not '{format}'.");
        Check(view, nodes);
        var tensors = view.Key is { Mode: ViewKey.Eval, Form: ViewKey.Plain } ? Extracted(session, nodes, input)
            : nodes.Distinct().ToDictionary(node => node, node => session.Values.TensorOf(view, view.Shown(node), input).contiguous());
        var name = input.IsImage ? Path.GetFileNameWithoutExtension(input.Name) : "features";
        if (format == "safetensors")
            return new NodeDownload($"{name}.safetensors",
                Bytes(".safetensors", path => Safetensors.save_file(tensors, path, About(session, input))));
        var files = tensors.Select(feature
            => ($"{name}.{feature.Key.Replace('/', '_')}.npy", Bytes(".npy", path => Npy.save(path, feature.Value)))).ToArray();
        return files is [var (only, content)] ? new NodeDownload(only, content) : new NodeDownload($"{name}.zip", Zip(files));
    }

    /// <summary>The model's inputs, for the code and the command that read it.</summary>
    internal static object Inputs(Session session, ExploredInput input)
    {
        var names = Placeholders(session);
        var tensors = input.Tensors.ByName.ToDictionary(entry => input.IsImage ? names[0] : entry.Key, entry => entry.Value.contiguous());
        return new NodeDownload("inputs.safetensors", Bytes(".safetensors", path => Safetensors.save_file(tensors, path)));
    }

    /// <summary>Each graph has nodes of its own: an optimised copy has none for what another node computes in passing.</summary>
    private static void Check(GraphView view, string[] nodes)
    {
        if (nodes.FirstOrDefault(name => view.FindPart(name) is null && !view.Has(name)) is { } missing)
            throw new ArgumentException(
                $"The graph of {view.Key} has no node '{missing}': leave it out, or choose it in the graph that has it.");
    }

    /// <summary>The files that <c>torchfx extract</c> and <c>torchfx run</c> write.</summary>
    private static Dictionary<string, Tensor> Extracted(Session session, string[] nodes, ExploredInput input)
    {
        using var extractor = Extractor(session, nodes);
        using var features = Call(session, extractor, input);
        return features.ToDictionary(feature => feature.Key, feature => feature.Value.contiguous());
    }

    private static DualGraphModule Extractor(Session session, string[] nodes)
    {
        var extractor = feature_extraction.create_feature_extractor(
            session.Model.Model, nodes, tracer_kwargs: session.Model.TracerKwargs.Only(training: false), suppress_diff_warning: true);
        extractor.eval();
        return extractor;
    }

    /// <summary>The names of the model's inputs.</summary>
    internal static string[] Placeholders(Session session)
        => [.. session.View(new(ViewKey.Eval, ViewKey.Plain)).Graph.find_nodes(Opcode.placeholder).Select(node => node.target.name)];

    private static Features Call(Session session, DualGraphModule extractor, ExploredInput input)
        => extractor.call(input.IsImage ? [input.Tensors.ByName["0"]]
            : session.Model.Bind(extractor.eval_graph, input.Tensors.ByName, input.Name));

    private static Dictionary<string, string>? About(Session session, ExploredInput input) => !input.IsImage ? null : new()
    {
        ["model"] = session.Model.Name, ["weights"] = session.Model.Weights,
        ["images"] = JsonSerializer.Serialize(new[] { input.Name }, Plain),
    };

    /// <summary>The writers write files.</summary>
    private static byte[] Bytes(string ending, Action<string> write)
    {
        var folder = Directory.CreateTempSubdirectory("torchfx");
        try
        {
            var path = Path.Combine(folder.FullName, "file" + ending);
            write(path);
            return File.ReadAllBytes(path);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static byte[] Zip((string Name, byte[] Content)[] files)
    {
        using var archive = new MemoryStream();
        using (var zip = new ZipArchive(archive, ZipArchiveMode.Create, leaveOpen: true))
            foreach (var (name, content) in files)
            {
                using var entry = zip.CreateEntry(name, CompressionLevel.NoCompression).Open();
                entry.Write(content);
            }
        return archive.ToArray();
    }

    private static string Command(Session session, GraphView view, string[] nodes, ExploredInput? input)
    {
        if (view.Key is not { Mode: ViewKey.Eval, Form: ViewKey.Plain })
            return $"# No command has the graph of {view.Key}: take the C#.";
        var model = session.Model;
        string[] asked = ["--nodes", string.Join(',', nodes), .. model.Options, "--out"];
        string[] words = input is { IsImage: false } || model.Preprocessing is null
            ? ["run", model.Name, "--inputs", "inputs.safetensors", .. asked, "features.safetensors"]
            : ["extract", model.Name, input?.Name ?? "photo.jpg", .. asked, "features"];
        return "torchfx " + string.Join(' ', words.Select(Quoted));
    }

    private static string Quoted(string word) => word.Length > 0
        && word.All(letter => char.IsAsciiLetterOrDigit(letter) || "-_./:,=+@".Contains(letter, StringComparison.Ordinal))
        ? word : $"'{word.Replace("'", @"'\''", StringComparison.Ordinal)}'";
}

using System.Formats.Tar;
using System.IO.Compression;
using System.Runtime.CompilerServices;

namespace TorchSharp.Fx.Onnx.Tests.Importing;

/// <summary>The folders of ONNX's own tests, written out from the archive in the test data.</summary>
public sealed class NodeTestFiles : IDisposable
{
    private readonly string root = Directory.CreateTempSubdirectory().FullName;

    public NodeTestFiles()
    {
        using var file = File.OpenRead(Archive());
        using var unpacked = new BrotliStream(file, CompressionMode.Decompress);
        TarFile.ExtractToDirectory(unpacked, Directory.CreateDirectory(root).FullName, overwriteFiles: false);
    }

    /// <summary>The names of the tests, without unpacking them.</summary>
    internal static string[] Names { get; } = [.. Entries().Select(name => name.Split('/')[1]).Distinct()];

    /// <summary>The operators or models that tests are named after.</summary>
    public static TheoryData<string> Families => [.. Names.Select(Family).Distinct()];

    internal IEnumerable<string> Of(string family) =>
        Directory.GetDirectories(root).SelectMany(Directory.GetDirectories).Where(folder =>
        Family(Path.GetFileName(folder)) == family).Order(StringComparer.Ordinal);

    /// <summary>All models.</summary>
    internal string[] Models => [.. Directory.GetFiles(root, "model.onnx", SearchOption.AllDirectories).Order(StringComparer.Ordinal)];

    public void Dispose() => Directory.Delete(root, recursive: true);

    /// <summary>The first word behind <c>test_</c>; there are too many reductions for one.</summary>
    private static string Family(string name) => name.Split('_') is [_, "reduce" or "operator" or "simple" or "sequence", var second, ..] ? second
        : name.Split('_')[1];

    private static IEnumerable<string> Entries()
    {
        using var file = File.OpenRead(Archive());
        using var unpacked = new BrotliStream(file, CompressionMode.Decompress);
        using var tar = new TarReader(unpacked);
        var names = new List<string>();
        while (tar.GetNextEntry() is { } entry)
            names.Add(entry.Name);
        return names;
    }

    private static string Archive([CallerFilePath] string source = "") =>
        Path.Combine(Path.GetDirectoryName(source)!, "../../data/onnx-nodes.tar.br");
}

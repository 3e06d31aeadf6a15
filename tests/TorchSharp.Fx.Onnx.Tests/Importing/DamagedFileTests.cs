using TorchSharp.Fx.Testing;

namespace TorchSharp.Fx.Onnx.Tests.Importing;

/// <summary>Files with random damage load or are refused: quickly, in little memory, and with nothing but the loader's own
/// exceptions.</summary>
/// <remarks>A few seconds each time; TORCHFX_FUZZ_FILES sets how many files instead, TORCHFX_FUZZ_SEED with which to begin.</remarks>
public sealed class DamagedFileTests(NodeTestFiles nodes) : IClassFixture<NodeTestFiles>, IDisposable
{
    // What opening any file costs, however small: buffers, handles, the graph, the tracing of converters, the exception and its stack.
    private const long Fixed = 64_000_000;

    private readonly string folder = Directory.CreateTempSubdirectory().FullName;

    private string File => Path.Combine(folder, "model.onnx");

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void Damaged_files_load_or_are_refused()
    {
        var originals = nodes.Models;
        var contents = Array.ConvertAll(originals, System.IO.File.ReadAllBytes);
        new FileFuzz(File, error => error is InvalidDataException or OnnxImportException, _ => Fixed).Run(random
            => (Wounds.Damaged(contents[random.Next(contents.Length)], random, contents), () =>
            {
                onnx.load(File).Dispose();
                return 0;
            }));
    }
}

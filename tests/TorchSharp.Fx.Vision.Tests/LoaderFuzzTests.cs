using TorchSharp.Fx.Testing;
using Xunit;

namespace TorchSharp.Fx.Vision.Tests;

/// <summary>Files with random damage load or are refused: quickly, in little memory, and with nothing but the loaders' own exception.</summary>
/// <remarks>A few seconds each time; TORCHFX_FUZZ_FILES sets how many files instead, TORCHFX_FUZZ_SEED with which to begin.</remarks>
public sealed class LoaderFuzzTests : IDisposable
{
    // What opening any file costs, however small: buffers, handles, the exception and its stack.
    private const long Fixed = 200_000;

    private readonly string file = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}.pth");

    public void Dispose() => File.Delete(file);

    [Fact]
    public void Damaged_files_load_or_are_refused()
    {
        var originals = Directory.GetFiles(Golden.PathOf("checkpoints")).Where(path => !path.EndsWith(".json", StringComparison.Ordinal)).Order().ToArray();
        var contents = Array.ConvertAll(originals, File.ReadAllBytes);
        new FileFuzz(file, error => error is InvalidDataException, length => 2 * length + Fixed).Run(random =>
        {
            var original = random.Next(contents.Length);
            var bytes = Wounds.Damaged(contents[original], random, contents);
            // Pth reads all formats, Safetensors its own.
            var own = originals[original].EndsWith(".safetensors", StringComparison.Ordinal) && random.Next(2) == 0;
            // Bytes that tensors have in common are counted once, as in memory.
            return (bytes, () => (own ? Safetensors.load_file(file) : Pth.load_file(file)).Count == 0 ? 0 : bytes.Length);
        });
    }
}

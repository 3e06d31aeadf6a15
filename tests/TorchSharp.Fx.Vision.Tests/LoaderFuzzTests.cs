using System.Diagnostics;
using System.Globalization;
using TorchSharp.Fx.Testing;
using Xunit;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Vision.Tests;

/// <summary>Files with random damage load or are refused: quickly, in little memory, and with nothing but the loaders' own exception.</summary>
/// <remarks>A few seconds each time; TORCHFX_FUZZ_FILES sets how many files instead, TORCHFX_FUZZ_SEED with which to begin.</remarks>
public sealed class LoaderFuzzTests : IDisposable
{
    // What opening any file costs, however small: buffers, handles, the exception and its stack.
    private const long Fixed = 200_000;

    private static readonly TimeSpan limit = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan bounded = TimeSpan.FromSeconds(6);
    private readonly string file = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}.pth");

    public void Dispose() => File.Delete(file);

    [Fact]
    public void Damaged_files_load_or_are_refused()
    {
        var originals = Directory.GetFiles(Golden.PathOf("checkpoints")).Where(path => !path.EndsWith(".json", StringComparison.Ordinal)).Order().ToArray();
        var contents = Array.ConvertAll(originals, File.ReadAllBytes);
        var (files, first) = (Number("TORCHFX_FUZZ_FILES"), Number("TORCHFX_FUZZ_SEED") ?? 0);
        var clock = Stopwatch.StartNew();
        var (loaded, n) = (0, 0);
        for (; files is null ? clock.Elapsed < bounded : n < files; n++)
        {
            var (seed, random) = (first + n, new Random(first + n));
            var original = random.Next(contents.Length);
            var bytes = Damaged(contents[original], contents, random);
            File.WriteAllBytes(file, bytes);
            // Pth reads all formats, Safetensors its own.
            var own = originals[original].EndsWith(".safetensors", StringComparison.Ordinal) && random.Next(2) == 0;
            if (Load(seed, bytes.Length, own ? path => Safetensors.load_file(path) : path => Pth.load_file(path))) loaded++;
        }
        Assert.InRange(loaded, n / 100, n - n / 100);
        TestContext.Current.SendDiagnosticMessage("{0} files in {1:0.0} s, {2} of them loaded.", n, clock.Elapsed.TotalSeconds, loaded);
    }

    private static int? Number(string variable) =>
        int.TryParse(Environment.GetEnvironmentVariable(variable), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;

    private bool Load(int seed, long length, Func<string, Dictionary<string, Tensor>> read)
    {
        var clock = Stopwatch.StartNew();
        var loaded = Once(seed, length, read);
        if (clock.Elapsed < limit) return loaded;
        // A busy machine can stop any of them; a slow file is slow again.
        clock.Restart();
        Once(seed, length, read);
        Assert.True(clock.Elapsed < limit || Debugger.IsAttached, $"File {seed} takes {clock.Elapsed}.");
        return loaded;
    }

    private bool Once(int seed, long length, Func<string, Dictionary<string, Tensor>> read)
    {
        using var scope = NewDisposeScope();
        var before = GC.GetAllocatedBytesForCurrentThread();
        long tensors = 0;
        bool loaded;
        try
        {
            // Bytes that tensors have in common are counted once, as in memory.
            var blocks = read(file).Values;
            tensors = blocks.Count == 0 ? 0 : length;
            loaded = true;
        }
        catch (InvalidDataException e)
        {
            Assert.StartsWith(file, e.Message, StringComparison.Ordinal);
            loaded = false;
        }
        catch (Exception e)
        {
            throw new InvalidOperationException($"File {seed} is refused with another exception than it should be.", e);
        }
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.True(allocated + tensors <= 2 * length + Fixed, $"File {seed} of {length} bytes takes {allocated} bytes beside its tensors.");
        return loaded;
    }

    // One to eight wounds of the kinds that find bugs: flipped bits, extreme numbers, pieces lost, doubled or of another file.
    private static byte[] Damaged(byte[] original, byte[][] others, Random random)
    {
        var bytes = original.ToList();
        for (var wounds = 1 << random.Next(4); wounds > 0 && bytes.Count > 1; wounds--)
        {
            var at = random.Next(bytes.Count);
            var length = Math.Min(random.Next(1, 33), bytes.Count - at);
            switch (random.Next(8))
            {
                case 0 or 1: bytes[at] ^= (byte)(1 << random.Next(8)); break;
                case 2: bytes[at] = (byte)random.Next(256); break;
                case 3: for (var i = 0; i < Math.Min(length, 8); i++) bytes[at + i] = 0xff; break;
                case 4: bytes.RemoveRange(at, length); break;
                case 5: bytes.InsertRange(at, bytes.GetRange(at, length)); break;
                case 6: bytes.RemoveRange(at, bytes.Count - at); break;
                default:
                    var other = others[random.Next(others.Length)];
                    var from = random.Next(other.Length);
                    bytes.InsertRange(at, other.Skip(from).Take(length));
                    break;
            }
        }
        return [.. bytes];
    }
}

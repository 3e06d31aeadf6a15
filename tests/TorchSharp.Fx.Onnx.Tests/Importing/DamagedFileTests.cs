using System.Diagnostics;
using System.Globalization;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx.Tests.Importing;

/// <summary>Files with random damage load or are refused: quickly, in little memory, and with nothing but the loader's own
/// exceptions.</summary>
/// <remarks>A few seconds each time; TORCHFX_FUZZ_FILES sets how many files instead, TORCHFX_FUZZ_SEED with which to begin.</remarks>
public sealed class DamagedFileTests(NodeTestFiles nodes) : IClassFixture<NodeTestFiles>, IDisposable
{
    // What opening any file costs, however small: buffers, handles, the graph, the tracing of converters, the exception and its stack.
    private const long Fixed = 64_000_000;

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(1), Bounded = TimeSpan.FromSeconds(6);
    private readonly string folder = Directory.CreateTempSubdirectory().FullName;

    private string File => Path.Combine(folder, "model.onnx");

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void Damaged_files_load_or_are_refused()
    {
        var originals = nodes.Models;
        var contents = Array.ConvertAll(originals, System.IO.File.ReadAllBytes);
        var (files, first) = (Number("TORCHFX_FUZZ_FILES"), Number("TORCHFX_FUZZ_SEED") ?? 0);
        var clock = Stopwatch.StartNew();
        var (loaded, n) = (0, 0);
        for (; files is null ? clock.Elapsed < Bounded : n < files; n++)
        {
            var random = new Random(first + n);
            var bytes = Damaged(contents[random.Next(contents.Length)], contents, random);
            System.IO.File.WriteAllBytes(File, bytes);
            if (Load(first + n))
                loaded++;
        }
        Assert.InRange(loaded, n / 100, n - n / 100);
        TestContext.Current.SendDiagnosticMessage("{0} files in {1:0.0} s, {2} of them loaded.", n, clock.Elapsed.TotalSeconds, loaded);
    }

    private static int? Number(string variable)
        => int.TryParse(Environment.GetEnvironmentVariable(variable), NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number : null;

    private bool Load(int seed)
    {
        var clock = Stopwatch.StartNew();
        var loaded = Once(seed);
        if (clock.Elapsed < Limit)
            return loaded;
        // A busy machine can stop any of them; a slow file is slow again.
        clock.Restart();
        Once(seed);
        Assert.True(clock.Elapsed < Limit || Debugger.IsAttached, $"File {seed} takes {clock.Elapsed}.");
        return loaded;
    }

    private bool Once(int seed)
    {
        using var scope = NewDisposeScope();
        var before = GC.GetAllocatedBytesForCurrentThread();
        bool loaded;
        try
        {
            onnx.load(File).Dispose();
            loaded = true;
        }
        catch (Exception error) when (error is InvalidDataException or OnnxImportException)
        {
            Assert.StartsWith(File, error.Message, StringComparison.Ordinal);
            loaded = false;
        }
        catch (Exception error)
        {
            System.IO.File.Copy(File, Path.Combine(Path.GetTempPath(), $"damaged-{seed}.onnx"), true);
            throw new InvalidOperationException($"File {seed} is refused with another exception than it should be.", error);
        }
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.True(allocated <= Fixed, $"File {seed} takes {allocated} bytes.");
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
                    bytes.InsertRange(at, other.Skip(random.Next(other.Length)).Take(length));
                    break;
            }
        }
        return [.. bytes];
    }
}

using System.Diagnostics;
using System.Globalization;
using Xunit;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Testing;

/// <summary>Reads damaged files one after the other: each loads or is refused, quickly, in little memory, and with nothing but the reader's own exceptions.</summary>
/// <remarks>A few seconds each time; TORCHFX_FUZZ_FILES sets how many files instead, TORCHFX_FUZZ_SEED with which to begin.</remarks>
/// <param name="file">Where each is written.</param>
/// <param name="isRefusal">Whether an exception is the reader's own.</param>
/// <param name="mayTake">How many bytes a file of a length may take.</param>
internal sealed class FileFuzz(string file, Predicate<Exception> isRefusal, Func<long, long> mayTake)
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(1), Bounded = TimeSpan.FromSeconds(6);

    /// <param name="next">Makes a file, and says how it is loaded; that gives the bytes of the tensors in it, where they count.</param>
    internal void Run(Func<Random, (byte[] Bytes, Func<long> Load)> next)
    {
        var (files, first) = (Number("TORCHFX_FUZZ_FILES"), Number("TORCHFX_FUZZ_SEED") ?? 0);
        var clock = Stopwatch.StartNew();
        var (loaded, n) = (0, 0);
        for (; files is null ? clock.Elapsed < Bounded : n < files; n++)
        {
            var (bytes, load) = next(new Random(first + n));
            File.WriteAllBytes(file, bytes);
            if (Quickly(first + n, bytes.Length, load))
                loaded++;
        }
        Assert.InRange(loaded, n / 100, n - n / 100);
        TestContext.Current.SendDiagnosticMessage("{0} files in {1:0.0} s, {2} of them loaded.", n, clock.Elapsed.TotalSeconds, loaded);
    }

    private static int? Number(string variable)
        => int.TryParse(Environment.GetEnvironmentVariable(variable), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;

    private bool Quickly(int seed, long length, Func<long> load)
    {
        var clock = Stopwatch.StartNew();
        var loaded = Once(seed, length, load);
        if (clock.Elapsed < Limit)
            return loaded;
        // A busy machine can stop any of them; a slow file takes the processor as long again.
        var before = Environment.CpuUsage.TotalTime;
        Once(seed, length, load);
        var taken = Environment.CpuUsage.TotalTime - before;
        Assert.True(taken < Limit || Debugger.IsAttached, $"File {seed} takes {taken}.");
        return loaded;
    }

    private bool Once(int seed, long length, Func<long> load)
    {
        using var scope = NewDisposeScope();
        var before = GC.GetAllocatedBytesForCurrentThread();
        var (loaded, tensors) = (false, 0L);
        try
        {
            tensors = load();
            loaded = true;
        }
        catch (Exception error) when (isRefusal(error))
        {
            Assert.StartsWith(file, error.Message, StringComparison.Ordinal);
        }
        catch (Exception error)
        {
            throw new InvalidOperationException($"File {seed} is refused with another exception than it should be.", error);
        }
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.True(allocated + tensors <= mayTake(length), $"File {seed} of {length} bytes takes {allocated} bytes beside its tensors.");
        return loaded;
    }
}

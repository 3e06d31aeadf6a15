using System.Diagnostics;
using System.Globalization;
using System.Text;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.Runtime.Saving;

/// <summary>Saved graphs with random damage load or are refused: quickly, in little memory, with nothing but the loader's own exception, and without running anything.</summary>
/// <remarks>A few seconds each time; TORCHFX_FUZZ_FILES sets how many files instead.</remarks>
[Collection("Tensor counts")]
public sealed class SavedFuzzTests : IDisposable
{
    // What a graph of this size takes however it is damaged: JSON, nodes, modules, the exception and its stack.
    private const long Memory = 20_000_000;

    private static readonly TimeSpan Bounded = TimeSpan.FromSeconds(4);
    private static readonly TimeSpan Slowest = TimeSpan.FromSeconds(1);
    private static readonly string[] Words = ["null", "true", "-1", "9223372036854775807", "1e400", "\"\"", "{}", "[]", "\"x\"", "\"Tensor\"", "\"save\"", "\"Dispose\"", "[\"List\",\"Tensor\"]", "\"TorchSharp.torch\""];
    private readonly SavedFile file = new();

    public void Dispose() => file.Dispose();

    [Fact]
    public void Damaged_graphs_load_or_are_refused()
    {
        var original = Original();
        var files = int.TryParse(Environment.GetEnvironmentVariable("TORCHFX_FUZZ_FILES"), NumberStyles.None, CultureInfo.InvariantCulture, out var count) ? count : (int?)null;
        var clock = Stopwatch.StartNew();
        var (loaded, n) = (0, 0);
        for (; files is null ? clock.Elapsed < Bounded : n < files; n++)
        {
            File.WriteAllBytes(file.Path, Damaged(original, new Random(n)));
            var (isLoaded, time) = Load(n);
            // A busy machine may be slow once; a file that is, is so each time.
            for (var again = 0; again < 2 && time > Slowest; again++)
                time = Load(n).Time;
            Assert.True(time < Slowest, $"File {n} takes {time}.");
            if (isLoaded) loaded++;
        }
        Assert.InRange(loaded, 1, n - n / 20);
        TestContext.Current.SendDiagnosticMessage("{0} files in {1:0.0} s, {2} of them loaded.", n, clock.Elapsed.TotalSeconds, loaded);
    }

    private byte[] Original()
    {
        using var extractor = feature_extraction.create_feature_extractor(new Small(), ["block", "head"], tracer_kwargs: new() { leaf_modules = [typeof(Block)] });
        fx.save(extractor, file.Path);
        return File.ReadAllBytes(file.Path);
    }

    private (bool IsLoaded, TimeSpan Time) Load(int seed)
    {
        var (clock, before) = (Stopwatch.StartNew(), GC.GetAllocatedBytesForCurrentThread());
        try
        {
            using var module = fx.load(file.Path);
            return (true, clock.Elapsed);
        }
        catch (InvalidDataException refusal)
        {
            Assert.StartsWith(file.Path, refusal.Message, StringComparison.Ordinal);
            return (false, clock.Elapsed);
        }
        catch (Exception e)
        {
            throw new InvalidOperationException($"File {seed} is refused with another exception than it should be.", e);
        }
        finally
        {
            Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < Memory, $"File {seed} takes {GC.GetAllocatedBytesForCurrentThread() - before} bytes.");
        }
    }

    /// <summary>One to three changes of the header, whose length is put right again so that more than the first check is reached.</summary>
    private static byte[] Damaged(byte[] original, Random random)
    {
        var length = (int)BitConverter.ToUInt64(original);
        var text = Encoding.UTF8.GetString(original, 8, length);
        for (var changes = random.Next(1, 4); changes > 0; changes--)
            text = random.Next(5) switch
            {
                0 => Exchanged(text, random),
                1 => Replaced(text, random, Words[random.Next(Words.Length)].Replace("\"", "\\\"", StringComparison.Ordinal)),
                2 => Replaced(text, random, ""),
                3 => text.Insert(random.Next(text.Length), ((char)random.Next(32, 127)).ToString()),
                _ => Numbered(text, random),
            };
        var header = Encoding.UTF8.GetBytes(text);
        var data = original.AsSpan(8 + length);
        return [.. BitConverter.GetBytes((ulong)header.Length), .. header, .. random.Next(20) == 0 ? data[..random.Next(data.Length)] : data];
    }

    /// <summary>The value of one member in the place of another's.</summary>
    private static string Exchanged(string text, Random random)
    {
        var (from, to) = (Value(text, random), Value(text, random));
        return string.Concat(text.AsSpan(0, to.Start), text.AsSpan(from.Start, from.Length), text.AsSpan(to.Start + to.Length));
    }

    private static string Replaced(string text, Random random, string word)
    {
        var (start, length) = Value(text, random);
        return string.Concat(text.AsSpan(0, start), word, text.AsSpan(start + length));
    }

    private static string Numbered(string text, Random random)
    {
        var digits = text.Index().Where(entry => char.IsAsciiDigit(entry.Item)).Select(entry => entry.Index).ToArray();
        var at = digits[random.Next(digits.Length)];
        return $"{text[..at]}{random.Next(100)}{text[(at + 1)..]}";
    }

    /// <summary>What stands between a colon and the next comma or bracket.</summary>
    private static (int Start, int Length) Value(string text, Random random)
    {
        var start = text.IndexOf(':', random.Next(text.Length / 2)) is var colon and >= 0 ? colon + 1 : 0;
        var length = text.AsSpan(start).IndexOfAny(",}]");
        return (start, Math.Max(length, 0));
    }
}

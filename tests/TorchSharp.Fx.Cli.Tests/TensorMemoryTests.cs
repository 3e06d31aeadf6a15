using System.Globalization;

namespace TorchSharp.Fx.Cli.Tests;

/// <summary>What the tool does about memory, in this process, whose own work is little.</summary>
public sealed class TensorMemoryTests
{
    [Fact]
    public void Memory_that_was_given_back_is_used_again()
    {
        Assert.SkipUnless(TensorMemory.KeepFreed(), "Only glibc can keep it.");
        // Until there is room for one beside what is allocated between them.
        for (var i = 0; i < 10; i++)
            Fill();
        var before = PageFaults();
        for (var i = 0; i < 10; i++)
            Fill();
        // 24 MB are 6,144 pages.
        Assert.InRange(PageFaults() - before, 0, 6144);
    }

    private static void Fill()
    {
        using var tensor = torch.empty(24 << 20, dtype: torch.ScalarType.Byte);
        tensor.bytes.Fill(1);
    }

    /// <summary>How many pages this thread got from the system; proc(5), minflt.</summary>
    private static long PageFaults() => long.Parse(File.ReadAllText("/proc/thread-self/stat").Split(')')[^1].Split(' ')[8], CultureInfo.InvariantCulture);
}

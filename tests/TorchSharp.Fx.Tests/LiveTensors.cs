using System.Runtime;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests;

/// <summary>The count of live tensors, which belongs to the whole process: only for tests that run alone.</summary>
internal static class LiveTensors
{
    /// <summary>Asserts that doing something many times leaves as many live tensors as there were, without help from the garbage collector.</summary>
    internal static void AssertStay(Action work, int times)
    {
        work();
        work();
        Assert.Equal(0, Added(() =>
        {
            for (var i = 0; i < times; i++)
                work();
        }));
    }

    /// <summary>How many live tensors doing something adds, without help from the garbage collector.</summary>
    internal static long Added(Action work)
    {
        // What earlier tests left to the finalizers must not go meanwhile; what this one leaves must not be counted as gone.
        for (var round = 0; round < 4; round++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }
        GC.TryStartNoGCRegion(100_000_000);
        var before = Tensor.TotalCount;
        work();
        var after = Tensor.TotalCount;
        if (GCSettings.LatencyMode == GCLatencyMode.NoGCRegion)
            GC.EndNoGCRegion();
        return after - before;
    }
}

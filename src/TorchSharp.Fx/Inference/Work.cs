using static TorchSharp.torch;

namespace TorchSharp.Fx.Inference;

/// <summary>Divides work over the threads that libtorch would use.</summary>
internal static class Work
{
    /// <summary>So many bytes are worth another thread.</summary>
    internal static readonly long Bytes = OpenMp.IsAvailable ? 1 << 16 : 1 << 19;

    /// <summary>Runs parts of a range, at once where they are worth it.</summary>
    /// <param name="count">How many elements there are.</param>
    /// <param name="least">How many are worth a thread.</param>
    /// <param name="run">Takes where a part starts and ends.</param>
    internal static void Share(long count, long least, Action<long, long> run)
    {
        var parts = (int)Math.Clamp(count / Math.Max(1, least), 1, get_num_threads());
        void Run(int part) => run(count * part / parts, count * (part + 1) / parts);
        if (parts == 1)
            run(0, count);
        else if (OpenMp.IsAvailable)
            OpenMp.Run(parts, Run);
        else
            Parallel.For(0, parts, Run);
    }
}

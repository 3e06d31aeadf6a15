using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;

namespace TorchSharp.Fx.Inference;

/// <summary>
/// The threads that libtorch's kernels run on (libgomp, so Linux). Between kernels they wait spinning, so that work on other threads would
/// share the processors with them.
/// </summary>
internal static unsafe class OpenMp
{
    private static readonly delegate* unmanaged<delegate* unmanaged<IntPtr, void>, IntPtr, uint, uint, void> Parallel;
    private static readonly delegate* unmanaged<int> ThreadNumber, ThreadCount, MostThreads;
    private static readonly delegate* unmanaged<int, void> SetMostThreads;

    static OpenMp()
    {
        // What libtorch's own file refers to, whatever the name of the library is that has it.
        if (!OperatingSystem.IsLinux() || !NativeLibrary.TryLoad("torch_cpu", typeof(OpenMp).Assembly, null, out var library)
            || !NativeLibrary.TryGetExport(library, "omp_get_thread_num", out var number)
            || !NativeLibrary.TryGetExport(library, "omp_get_num_threads", out var count)
            || !NativeLibrary.TryGetExport(library, "omp_get_max_threads", out var most)
            || !NativeLibrary.TryGetExport(library, "omp_set_num_threads", out var setMost)
            || !NativeLibrary.TryGetExport(library, "GOMP_parallel", out var parallel))
            return;
        ThreadNumber = (delegate* unmanaged<int>)number;
        ThreadCount = (delegate* unmanaged<int>)count;
        MostThreads = (delegate* unmanaged<int>)most;
        SetMostThreads = (delegate* unmanaged<int, void>)setMost;
        Parallel = (delegate* unmanaged<delegate* unmanaged<IntPtr, void>, IntPtr, uint, uint, void>)parallel;
    }

    /// <summary>Whether they were found.</summary>
    internal static bool IsAvailable => Parallel != null;

    /// <summary>Runs all parts, at once where there are as many threads.</summary>
    /// <exception cref="Exception">What a part threw; the others run to their ends.</exception>
    internal static void Run(int parts, Action<int> run)
    {
        var job = new Job(parts, run);
        var handle = GCHandle.Alloc(job);
        try
        {
            // All of them, also where there are fewer parts: threads that a team leaves out end, and take longer to start again than any
            // work here.
            Parallel(&RunParts, GCHandle.ToIntPtr(handle), (uint)torch.get_num_threads(), 0);
        }
        finally
        {
            handle.Free();
        }
        job.Error?.Throw();
    }

    /// <summary>Makes something as if there were this thread alone: a primitive that one of the threads is to run by itself.</summary>
    internal static T Alone<T>(Func<T> make)
    {
        var threads = MostThreads();
        SetMostThreads(1);
        try
        {
            return make();
        }
        finally
        {
            SetMostThreads(threads);
        }
    }

    [UnmanagedCallersOnly]
    private static void RunParts(IntPtr state)
    {
        var job = (Job)GCHandle.FromIntPtr(state).Target!;
        try
        {
            for (var part = ThreadNumber(); part < job.Parts; part += ThreadCount())
                job.Run(part);
        }
        catch (Exception error)
        {
            // It must not leave through native code.
            job.Error = ExceptionDispatchInfo.Capture(error);
        }
    }

    private sealed class Job(int parts, Action<int> run)
    {
        internal int Parts { get; } = parts;

        internal Action<int> Run { get; } = run;

        internal ExceptionDispatchInfo? Error { get; set; }
    }
}

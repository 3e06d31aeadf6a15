using System.Runtime.Intrinsics.X86;

namespace TorchSharp.Fx.Inference;

/// <summary>
/// What oneDNN takes the processor's caches to be. Some virtual machines on AMD hide them (CPUID leaf 0x8000001D is empty). oneDNN then
/// reads three caches of one byte: its convolutions of single pixels compute wrong values or divide by zero, which ends the process, in
/// libtorch's own channels-last convolutions too. Here it is told that they are not known, and assumes usual sizes, as it does for other
/// processors.
/// </summary>
internal static unsafe class ProcessorCaches
{
    private const int AmdCaches = unchecked((int)0x8000001D), AmdVendor = 0x444D4163, CacheType = 31, SmallestCache = 4 << 10;
    private const string Library = "libtorch_cpu.so", Processor = "_ZN4dnnl4impl3cpu3x643cpuEv",
        SizePerCore = "_ZN4dnnl4impl3cpu8platform23get_per_core_cache_sizeEi";

    /// <summary>Whether oneDNN's kernels can be trusted: their author knows the caches, or assumes usual ones.</summary>
    internal static bool AreUsable { get; } = !AreHidden() || Forget();

    private static bool AreHidden() => X86Base.IsSupported && X86Base.CpuId(0, 0).Ecx == AmdVendor
        && (X86Base.CpuId(AmdCaches, 0).Eax & CacheType) == 0;

    /// <summary>Makes oneDNN assume usual sizes; false, and nothing changed, where its description of the processor isn't found.</summary>
    private static bool Forget()
    {
        var found = SymbolTable.Functions(Library, Processor, SizePerCore);
        if (!found.TryGetValue(SizePerCore, out var sizeAt) || !found.TryGetValue(Processor, out var processorAt))
            return false;
        var size = (delegate* unmanaged<int, uint>)sizeAt;
        if (size(1) >= SmallestCache)
            return true;
        var caches = &((Description*)((delegate* unmanaged<IntPtr>)processorAt)())->Caches;
        if (caches->Levels != Caches.AmdLevels || caches->Sizes[0] != size(1) || caches->Cores[0] != 1)
            return false;
        caches->Levels = 0;
        return size(1) >= SmallestCache;
    }

    /// <summary>The beginning of <c>Xbyak::util::Cpu</c>, as oneDNN 3 holds it.</summary>
    private struct Description
    {
#pragma warning disable CS0649 // oneDNN writes it
        private fixed int identity[7];
        internal Caches Caches;
#pragma warning restore CS0649
    }

    private struct Caches
    {
        internal const int AmdLevels = 3, MostLevels = 10;
#pragma warning disable CS0649 // oneDNN writes it
        internal fixed uint Sizes[MostLevels], Cores[MostLevels];
#pragma warning restore CS0649
        internal uint Levels;
    }
}

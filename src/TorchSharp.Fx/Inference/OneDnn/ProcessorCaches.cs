using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;

namespace TorchSharp.Fx.Inference;

/// <summary>
/// What oneDNN takes the processor's caches to be. Some virtual machines on AMD hide them (CPUID leaf 0x8000001D is empty). oneDNN then
/// reads three caches of one byte: its convolutions of single pixels compute wrong values or divide by zero, which ends the process, and
/// its recurrent layers are wrong, libtorch's own channels-last convolutions and LSTMs with them. Here it is told the sizes, which AMD's
/// older leaves still have, before this library does anything.
/// </summary>
internal static unsafe class ProcessorCaches
{
    private const int AmdCaches = unchecked((int)0x8000001D), AmdFirst = unchecked((int)0x80000005), AmdSecond = AmdFirst + 1,
        AmdVendor = 0x444D4163, CacheType = 31;
    private const uint AssumedThird = 1 << 20; // what oneDNN assumes of a core's share where a processor names none
    private const string Library = "libtorch_cpu.so", Processor = "_ZN4dnnl4impl3cpu3x643cpuEv",
        SizePerCore = "_ZN4dnnl4impl3cpu8platform23get_per_core_cache_sizeEi";

    /// <summary>Whether oneDNN's kernels can be trusted: they know the caches.</summary>
    internal static bool AreKnown { get; } = !AreHidden() || Tell();

    /// <summary>
    /// Tells oneDNN the sizes where it needs to be told: it computes eager modules too, which none of our code runs. The switch
    /// <c>TorchSharp.Fx.ProcessorCaches</c>, set to false, leaves that to the first kernel, for processes that mostly need no libtorch.
    /// </summary>
#pragma warning disable CA2255 // Eager modules run without a call of this library, and wrong values are worse than an early load.
    [ModuleInitializer]
#pragma warning restore CA2255
    internal static void Ensure()
    {
        if (AreHidden() && !(AppContext.TryGetSwitch("TorchSharp.Fx.ProcessorCaches", out var isOn) && !isOn))
            _ = AreKnown;
    }

    private static bool AreHidden() => X86Base.IsSupported && X86Base.CpuId(0, 0).Ecx == AmdVendor
        && (X86Base.CpuId(AmdCaches, 0).Eax & CacheType) == 0;

    /// <summary>
    /// Makes oneDNN reckon with the true sizes; false, and nothing changed, where its description of the processor isn't found.
    /// </summary>
    private static bool Tell()
    {
        uint first = (uint)X86Base.CpuId(AmdFirst, 0).Ecx >> 24 << 10, second = (uint)X86Base.CpuId(AmdSecond, 0).Ecx >> 16 << 10;
        // Where it is missing, TorchSharp says so to who uses it.
        if (!NativeLibrary.TryLoad("torch_cpu", typeof(torch).Assembly, null, out _))
            return false;
        var found = SymbolTable.Functions(Library, Processor, SizePerCore);
        if (first == 0 || second == 0 || !found.TryGetValue(SizePerCore, out var sizeAt)
            || !found.TryGetValue(Processor, out var processorAt))
            return false;
        var size = (delegate* unmanaged<int, uint>)sizeAt;
        var told = &((Description*)((delegate* unmanaged<IntPtr>)processorAt)())->Caches;
        if (told->Levels != Caches.AmdLevels || told->Sizes[0] != 1 || told->Sizes[1] != 1 || told->Cores[0] != 1 || size(1) != 1)
            return size(1) >= first; // another version of oneDNN, which knows them, or is left as it is
        (told->Sizes[0], told->Sizes[1], told->Sizes[2]) = (first, second, AssumedThird);
        return size(1) == first && size(2) == second;
    }

    /// <summary>The beginning of <c>Xbyak::util::Cpu</c>, as oneDNN 3 holds it.</summary>
    private struct Description
    {
#pragma warning disable CS0649 // oneDNN writes it
        private fixed int identity[7];
        internal Caches Caches;
    }

    private struct Caches
    {
        internal const int AmdLevels = 3, MostLevels = 10;
        internal fixed uint Sizes[MostLevels], Cores[MostLevels];
        internal uint Levels;
#pragma warning restore CS0649
    }
}

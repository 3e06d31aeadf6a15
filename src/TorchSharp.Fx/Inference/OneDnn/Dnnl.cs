using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Inference;

/// <summary>
/// The C interface of oneDNN (<c>dnnl.h</c>, version 3), which libtorch holds but does not export: its functions are found in the library's
/// symbol table. A primitive that is made once for a shape starts within a microsecond, where libtorch's own way to it takes over twenty.
/// <c>docs/decisions/onednn.md</c> says what was weighed. The switch <c>TorchSharp.Fx.DirectOneDnn</c> of the runtime's configuration, set
/// to false, leaves it alone.
/// </summary>
internal static unsafe partial class Dnnl
{
    internal const int Source = 1, Result = 17, Weights = 33, Bias = 41, Mean = 49, Variance = 50, Scale = 51, Shift = 52, Scratchpad = 80,
    Scales = 4096, ZeroPoints = 8192, FirstPostOperation = 32768, SecondSource = 2;
    private const int CpuEngine = 1, InOrder = 1, UserScratchpad = 1, ForwardInference = 96, DirectConvolution = 1, AnyFormat = 1,
        BinaryAdd = 0x1fff0, MostDimensions = 12, GivenStatistics = 1, WithScale = 2, WithShift = 4;
    private const int WeightsDescriptor = 131, ScratchpadDescriptor = 136, Avx2Vnni = 0x8, Avx512Vnni = 0x40;

    private static readonly Dictionary<string, IntPtr> Functions = Find();

    private static readonly delegate* unmanaged<IntPtr*, IntPtr, IntPtr, IntPtr,
        int> memory_create = (delegate* unmanaged<IntPtr*, IntPtr, IntPtr, IntPtr, int>)At("memory_create");
    private static readonly delegate* unmanaged<IntPtr, IntPtr,
        int> memory_set_data_handle = (delegate* unmanaged<IntPtr, IntPtr, int>)At("memory_set_data_handle");
    private static readonly delegate* unmanaged<IntPtr, IntPtr, int, Argument*,
        int> primitive_execute = (delegate* unmanaged<IntPtr, IntPtr, int, Argument*, int>)At("primitive_execute");

    private static readonly IntPtr Engine = IsAvailable ? MakeEngine() : 0;
    private static readonly IntPtr Stream = IsAvailable ? MakeStream() : 0;

    /// <summary>Whether the functions were found.</summary>
    internal static bool IsAvailable => Functions.Count > 0;

    /// <summary>
    /// Whether the processor adds products of bytes in 32 bits (VNNI). On others oneDNN adds pairs in 16 bits, which clips.
    /// </summary>
    internal static bool HasInt8 { get; } = IsAvailable
        && (((delegate* unmanaged<int>)At("get_effective_cpu_isa"))() & (Avx2Vnni | Avx512Vnni)) != 0;

    /// <summary>The description of a tensor of these sizes and strides.</summary>
    internal static DnnlHandle Descriptor(ScalarType type, ReadOnlySpan<long> sizes, ReadOnlySpan<long> strides)
    {
        IntPtr result;
        fixed (long* dimensions = Padded(sizes), steps = Padded(strides))
            Check(((delegate* unmanaged<IntPtr*, int, long*, int, long*, int>)At("memory_desc_create_with_strides"))(&result, sizes.Length,
                dimensions, TypeOf(type), steps));
        return new(result, "memory_desc_destroy");
    }

    /// <summary>A tensor of these sizes, laid out as a primitive likes.</summary>
    internal static DnnlHandle Descriptor(ScalarType type, ReadOnlySpan<long> sizes)
    {
        IntPtr result;
        fixed (long* dimensions = Padded(sizes))
            Check(((delegate* unmanaged<IntPtr*, int, long*, int, int, int>)At("memory_desc_create_with_tag"))(&result, sizes.Length,
                dimensions, TypeOf(type), AnyFormat));
        return new(result, "memory_desc_destroy");
    }

    /// <summary>The description of a tensor of constants.</summary>
    internal static DnnlHandle Constants(Tensor values) => Descriptor(values.dtype, values.shape, values.stride());

    internal static DnnlHandle Clone(IntPtr descriptor)
    {
        IntPtr result;
        Check(((delegate* unmanaged<IntPtr*, IntPtr, int>)At("memory_desc_clone"))(&result, descriptor));
        return new(result, "memory_desc_destroy");
    }

    internal static bool AreEqual(IntPtr one, IntPtr other)
        => ((delegate* unmanaged<IntPtr, IntPtr, int>)At("memory_desc_equal"))(one, other) != 0;

    internal static long Bytes(IntPtr descriptor) => (long)((delegate* unmanaged<IntPtr, nuint>)At("memory_desc_get_size"))(descriptor);

    /// <summary>The layout that a primitive wants for its weights.</summary>
    internal static IntPtr WeightsOf(DnnlHandle primitive) => Query(primitive, WeightsDescriptor);

    /// <summary>The memory that a primitive wants to work in.</summary>
    internal static IntPtr ScratchpadOf(DnnlHandle primitive) => Query(primitive, ScratchpadDescriptor);

    /// <summary>
    /// The steps of a primitive after its sum: it adds another tensor (in the memory of the result where <paramref name="other"/> is none),
    /// and applies a function.
    /// </summary>
    /// <param name="activation">The function.</param>
    /// <param name="accumulates">Whether the sum is added to what is in the memory of the result.</param>
    /// <param name="other">What another tensor to be added looks like.</param>
    /// <param name="scheme">What whole numbers stand for.</param>
    internal static DnnlHandle Attributes(FusedActivation activation, bool accumulates, DnnlHandle? other, Int8Scheme? scheme = null)
    {
        IntPtr attributes, operations;
        Check(((delegate* unmanaged<IntPtr*, int>)At("post_ops_create"))(&operations));
        using var owned = new DnnlHandle(operations, "post_ops_destroy");
        if (accumulates)
            Check(((delegate* unmanaged<IntPtr, float, int, int, int>)At("post_ops_append_sum"))(
                operations, (float)(scheme?.Added?.Scale ?? 1), (int)(scheme?.Added?.ZeroPoint ?? 0),
                scheme?.Added is { } added ? TypeOf(added.Type) : 0));
        if (other is not null)
            Check(((delegate* unmanaged<IntPtr, int, IntPtr, int>)At("post_ops_append_binary"))(operations, BinaryAdd, other.Value));
        if (!activation.IsNone)
            Check(((delegate* unmanaged<IntPtr, int, float, float, int>)At("post_ops_append_eltwise"))(operations, activation.Algorithm,
                activation.Alpha, activation.Beta));
        Check(((delegate* unmanaged<IntPtr*, int>)At("primitive_attr_create"))(&attributes));
        var result = new DnnlHandle(attributes, "primitive_attr_destroy");
        Check(((delegate* unmanaged<IntPtr, int, int>)At("primitive_attr_set_scratchpad_mode"))(attributes, UserScratchpad));
        Check(((delegate* unmanaged<IntPtr, IntPtr, int>)At("primitive_attr_set_post_ops"))(attributes, operations));
        foreach (var (argument, mask, _) in scheme?.Vectors ?? [])
            Check(((delegate* unmanaged<IntPtr, int, int,
                int>)At((argument & Scales) != 0 ? "primitive_attr_set_scales_mask" : "primitive_attr_set_zero_points_mask"))(
                attributes, argument & ~(Scales | ZeroPoints), mask));
        return result;
    }

    internal static DnnlHandle Convolution(DnnlHandle source, DnnlHandle weights, DnnlHandle? bias, DnnlHandle result,
        ConvolutionGeometry geometry, DnnlHandle attributes)
    {
        Check(Convolution(source, weights, bias, result, geometry, attributes, out var description));
        return new(description, "primitive_desc_destroy");
    }

    /// <summary>A convolution of whole numbers; null where oneDNN has only its slow reference.</summary>
    internal static DnnlHandle? Int8Convolution(DnnlHandle source, DnnlHandle weights, DnnlHandle? bias, DnnlHandle result,
        ConvolutionGeometry geometry, DnnlHandle attributes)
        => Convolution(source, weights, bias, result, geometry, attributes, out var description) == 0 ? Fast(description) : null;

    private static int Convolution(
        DnnlHandle source, DnnlHandle weights, DnnlHandle? bias, DnnlHandle result, ConvolutionGeometry geometry, DnnlHandle attributes,
        out IntPtr made)
    {
        IntPtr description;
        var gaps = Array.ConvertAll(geometry.Dilation, dilation => dilation - 1);
        fixed (long* strides = Padded(geometry.Stride), dilations = Padded(gaps), before = Padded(geometry.Padding),
            after = Padded(geometry.PaddingAfter))
        {
            var status =
                ((delegate* unmanaged<IntPtr*, IntPtr, int, int, IntPtr, IntPtr, IntPtr, IntPtr, long*, long*, long*, long*, IntPtr,
                    int>)At("convolution_forward_primitive_desc_create"))(
                &description, Engine, ForwardInference, DirectConvolution, source.Value, weights.Value, bias?.Value ?? 0, result.Value,
                strides, dilations, before, after, attributes.Value);
            made = description;
            return status;
        }
    }

    internal static DnnlHandle Linear(DnnlHandle source, DnnlHandle weights, DnnlHandle? bias, DnnlHandle result, DnnlHandle attributes)
    {
        IntPtr description;
        Check(((delegate* unmanaged<IntPtr*, IntPtr, int, IntPtr, IntPtr, IntPtr, IntPtr, IntPtr,
            int>)At("inner_product_forward_primitive_desc_create"))(
            &description, Engine, ForwardInference, source.Value, weights.Value, bias?.Value ?? 0, result.Value, attributes.Value));
        return new(description, "primitive_desc_destroy");
    }

    /// <summary>A batch norm with the statistics that it is given, and a scale and a shift of each channel.</summary>
    internal static DnnlHandle BatchNorm(DnnlHandle source, DnnlHandle result, double epsilon, DnnlHandle attributes)
    {
        IntPtr description;
        Check(((delegate* unmanaged<IntPtr*, IntPtr, int, IntPtr, IntPtr, float, uint, IntPtr,
            int>)At("batch_normalization_forward_primitive_desc_create"))(
            &description, Engine, ForwardInference, source.Value, result.Value, (float)epsilon, GivenStatistics | WithScale | WithShift,
            attributes.Value));
        return new(description, "primitive_desc_destroy");
    }

    /// <summary>A maximum or an average over windows.</summary>
    internal static DnnlHandle Pooling(DnnlHandle source, DnnlHandle result, PoolingKind kind, ConvolutionGeometry windows,
        ReadOnlySpan<long> paddingAfter, DnnlHandle attributes)
    {
        IntPtr description;
        var gaps = Array.ConvertAll(windows.Dilation, dilation => dilation - 1);
        fixed (long* strides = Padded(windows.Stride), sizes = Padded(windows.Kernel), dilations = Padded(gaps),
            before = Padded(windows.Padding), after = Padded(paddingAfter))
            Check(((delegate* unmanaged<IntPtr*, IntPtr, int, int, IntPtr, IntPtr, long*, long*, long*, long*, long*, IntPtr,
                int>)At("pooling_forward_primitive_desc_create"))(
                &description, Engine, ForwardInference, (int)kind, source.Value, result.Value, strides, sizes, dilations, before, after,
                attributes.Value));
        return new(description, "primitive_desc_destroy");
    }

    internal static DnnlHandle Reorder(IntPtr from, IntPtr to)
    {
        IntPtr description;
        Check(((delegate* unmanaged<IntPtr*, IntPtr, IntPtr, IntPtr, IntPtr, IntPtr, int>)At("reorder_primitive_desc_create"))(&description,
            from, Engine, to, Engine, 0));
        return new(description, "primitive_desc_destroy");
    }

    /// <summary>The primitive of a description, ready to run.</summary>
    internal static DnnlHandle Primitive(DnnlHandle description)
    {
        IntPtr result;
        Check(((delegate* unmanaged<IntPtr*, IntPtr, int>)At("primitive_create"))(&result, description.Value));
        return new(result, "primitive_destroy");
    }

    /// <summary>A tensor as primitives take it.</summary>
    internal static DnnlHandle Memory(IntPtr descriptor, IntPtr data)
    {
        IntPtr result;
        Check(memory_create(&result, descriptor, Engine, data));
        return new(result, "memory_destroy");
    }

    internal static void SetData(IntPtr memory, IntPtr data) => Check(memory_set_data_handle(memory, data));

    internal static void Execute(DnnlHandle primitive, ReadOnlySpan<Argument> arguments)
    {
        fixed (Argument* first = arguments)
            Check(primitive_execute(primitive.Value, Stream, arguments.Length, first));
        GC.KeepAlive(primitive);
    }

    /// <summary>Frees what a handle stands for.</summary>
    internal static void Destroy(IntPtr handle, string function) => ((delegate* unmanaged<IntPtr, int>)At(function))(handle);

    private static IntPtr Query(DnnlHandle description, int what)
        => ((delegate* unmanaged<IntPtr, int, int, IntPtr>)At("primitive_desc_query_md"))(description.Value, what, 0);

    private static IntPtr At(string function) => Functions.GetValueOrDefault("dnnl_" + function);

    private static Dictionary<string, IntPtr> Find()
    {
        if (!Shims.Supports(ScalarType.Float32) || (AppContext.TryGetSwitch("TorchSharp.Fx.DirectOneDnn", out var isOn) && !isOn))
            return [];
        var functions = SymbolTable.Functions("libtorch_cpu.so", "dnnl_");
        // The interface is stable within a major version, which is the first field of what dnnl_version points to.
        return functions.TryGetValue("dnnl_version", out var version) && *((delegate* unmanaged<int*>)version)() == 3 ? functions : [];
    }

    private static IntPtr MakeEngine()
    {
        IntPtr engine;
        Check(((delegate* unmanaged<IntPtr*, int, nuint, int>)At("engine_create"))(&engine, CpuEngine, 0));
        return engine;
    }

    private static IntPtr MakeStream()
    {
        IntPtr stream;
        Check(((delegate* unmanaged<IntPtr*, IntPtr, uint, int>)At("stream_create"))(&stream, Engine, InOrder));
        return stream;
    }

    private static int TypeOf(ScalarType type) => type switch
    {
        ScalarType.Float16 => 1,
        ScalarType.BFloat16 => 2,
        ScalarType.Float32 => 3,
        ScalarType.Int32 => 4,
        ScalarType.Int8 => 5,
        ScalarType.Byte => 6,
        _ => throw new ArgumentOutOfRangeException(nameof(type)),
    };

    /// <summary>Sizes as the interface takes them: an array of a fixed length.</summary>
    private static long[] Padded(ReadOnlySpan<long> values)
    {
        var padded = new long[MostDimensions];
        values.CopyTo(padded);
        return padded;
    }

    private static void Check(int status)
    {
        if (status != 0)
            throw new InvalidOperationException(
                $"oneDNN refused a kernel or failed in it (status {status}); the environment variable ONEDNN_VERBOSE=all makes it say why.");
    }

    /// <summary>The function that pooling computes of a window (<c>dnnl_alg_kind_t</c>).</summary>
    internal enum PoolingKind
    {
        /// <summary>Its largest value.</summary>
        Maximum = 0x1ff,

        /// <summary>The mean of its values, where padding counts as zeros.</summary>
        AverageWithPadding = 0x2ff,

        /// <summary>The mean of its values inside the input.</summary>
        Average = 0x3ff,
    }

    /// <summary>One argument of a primitive (<c>dnnl_exec_arg_t</c>).</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct Argument
    {
        internal int Index;
        internal IntPtr Memory;
    }
}

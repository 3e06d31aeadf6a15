using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Inference;

/// <summary>
/// oneDNN's fused kernels, which libtorch exports as C functions for its own compiled models
/// (<c>torch/csrc/inductor/aoti_torch/c/shim_mkldnn.h</c>). They compute on the CPU, without gradients. Where libtorch was built without
/// them (macOS), <see cref="Supports"/> is false for every type.
/// </summary>
internal static unsafe class Shims
{
    private const string Library = "torch_cpu";

    private static readonly bool IsExported = Exports();
    private static readonly bool HasBFloat16 = IsExported && Asks("mkldnn::_is_mkldnn_bf16_supported");
    private static readonly bool HasHalf = IsExported && Asks("mkldnn::_is_mkldnn_fp16_supported");

    /// <summary>Whether this machine has the kernels for numbers of a type.</summary>
    internal static bool Supports(ScalarType type) => type switch
    {
        ScalarType.Float32 => IsExported,
        ScalarType.BFloat16 => HasBFloat16,
        ScalarType.Float16 => HasHalf,
        ScalarType.Byte or ScalarType.Int8 => Dnnl.HasInt8,
        _ => false,
    };

    /// <summary>A tensor that holds nothing yet.</summary>
    internal static Tensor Empty(ScalarType type, ReadOnlySpan<long> sizes, ReadOnlySpan<long> strides)
    {
        IntPtr result;
        fixed (long* first = sizes, steps = strides)
            Check(aoti_torch_empty_strided(sizes.Length, first, steps, (int)type, 0, 0, &result));
        return Tensor.UnsafeCreateTensor(result);
    }

    /// <summary>The same tensor, under a handle of its own.</summary>
    internal static Tensor Share(Tensor tensor) => Tensor.UnsafeCreateTensor((IntPtr)Handle(tensor));

    /// <summary>Where a tensor's first element is. It is the caller who keeps the tensor alive.</summary>
    internal static IntPtr Data(Tensor tensor)
    {
        IntPtr data;
        Check(aoti_torch_get_data_ptr(tensor.Handle, &data));
        return data;
    }

    /// <summary>A tensor's sizes, in its own memory. It is the caller who keeps the tensor alive.</summary>
    internal static ReadOnlySpan<long> Sizes(Tensor tensor)
    {
        long* sizes;
        Check(aoti_torch_get_sizes(tensor.Handle, &sizes));
        return new(sizes, (int)tensor.dim());
    }

    /// <summary>A tensor's strides, in its own memory. It is the caller who keeps the tensor alive.</summary>
    internal static ReadOnlySpan<long> Strides(Tensor tensor)
    {
        long* strides;
        Check(aoti_torch_get_strides(tensor.Handle, &strides));
        return new(strides, (int)tensor.dim());
    }

    /// <summary>The weight of a convolution in the layout that oneDNN wants for inputs of one shape.</summary>
    internal static Tensor Pack(Tensor weight, ConvolutionGeometry geometry, ReadOnlySpan<long> inputShape)
    {
        using var dense = Call("aten::to_mkldnn", Handle(weight), 0);
        return Call("aten::mkldnn_reorder_conv2d_weight", Handle(dense), List(geometry.Padding), List(geometry.Stride),
            List(geometry.Dilation), (ulong)geometry.Groups, Some(List(inputShape)));
    }

    /// <summary>The weight of a linear layer in the layout that oneDNN wants for inputs of so many rows.</summary>
    internal static Tensor Pack(Tensor weight, long rows) => Call("mkldnn::_reorder_linear_weight", Handle(weight), Some((ulong)rows));

    /// <summary><c>activation(conv2d(input, weight) + bias)</c></summary>
    internal static Tensor Convolution(Tensor input, Tensor weight, Tensor? bias, ConvolutionGeometry geometry, FusedActivation activation)
    {
        IntPtr result, biasHandle = bias?.Handle ?? 0;
        fixed (long* padding = geometry.Padding, stride = geometry.Stride, dilation = geometry.Dilation)
        fixed (byte* name = activation.NativeName, algorithm = activation.NativeAlgorithm)
        fixed (double* values = activation.Scalars)
        {
            var scalars = stackalloc double*[] { values, values + 1 };
            var algorithms = algorithm;
            Check(aoti_torch_cpu_mkldnn__convolution_pointwise(
                input.Handle, weight.Handle, bias is null ? null : &biasHandle, padding, 2, stride, 2, dilation, 2, geometry.Groups,
                name, scalars, activation.Scalars.Length, &algorithms, &result));
        }
        KeepAlive(input, weight, bias);
        return Tensor.UnsafeCreateTensor(result);
    }

    /// <summary>
    /// <c>activation(conv2d(input, weight) + bias + other)</c> for no activation or <c>relu</c>; the result is written over
    /// <paramref name="other"/> if that is asked.
    /// </summary>
    internal static Tensor ConvolutionAdd(Tensor other, Tensor input, Tensor weight, Tensor? bias, ConvolutionGeometry geometry,
        FusedActivation activation, bool inPlace)
    {
        IntPtr result, biasHandle = bias?.Handle ?? 0;
        fixed (long* padding = geometry.Padding, stride = geometry.Stride, dilation = geometry.Dilation)
        fixed (byte* name = activation.NativeName, algorithm = activation.NativeAlgorithm, add = "add\0"u8)
        {
            byte* names = name, algorithms = algorithm;
            var b = bias is null ? null : &biasHandle;
            byte** unary = activation.IsNone ? null : &names;
            Check(inPlace
                ? aoti_torch_cpu_mkldnn__convolution_pointwise_binary_(
                    other.Handle, input.Handle, weight.Handle, b, padding, 2, stride, 2, dilation, 2, geometry.Groups, add, null, unary,
                    null, 0, &algorithms, &result)
                : aoti_torch_cpu_mkldnn__convolution_pointwise_binary(
                    input.Handle, other.Handle, weight.Handle, b, padding, 2, stride, 2, dilation, 2, geometry.Groups, add, null, unary,
                    null, 0, &algorithms, &result));
        }
        GC.KeepAlive(other);
        KeepAlive(input, weight, bias);
        return Tensor.UnsafeCreateTensor(result);
    }

    /// <summary><c>activation(linear(input, weight) + bias)</c></summary>
    internal static Tensor Linear(Tensor input, Tensor weight, Tensor? bias, FusedActivation activation)
    {
        IntPtr result, biasHandle = bias?.Handle ?? 0;
        fixed (byte* name = activation.NativeName, algorithm = activation.NativeAlgorithm)
        fixed (double* values = activation.Scalars)
        {
            var scalars = stackalloc double*[] { values, values + 1 };
            var algorithms = algorithm;
            Check(aoti_torch_cpu__linear_pointwise(
                input.Handle, weight.Handle, bias is null ? null : &biasHandle, name, scalars, activation.Scalars.Length, &algorithms,
                &result));
        }
        KeepAlive(input, weight, bias);
        return Tensor.UnsafeCreateTensor(result);
    }

    /// <summary><c>linear(input, weight) + bias + other</c></summary>
    internal static Tensor LinearAdd(Tensor other, Tensor input, Tensor weight, Tensor? bias)
    {
        IntPtr result, biasHandle = bias?.Handle ?? 0;
        fixed (byte* add = "add\0"u8)
            Check(aoti_torch_cpu__linear_pointwise_binary(input.Handle, other.Handle, weight.Handle, bias is null ? null : &biasHandle, add,
                &result));
        GC.KeepAlive(other);
        KeepAlive(input, weight, bias);
        return Tensor.UnsafeCreateTensor(result);
    }

    private static void KeepAlive(Tensor input, Tensor weight, Tensor? bias)
    {
        GC.KeepAlive(input);
        GC.KeepAlive(weight);
        GC.KeepAlive(bias);
    }

    private static bool Exports() => Dispatcher.IsAvailable && ProcessorCaches.AreKnown && Dispatcher.Exports(
        nameof(aoti_torch_cpu_mkldnn__convolution_pointwise), nameof(aoti_torch_cpu_mkldnn__convolution_pointwise_binary),
        nameof(aoti_torch_cpu_mkldnn__convolution_pointwise_binary_),
        nameof(aoti_torch_cpu__linear_pointwise), nameof(aoti_torch_cpu__linear_pointwise_binary), nameof(aoti_torch_empty_strided),
        nameof(aoti_torch_get_data_ptr),
        nameof(aoti_torch_get_sizes), nameof(aoti_torch_get_strides));

    /// <summary>Calls an operation by its schema name. Tensors and lists on the stack pass into its hands.</summary>
    private static Tensor Call(string operation, params Span<ulong> stack)
    {
        Dispatch(operation, stack);
        return Tensor.UnsafeCreateTensor((IntPtr)stack[0]);
    }

    private static bool Asks(string operation)
    {
        Span<ulong> stack = stackalloc ulong[1];
        Dispatch(operation, stack);
        return (byte)stack[0] != 0;
    }

    private static void Dispatch(string operation, Span<ulong> stack) => Check(Dispatcher.Call(operation, "", stack) ? 0 : 1);

    private static ulong Handle(Tensor tensor) => Dispatcher.Handle(tensor);

    private static ulong List(ReadOnlySpan<long> values) => Dispatcher.List(MemoryMarshal.Cast<long, ulong>(values));

    private static ulong Some(ulong value) => Dispatcher.Some(value);

    private static void Check(int code)
    {
        if (code != 0)
            throw new InvalidOperationException(
                "A kernel of oneDNN refused its arguments; libtorch wrote the reason to the standard error output.");
    }

    [DllImport(Library)]
    private static extern int aoti_torch_cpu_mkldnn__convolution_pointwise(
        IntPtr x, IntPtr w, IntPtr* b, long* padding, long paddingLength, long* stride, long strideLength, long* dilation,
        long dilationLength, long groups,
        byte* attr, double** scalars, long scalarsLength, byte** algorithm, IntPtr* ret);

    [DllImport(Library)]
    private static extern int aoti_torch_cpu_mkldnn__convolution_pointwise_binary(
        IntPtr x, IntPtr other, IntPtr w, IntPtr* b, long* padding, long paddingLength, long* stride, long strideLength, long* dilation,
        long dilationLength, long groups,
        byte* binaryAttr, double** alpha, byte** unaryAttr, double** unaryScalars, long unaryScalarsLength, byte** unaryAlgorithm,
        IntPtr* ret);

    [DllImport(Library)]
    private static extern int aoti_torch_cpu_mkldnn__convolution_pointwise_binary_(
        IntPtr other, IntPtr x, IntPtr w, IntPtr* b, long* padding, long paddingLength, long* stride, long strideLength, long* dilation,
        long dilationLength, long groups,
        byte* binaryAttr, double** alpha, byte** unaryAttr, double** unaryScalars, long unaryScalarsLength, byte** unaryAlgorithm,
        IntPtr* ret);

    [DllImport(Library)]
    private static extern int aoti_torch_cpu__linear_pointwise(IntPtr x, IntPtr w, IntPtr* b, byte* attr, double** scalars,
        long scalarsLength, byte** algorithm, IntPtr* ret);

    [DllImport(Library)]
    private static extern int aoti_torch_cpu__linear_pointwise_binary(IntPtr x, IntPtr other, IntPtr w, IntPtr* b, byte* attr, IntPtr* ret);

    [DllImport(Library)]
    private static extern int aoti_torch_empty_strided(long dimensions, long* sizes, long* strides, int type, int device, int deviceIndex,
        IntPtr* ret);

    [DllImport(Library)]
    private static extern int aoti_torch_get_data_ptr(IntPtr tensor, IntPtr* ret);

    [DllImport(Library)]
    private static extern int aoti_torch_get_sizes(IntPtr tensor, long** ret);

    [DllImport(Library)]
    private static extern int aoti_torch_get_strides(IntPtr tensor, long** ret);
}

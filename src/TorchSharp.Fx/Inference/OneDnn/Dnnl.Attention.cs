using System.Runtime.InteropServices;

namespace TorchSharp.Fx.Inference;

/// <summary>The primitives that attention is made of.</summary>
internal static unsafe partial class Dnnl
{
    private const int LinearFunction = 0x26, AccurateSoftmax = 0x30000, ImplementationName = 8;

    /// <summary>The factor of a product, and the term that is added then.</summary>
    internal static DnnlHandle Attributes(double scale, DnnlHandle? addend)
    {
        IntPtr attributes, operations;
        Check(((delegate* unmanaged<IntPtr*, int>)At("post_ops_create"))(&operations));
        using var owned = new DnnlHandle(operations, "post_ops_destroy");
        if (scale != 1)
            Check(((delegate* unmanaged<IntPtr, int, float, float, int>)At("post_ops_append_eltwise"))(operations, LinearFunction,
                (float)scale, 0));
        if (addend is not null)
            Check(((delegate* unmanaged<IntPtr, int, IntPtr, int>)At("post_ops_append_binary"))(operations, BinaryAdd, addend.Value));
        Check(((delegate* unmanaged<IntPtr*, int>)At("primitive_attr_create"))(&attributes));
        var result = new DnnlHandle(attributes, "primitive_attr_destroy");
        Check(((delegate* unmanaged<IntPtr, int, int>)At("primitive_attr_set_scratchpad_mode"))(attributes, UserScratchpad));
        Check(((delegate* unmanaged<IntPtr, IntPtr, int>)At("primitive_attr_set_post_ops"))(attributes, operations));
        return result;
    }

    /// <summary>
    /// The product of matrices in the last two dimensions; null where oneDNN has none or only its slow reference for such tensors.
    /// </summary>
    internal static DnnlHandle? Product(DnnlHandle left, DnnlHandle right, DnnlHandle result, DnnlHandle attributes,
        DnnlHandle? bias = null)
    {
        IntPtr description;
        var status =
            ((delegate* unmanaged<IntPtr*, IntPtr, IntPtr, IntPtr, IntPtr, IntPtr, IntPtr, int>)At("matmul_primitive_desc_create"))(
            &description, Engine, left.Value, right.Value, bias?.Value ?? 0, result.Value, attributes.Value);
        return status == 0 ? Fast(description) : null;
    }

    /// <summary>The softmax over the last dimension.</summary>
    internal static DnnlHandle? Softmax(DnnlHandle source, DnnlHandle result, int dimensions, DnnlHandle attributes)
    {
        IntPtr description;
        var status =
            ((delegate* unmanaged<IntPtr*, IntPtr, int, int, IntPtr, IntPtr, int, IntPtr, int>)At("softmax_forward_primitive_desc_create"))(
            &description, Engine, ForwardInference, AccurateSoftmax, source.Value, result.Value, dimensions - 1, attributes.Value);
        return status == 0 ? Fast(description) : null;
    }

    private static DnnlHandle? Fast(IntPtr description)
    {
        var result = new DnnlHandle(description, "primitive_desc_destroy");
        IntPtr name;
        Check(((delegate* unmanaged<IntPtr, int, int, IntPtr*, int>)At("primitive_desc_query"))(description, ImplementationName, 0, &name));
        if (Marshal.PtrToStringAnsi(name)?.StartsWith("ref", StringComparison.Ordinal) is false)
            return result;
        result.Dispose();
        return null;
    }
}

using System.Collections.Frozen;

namespace TorchSharp.Fx;

/// <summary>
/// Which operations of TorchSharp may return (a view of) an argument instead of a tensor with storage of its own.
/// What is in no table is fresh; a test runs the operations and writes to their arguments.
/// </summary>
internal static class AliasTables
{
    /// <summary>Methods, functions and properties, as C# spells them.</summary>
    internal static readonly FrozenSet<string> Operations = Words("""
        view view_as view_as_real view_as_complex reshape flatten ravel unflatten
        transpose permute t T mT H mH adjoint swapaxes swapdims movedim moveaxis rot90
        squeeze unsqueeze expand expand_as broadcast_to broadcast_tensors meshgrid atleast_1d atleast_2d atleast_3d
        narrow select slice index getitem TensorItems diagonal unfold as_strided
        chunk split tensor_split hsplit vsplit dsplit split_with_sizes unbind unsafe_chunk unsafe_split unsafe_split_with_sizes
        real imag resolve_conj resolve_neg conj conj_physical positive
        detach alias data grad contiguous to type_as type cpu cuda mps xpu to_type
        byte char short int long half bfloat16 float double bool cfloat cdouble
        dropout dropout1d dropout2d dropout3d alpha_dropout feature_dropout feature_alpha_dropout
        BoolTensor ByteTensor CharTensor ShortTensor IntTensor LongTensor HalfTensor BFloat16Tensor FloatTensor DoubleTensor
        hardtanh Hardtanh DetachFromDisposeScope DetatchFromDisposeScope MoveToOuterDisposeScope MoveToOtherDisposeScope with_requires_grad AsParameter
        as_tensor from_array frombuffer to_dense sum_to_size clone_if_shared identity
        """);

    /// <summary>Modules by class name; any container counts too.</summary>
    internal static readonly FrozenSet<string> Modules = Words("""
        Identity Flatten Unflatten Dropout Dropout1d Dropout2d Dropout3d AlphaDropout FeatureAlphaDropout Hardtanh
        Sequential ModuleList ModuleDict
        """);

    private static FrozenSet<string> Words(string text) => text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).ToFrozenSet(StringComparer.Ordinal);
}

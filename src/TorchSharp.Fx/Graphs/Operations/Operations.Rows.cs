namespace TorchSharp.Fx.Graphs;

/// <summary>
/// The rows of the table. A name stands for a function or method of tensors, whatever class has it, unless a row names the class; a
/// trailing underscore means that the operation of the name without it works in place. Tests run the operations and compare.
/// </summary>
internal static partial class Operations
{
    private static (Operation Row, string Names)[] Rows =>
    [
        // One tensor alone is returned as it is or as a view, several give a new one.
        (new(Effects.None, Views: Operands.Alone), """
            block_diag cartesian_prod cat chain_matmul column_stack concat concatenate dstack einsum hstack multi_dot row_stack vstack
            """),
        (Operation.ViewOfAny, """
            broadcast_tensors combinations lu_unpack meshgrid pack_padded_sequence pack_sequence pad_packed_sequence pad_sequence
            parameters_to_vector sparse sparse_coo_tensor autograd.grad
            """),
        (Operation.View, """
            adjoint alias align_as align_to as_strided as_tensor atleast_1d atleast_2d atleast_3d bfloat16 bool
            BoolTensor broadcast_to byte ByteTensor cdouble cfloat channel_shuffle char chunk conj conj_physical cpu
            cuda dequantize diagonal DoubleTensor dsplit expand expand_as flatten FloatTensor from_array grad
            H Hardtanh hardtanh hsplit imag index int IntTensor long LongTensor mH moveaxis movedim mps mT narrow permute
            pin_memory pixel_shuffle pixel_unshuffle positive ravel real refine_names rename reshape resolve_conj resolve_neg
            rot90 select short ShortTensor slice SparseIndices SparseValues split squeeze swapaxes swapdims T t tensor_split
            TensorItems to_dense to_sparse to_type transpose type type_as unbind unflatten unfold unsqueeze view view_as view_as_complex
            view_as_real vsplit
            """),
        (new(Effects.Pointwise, Views: Operands.First), "contiguous detach to float double half"),
        (new(Effects.DrawsInTraining | Effects.Pointwise, Views: Operands.First),
            "dropout dropout1d dropout2d dropout3d alpha_dropout feature_alpha_dropout"),
        (new(Effects.DrawsInTraining), "scaled_dot_product_attention"),
        (new(Effects.Draws), """
            _sample_dirichlet _standard_gamma bernoulli binomial fractional_max_pool2d fractional_max_pool2d_with_indices
            fractional_max_pool3d fractional_max_pool3d_with_indices multinomial normal pca_lowrank poisson rand rand_float
            rand_like randint randint_bool randint_int randint_like randint_long randn randn_float randn_like randperm rrelu
            svd_lowrank
            """),
        (new(Effects.Draws, Operands.First, Operands.First), """
            bernoulli_ cauchy_ exponential_ geometric_ log_normal_ normal_ random_ rrelu_ uniform_ rand_out randint_out randn_out randperm_out
            init.kaiming_normal_ init.kaiming_uniform_ init.glorot_normal_ init.glorot_uniform_ init.xavier_normal_ init.xavier_uniform_
            init.normal_ init.trunc_normal_ init.uniform_ init.orthogonal_ init.sparse_
            """),
        (Operation.InPlace, """
            arange_out Tensor.empty Tensor.eye Tensor.full Tensor.ones Tensor.zeros copy_ fill_ zero_ index_put_ requires_grad_ rename_ detach_
            init.constant_ init.dirac_ init.eye_ init.ones_ init.zeros_
            """),
        (new(Effects.Reshapes, Operands.First, Operands.First), "unsqueeze_ squeeze_ transpose_ t_ swapaxes_ swapdims_"),
        (new(Effects.Reshapes, Operands.First, Operands.All), "set_"),
        (Operation.Changes, "set_TensorItems set_grad set_name set_requires_grad set_bytes retain_grad"),
        // The tensor that a parameter is made of gives its memory away.
        (Operation.InPlace, "Parameter..ctor AsParameter with_requires_grad"),
        (new(Effects.UpdatesInTraining, Operands.Statistics), "batch_norm instance_norm"),
        (new(Effects.WritesState, Operands.All), "vector_to_parameters clip_grad_norm_ clip_grad_value_ backward"),
        (new(Effects.ReadsShape), """
            dim Dimensions ndim NumberOfElements numel shape size
            """),
        (new(Effects.ReadsType), """
            device device_index device_type dtype element_size ElementSize is_complex is_cpu is_cuda is_floating_point is_integral
            is_meta is_quantized
            """),
        (new(Effects.ReadsLayout), """
            has_names is_conj is_contiguous is_leaf is_neg is_pinned is_sparse name names requires_grad storage_offset stride
            """),
        (new(Effects.MakesAlike), """
            empty_like full_like new_empty new_full new_ones new_zeros ones_like zeros_like
            """),
        (new(Effects.ShapedByElements), """
            argwhere bincount item masked_select nonzero nonzero_as_list repeat_interleave unique unique_consecutive
            """),
        (new(Effects.Pointwise), """
            abs add clamp clone cos div elu exp gelu leaky_relu log log_softmax masked_fill maximum minimum mul neg op_Addition
            op_Division op_Multiply op_Subtraction op_UnaryNegation pow relu rsqrt sigmoid silu sin softmax softplus sqrt square
            sub tanh
            """),
        (new(Effects.Exposes | Effects.WritesState, Views: Operands.First), """
            bytes data DecoupleFromNativeHandle Equals GetHashCode Handle IntShape IsInvalid Load load Save save tolist
            """),
        (new(Effects.Text), """
            cstr jlstr metastr npstr str ToString
            """),
        (new(Effects.Outside, Operands.First, Operands.All), """
            DetachFromDisposeScope DetatchFromDisposeScope Dispose from_file frombuffer MoveToOtherDisposeScope
            MoveToOuterDisposeScope NewDisposeScope print set_printoptions storage UnsafeCreateTensor WrappedTensorDisposeScope
            ReadBytesFromStream WriteBytesToStream DisposeScope.* Storage.*
            """),
        (new(Effects.ReadsState), """
            are_deterministic_algorithms_enabled CurrentDisposeScope get_default_device get_default_dtype get_deterministic_debug_mode
            get_float32_matmul_precision is_deterministic_algorithms_warn_only_enabled is_grad_enabled is_inference_mode_enabled
            is_warn_always_enabled get_num_interop_threads get_num_threads PeakCount TensorStringStyle TotalCount Generator.Default Generator.device
            """),
        (new(Effects.ReadsState | Effects.Generators), """
            get_rng_state initial_seed random.get_rng_state random.initial_seed Generator.get_state Generator.initial_seed
            """),
        (new(Effects.Generators), "Generator..ctor"),
        (new(Effects.WritesState, Views: Operands.First), """
            _assert CheckForErrors detect_anomaly enable_grad inference_mode InitializeDevice InitializeDeviceType no_grad
            set_default_device set_default_dtype set_default_tensor_type set_detect_anomaly set_deterministic_debug_mode
            set_float32_matmul_precision set_grad_enabled set_num_interop_threads set_num_threads set_TensorStringStyle
            set_warn_always TryInitializeDeviceType use_deterministic_algorithms
            """),
        (new(Effects.WritesState | Effects.Generators, Views: Operands.First), """
            manual_seed seed set_rng_state random.manual_seed random.seed random.set_rng_state Generator.manual_seed Generator.seed
            Generator.set_state cuda.manual_seed cuda.manual_seed_all
            """),
        (new(Effects.Draws, Views: Operands.First), "Distribution.sample Distribution.rsample"),
        // They hold the tensors that they are made of.
        (Operation.ViewOfAny, "Distribution.* distributions.* Constraint.* constraints.* Transform.* transforms.* PackedSequence.*"),
        (Operation.ViewOfAny, "Scalar.* Size.* TensorIndex.* Device.* ScalarExtensionMethods.* BFloat16.*"),
        // Not in place, though the name ends as if.
        (Operation.Pure, "fft.fft_"),
        (Operation.Pure, """
            __version__ absolute acos acosh adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d
            adaptive_avg_pool3d_backward adaptive_max_pool1d adaptive_max_pool1d_with_indices adaptive_max_pool2d
            adaptive_max_pool2d_with_indices adaptive_max_pool3d adaptive_max_pool3d_with_indices addbmm addcdiv addcmul addmm
            addmv addr affine_grid airy_ai all allclose amax amin aminmax angle any arange arccos arccosh arcsin arcsinh arctan
            arctan2 arctanh argmax argmin argsort asin asinh atan atan2 atanh avg_pool1d avg_pool2d avg_pool2d_backward avg_pool3d
            avg_pool3d_backward baddbmm bartlett_window bessel_j0 bessel_j1 bessel_y0 bessel_y1 bilinear binary_cross_entropy
            binary_cross_entropy_with_logits bitwise_and bitwise_left_shift bitwise_not bitwise_or bitwise_right_shift bitwise_xor
            blackman_window bmm broadcast_shapes bucketize can_cast cdist ceil celu chebyshev_polynomial_t chebyshev_polynomial_u
            chebyshev_polynomial_v chebyshev_polynomial_w cholesky cholesky_ex cholesky_inverse cholesky_solve clamp_max clamp_min
            clip compiled_with_cxx11_abi complex cond conv1d conv1d_padding conv2d conv2d_padding conv3d conv3d_padding
            conv_transpose1d conv_transpose2d conv_transpose3d copysign corrcoef cosh cosine_embedding_loss cosine_similarity
            count_nonzero cov cross cross_entropy ctc_loss CUDA cuda_is_available cummax cummin cumprod cumsum
            cumulative_trapezoid deg2rad det diag diag_embed diagflat diagonal_scatter diff digamma dist divide dot eig eigh
            eigvals eigvalsh empty empty_strided entr eq equal erf erfc erfcx erfinv exp2 expit expm1 eye
            fake_quantize_per_channel_affine fake_quantize_per_tensor_affine fft2 fftfreq fftn fftshift finfo fix flip fliplr
            flipud float_power floor floor_divide fmax fmin fmod fold frac frexp full fuse_conv_bn_weights fuse_linear_bn_eval
            fuse_linear_bn_weights gammainc gammaincc gammaln gather gaussian_nll_loss gcd ge geqrf ger glu gradient greater
            greater_equal grid_sample group_norm gt hamming_window hann_window hardshrink Hardshrink hardsigmoid hardswish
            heaviside hermite_polynomial_h hermite_polynomial_he hfft hfft2 hfftn hinge_embedding_loss histc histogram
            householder_product huber_loss hypot i0 i0e i1 i1e ifft ifft2 ifftn ifftshift igamma igammac ihfft ihfft2 ihfftn
            index_add index_copy index_fill index_reduce index_select inner int_repr interpolate inv inv_ex inverse irfft irfft2
            irfftn is_nonzero is_storage is_tensor isclose isfinite isin isinf isnan isneginf isposinf isreal istft kaiser_window
            kl_div kron kthvalue l1_loss laguerre_polynomial_l layer_norm lcm ldexp ldl_factor ldl_factor_ex ldl_solve le
            legendre_polynomial_p lerp less less_equal lgamma linear linspace local_response_norm log10 log1p log2 log_sigmoid
            logaddexp logaddexp2 logcumsumexp logdet logical_and logical_not logical_or logical_xor logit logsigmoid logspace
            logsumexp lp_pool1d lp_pool2d lstsq lt lu lu_factor lu_solve margin_ranking_loss masked_scatter matmul matrix_exp tensordot
            matrix_norm matrix_power matrix_rank max max_int_value max_pool1d max_pool1d_with_indices max_pool2d
            max_pool2d_with_indices max_pool3d max_pool3d_with_indices max_unpool1d max_unpool2d max_unpool3d mean median min Mish
            mish mm mode modified_bessel_i0 modified_bessel_i1 modified_bessel_k0 modified_bessel_k1 MPS mps_is_available mse_loss
            msort multi_label_margin_loss multi_margin_loss multigammaln multilabel_soft_margin_loss multiply mv mvlgamma
            nan_to_num nanmean nanmedian nanquantile nansum ndtr ndtri ne negative nextafter nll_loss norm normalize
            NormalizeNuGetVersion not_equal one_hot ones op_BitwiseAnd op_BitwiseOr op_Equality op_ExclusiveOr op_Explicit
            op_GreaterThan op_GreaterThanOrEqual op_Implicit op_Inequality op_LessThan op_LessThanOrEqual op_Modulus
            op_OnesComplement orgqr ormqr outer pad pairwise_distance pinv pinverse poisson_nll_loss polar polygamma prelu prod
            promote_types psi q_per_channel_axis q_per_channel_scales q_per_channel_zero_points q_scale q_zero_point qr quantile
            quantize_per_channel quantize_per_tensor quantized_batch_norm quantized_max_pool1d quantized_max_pool2d rad2deg
            reciprocal relu6 remainder renorm repeat result_type rfft rfft2 rfftfreq rfftn roll round scaled_modified_bessel_k0
            scaled_modified_bessel_k1 scatter scatter_add searchsorted select_scatter selu sgn shifted_chebyshev_polynomial_t
            shifted_chebyshev_polynomial_u shifted_chebyshev_polynomial_v shifted_chebyshev_polynomial_w sign signbit SiLU sinc
            sinh slice_scatter slogdet smooth_l1_loss soft_margin_loss softmax2d softmin softshrink Softshrink Softsign softsign
            solve solve_ex solve_triangular sort spherical_bessel_j0 stack std std_mean stft subtract sum
            svd svdvals symeig take take_along_dim tan tanhshrink Tanhshrink tensor tensorinv tensorsolve Threshold threshold tile
            ToBFloat16 ToBoolean ToByte ToComplex32 ToComplex64 ToComplexFloat32 ToComplexFloat64 ToDouble ToHalf
            ToInt16 ToInt32 ToInt64 topk ToSByte ToScalar ToSingle TotalSize ToTensor trace trapezoid trapz tril tril_indices
            triplet_margin_loss triplet_margin_with_distance_loss triu triu_indices true_divide trunc upsample upsample_bilinear
            upsample_nearest upsample_nearest1d upsample_nearest1d_backward upsample_nearest2d upsample_nearest2d_backward
            upsample_nearest3d upsample_nearest3d_backward vander var var_mean vdot vecdot vector_norm where xlog1py xlogy zeros
            zeta
            ReadCpuBFloat16 ReadCpuBool ReadCpuByte ReadCpuDouble ReadCpuFloat16 ReadCpuInt16 ReadCpuInt32 ReadCpuInt64 ReadCpuSByte
            ReadCpuSingle ReadCpuValue init.CalculateFanInAndFanOut init.calculate_gain
            """),
    ];
}

namespace TorchSharp.Fx;

/// <summary>How numbers are quantised. Counterpart: <c>torch.qscheme</c>.</summary>
public enum QScheme
{
    /// <summary>One scale and zero point for a tensor.</summary>
    per_tensor_affine,
    /// <summary>One scale for a tensor; the zero point is the middle of the quantised range.</summary>
    per_tensor_symmetric,
    /// <summary>A scale and zero point for each index along one dimension.</summary>
    per_channel_affine,
    /// <summary>A scale for each index along one dimension; the zero point is the middle of the quantised range.</summary>
    per_channel_symmetric,
}

using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>One tensor of a safetensors file.</summary>
/// <param name="name">Its key.</param>
/// <param name="dtype">What its elements are.</param>
/// <param name="shape">Its shape; empty is a scalar.</param>
/// <param name="offset">Where it begins in the file, in bytes.</param>
/// <param name="length">Its size in bytes.</param>
public sealed record SafetensorsEntry(string name, ScalarType dtype, IReadOnlyList<long> shape, long offset, long length);

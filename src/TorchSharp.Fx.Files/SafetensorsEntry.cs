using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>One tensor of a safetensors file.</summary>
/// <param name="name">The tensor's key.</param>
/// <param name="dtype">The type of its elements.</param>
/// <param name="shape">Its shape; empty for a scalar.</param>
/// <param name="offset">The position of its first byte in the file.</param>
/// <param name="length">Its size in bytes.</param>
public sealed record SafetensorsEntry(string name, ScalarType dtype, IReadOnlyList<long> shape, long offset, long length);

namespace TorchSharp.Fx;

/// <summary>
/// A free size in an exported program. Dimensions with the same <see cref="Dim"/> have equal sizes. Counterpart: <c>torch.export.Dim</c>.
/// </summary>
/// <param name="name">Its name.</param>
/// <param name="min">The smallest size allowed.</param>
/// <param name="max">The largest size allowed; null for no limit.</param>
public sealed record Dim(string name, long min = 1, long? max = null);

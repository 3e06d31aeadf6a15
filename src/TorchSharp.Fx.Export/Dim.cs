namespace TorchSharp.Fx;

/// <summary>A size of inputs that is free in an exported program. Where one stands for several sizes, they are equal. Counterpart:
/// <c>torch.export.Dim</c>.</summary>
/// <param name="name">Its name.</param>
/// <param name="min">The least that it may be.</param>
/// <param name="max">The most; null for no limit.</param>
public sealed record Dim(string name, long min = 1, long? max = null);

using static TorchSharp.torch;

namespace TorchSharp.Fx.Fuzz.Effects;

/// <summary>Two matrices and a number, as an input or a result.</summary>
public sealed record Couple(Tensor First, Tensor Second, int Count);

using static TorchSharp.torch;

namespace TorchSharp.Fx.Fuzz.Effects;

/// <summary>Functions that are declared as leaves.</summary>
public static class Wrapped
{
    public static Tensor Bumped(Tensor x) => x.add_(0.25);

    public static void Note(Tensor x) => x.mul_(0.75);

    public static Tensor Turned(Tensor x) => x.t();

    public static Tensor Noise(Tensor x) => x * rand_like(x);

    public static (Tensor, Tensor) Both(Tensor x) => (x.narrow(0, 0, 2), x.narrow(0, 2, 2));

    internal static Delegate[] All { get; } = [Bumped, Note, Turned, Noise, Both];
}

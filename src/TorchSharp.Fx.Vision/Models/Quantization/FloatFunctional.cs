using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using F = TorchSharp.torch.nn.functional;

namespace TorchSharp.Fx.Vision;

/// <summary>
/// Operations on several tensors as a module, so that each use has its own name and quantisation range.
/// <c>torch.ao.nn.quantized.FloatFunctional</c>
/// </summary>
/// <remarks>It has no <c>forward</c>: call the operations.</remarks>
public sealed class FloatFunctional : nn.Module
{
    private readonly Identity activation_post_process;

    /// <summary>A correlation block; it has no weights.</summary>
    public FloatFunctional() : base(nameof(FloatFunctional))
    {
        activation_post_process = Identity();
        RegisterComponents();
    }

    /// <summary><c>x + y</c></summary>
    public Tensor add(Tensor x, Tensor y) => activation_post_process.call(torch.add(x, y));

    /// <summary><c>x * y</c></summary>
    public Tensor mul(Tensor x, Tensor y) => activation_post_process.call(torch.mul(x, y));

    /// <summary>Concatenates tensors.</summary>
    public Tensor cat(IList<Tensor> x, long dim = 0) => activation_post_process.call(torch.cat(x, dim));

    /// <summary><c>relu(x + y)</c></summary>
    public Tensor add_relu(Tensor x, Tensor y) => activation_post_process.call(F.relu(torch.add(x, y)));
}

/// <summary>Where a quantised model begins; the identity in floating point. <c>torch.ao.quantization.QuantStub</c></summary>
public sealed class QuantStub() : Module<Tensor, Tensor>(nameof(QuantStub))
{
    /// <inheritdoc/>
    public override Tensor forward(Tensor x) => x;
}

/// <summary>Where a quantised model ends; the identity in floating point. <c>torch.ao.quantization.DeQuantStub</c></summary>
public sealed class DeQuantStub() : Module<Tensor, Tensor>(nameof(DeQuantStub))
{
    /// <inheritdoc/>
    public override Tensor forward(Tensor x) => x;
}

/// <summary>The operations of a quantisable model's parts: null stands for plain operations.</summary>
internal static class Quantizable
{
    internal static FloatFunctional? Functional(bool quantizable) => quantizable ? new() : null;

    internal static Tensor Add(this FloatFunctional? functional, Tensor x, Tensor y) => functional is null ? x + y : functional.add(x, y);

    internal static Tensor Mul(this FloatFunctional? functional, Tensor x, Tensor y) => functional is null ? x * y : functional.mul(x, y);

    internal static Tensor Cat(this FloatFunctional? functional, IList<Tensor> tensors) =>
        functional is null ? torch.cat(tensors, 1) : functional.cat(tensors, 1);
}

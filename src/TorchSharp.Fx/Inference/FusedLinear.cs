using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>A linear layer with its bias, a residual or an activation.</summary>
internal sealed class FusedLinear(Tensor weight, Tensor? bias, FusedActivation activation) : FusedModule("FusedLinear", weight, bias, activation)
{
    /// <summary>Below so many multiplications the plain kernel of libtorch, which starts sooner, is done before oneDNN's begins.</summary>
    private const long FewestMultiplications = 300_000;

    internal override FusedModule With(FusedActivation next) => new FusedLinear(Weight, Bias, next);

    internal override bool CanApply(FusedActivation activation, bool isResidual) => !isResidual;

    /// <summary><c>activation(input · weightᵀ + bias)</c>: …×in to …×out.</summary>
    public override Tensor forward(Tensor input)
    {
        if (PaysFor(input))
            return OneDnn.Linear(input, LayoutFor(Rows(input)), Bias, Activation);
        var result = nn.functional.linear(input, Weight, Bias);
        Activation.Apply_(result);
        return result;
    }

    /// <summary><c>input · weightᵀ + bias + other</c></summary>
    public override Tensor add(Tensor other, Tensor input)
    {
        if (PaysFor(input) && other.dtype == input.dtype && other.device_type == DeviceType.CPU && HasShapeOfResult(other, input))
            return OneDnn.LinearAdd(other, input, LayoutFor(Rows(input)), Bias);
        using var product = nn.functional.linear(input, Weight, Bias);
        return product + other;
    }

    private bool PaysFor(Tensor input) => HasKernel(input) && input.dim() > 1 && Rows(input).Batch * Weight.numel() >= FewestMultiplications;

    private bool HasShapeOfResult(Tensor other, Tensor input)
        => other.shape.AsSpan() is [.. var outer, var last] && last == Weight.size(0) && input.shape.AsSpan() is [.. var rows, _] && outer.SequenceEqual(rows);

    private InputShape Rows(Tensor input) => new(input.numel() / Weight.size(1), 0, 0, 0);

    private protected override Tensor Pack(Tensor weight, InputShape shape) => OneDnn.Pack(weight, shape.Batch);
}

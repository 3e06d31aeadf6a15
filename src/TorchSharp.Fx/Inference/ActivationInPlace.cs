using static TorchSharp.torch;

namespace TorchSharp.Fx.Inference;

/// <summary>An activation that writes over its input.</summary>
internal sealed class ActivationInPlace(FusedActivation activation) : nn.Module<Tensor, Tensor>(activation.Name), IOperation
{
    /// <summary>
    /// Applies the activation and returns the same tensor; another one where a gradient needs the input, where the input has gaps that a
    /// result has not, or where it holds whole numbers, of which most activations make floating-point ones.
    /// </summary>
    public Tensor forward_(Tensor input)
    {
        if ((is_grad_enabled() && input.requires_grad) || !input.is_floating_point() || !MemoryFormat.IsDense(input))
            return forward(input);
        activation.Apply_(input);
        return input;
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        if (!input.is_floating_point())
            return activation.Apply(input);
        var result = input.clone();
        activation.Apply_(result);
        return result;
    }
}

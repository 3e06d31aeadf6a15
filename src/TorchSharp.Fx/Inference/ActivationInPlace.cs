using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>An activation that writes over its input.</summary>
internal sealed class ActivationInPlace(FusedActivation activation) : nn.Module<Tensor, Tensor>(activation.Name), IOperation
{
    /// <summary>Applies the activation and returns the same tensor; another one where a gradient needs the input, or where the input has gaps that a result has not.</summary>
    public Tensor forward_(Tensor input)
    {
        if ((is_grad_enabled() && input.requires_grad) || !MemoryFormat.IsDense(input))
            return forward(input);
        activation.Apply_(input);
        return input;
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        var result = input.clone();
        activation.Apply_(result);
        return result;
    }
}

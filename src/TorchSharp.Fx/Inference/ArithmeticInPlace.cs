using static TorchSharp.torch;

namespace TorchSharp.Fx.Inference;

/// <summary>A sum or a product of two tensors that writes over the first of them, or over the second.</summary>
/// <param name="isProduct">Whether it is a product.</param>
/// <param name="mayOverwriteSecond">Whether the second may be written over if the first can't hold the result.</param>
/// <param name="isSwapped">Whether the program has the two in the other order.</param>
internal sealed class ArithmeticInPlace(bool isProduct, bool mayOverwriteSecond, bool isSwapped)
    : nn.Module<Tensor, Tensor, Tensor>(isProduct ? "mul" : "add"), IOperation
{
    /// <summary>The result in the memory of an operand; in new memory where neither can hold it or a gradient needs them.</summary>
    public Tensor forward_(Tensor first, Tensor second)
        => is_grad_enabled() && (first.requires_grad || second.requires_grad) ? forward(first, second)
        : CanHold(first, second, givesOrder: !isSwapped) ? Write(first, second)
        // Whoever runs the graph takes the first operand for the result's, so that the second is freed by itself.
        : mayOverwriteSecond && CanHold(second, first, givesOrder: false) ? Write(second, first).alias()
        : forward(first, second);

    /// <inheritdoc/>
    public override Tensor forward(Tensor first, Tensor second) => isSwapped ? Compute(second, first) : Compute(first, second);

    private Tensor Compute(Tensor first, Tensor second) => isProduct ? first * second : first + second;

    private Tensor Write(Tensor result, Tensor other) => isProduct ? result.mul_(other) : result.add_(other);

    /// <summary>
    /// Whether the result is as large as one operand, of its type, and laid out as that is. The program's first operand gives the order of
    /// the result's elements; where it is broadcast the second one does.
    /// </summary>
    private static bool CanHold(Tensor one, Tensor other, bool givesOrder)
    {
        var missing = (int)(one.dim() - other.dim());
        if (one.dtype != other.dtype || one.device_type != other.device_type || missing < 0 || !MemoryFormat.IsDense(one))
            return false;
        var (isBroadcast, hasSameOrder) = (false, true);
        for (var dimension = missing; dimension < one.dim(); dimension++)
        {
            var (size, otherSize) = (one.size(dimension), other.size(dimension - missing));
            if (otherSize != size && otherSize != 1)
                return false;
            isBroadcast |= otherSize != size;
            hasSameOrder &= size == 1 || other.stride(dimension - missing) == one.stride(dimension);
        }
        return givesOrder || isBroadcast || hasSameOrder;
    }
}

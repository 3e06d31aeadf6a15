using static TorchSharp.torch;

namespace TorchSharp.Fx.Explain;

/// <summary>
/// Minimises a smooth convex function by limited-memory BFGS with backtracking. Nocedal and Wright, "Numerical Optimization" (2006),
/// algorithms 7.4 and 3.1. TorchSharp's own (<c>optim.LBFGS</c>) has no line search, and prints a warning at each step.
/// </summary>
internal static class Lbfgs
{
    private const int History = 20;

    /// <param name="start">Where to begin, a vector of doubles.</param>
    /// <param name="function">The value and the gradient at a point.</param>
    /// <param name="max_iter">How many steps at most.</param>
    /// <param name="tolerance">The largest entry of the gradient at which it ends.</param>
    internal static Tensor Minimise(Tensor start, Func<Tensor, (double Value, Tensor Gradient)> function, int max_iter, double tolerance)
    {
        using var scope = NewDisposeScope();
        var point = start;
        var (value, gradient) = function(point);
        var pairs = new List<(Tensor Step, Tensor Change, double Product)>();
        for (var i = 0; i < max_iter && gradient.abs().max().item<double>() > tolerance; i++)
        {
            var direction = Direction(gradient, pairs);
            var slope = Dot(direction, gradient);
            var rate = pairs.Count == 0 ? Math.Min(1, 1 / gradient.norm().item<double>()) : 1;
            var next = point + rate * direction;
            var found = function(next);
            while (found.Value > value + 1e-4 * rate * slope && rate > 1e-12)
            {
                rate /= 2;
                next = point + rate * direction;
                found = function(next);
            }
            var (step, change) = (next - point, found.Gradient - gradient);
            if (Dot(step, change) is > 1e-12 and var product)
                pairs.Add((step, change, product));
            if (pairs.Count > History)
                pairs.RemoveAt(0);
            (point, value, gradient) = (next, found.Value, found.Gradient);
            if (rate <= 1e-12)
                break;
        }
        return point.clone().MoveToOuterDisposeScope();
    }

    /// <summary>The gradient times an estimate of the inverse Hessian: the two loops.</summary>
    private static Tensor Direction(Tensor gradient, List<(Tensor Step, Tensor Change, double Product)> pairs)
    {
        var direction = -gradient;
        var weights = new double[pairs.Count];
        for (var i = pairs.Count - 1; i >= 0; i--)
        {
            weights[i] = Dot(pairs[i].Step, direction) / pairs[i].Product;
            direction -= weights[i] * pairs[i].Change;
        }
        if (pairs.Count > 0)
            direction *= pairs[^1].Product / Dot(pairs[^1].Change, pairs[^1].Change);
        for (var i = 0; i < pairs.Count; i++)
            direction += (weights[i] - Dot(pairs[i].Change, direction) / pairs[i].Product) * pairs[i].Step;
        return direction;
    }

    private static double Dot(Tensor a, Tensor b) => a.dot(b).item<double>();
}

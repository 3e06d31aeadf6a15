using static TorchSharp.torch;

namespace TorchSharp.Fx;

public static partial class explain
{
    /// <summary>
    /// Integrated gradients: the contribution of each input element to the score of a class, relative to a baseline.
    /// <c>(xᵢ − x′ᵢ) ∫₀¹ ∂F(x′ + α(x − x′))/∂xᵢ dα</c>, by Gauss-Legendre quadrature. The attributions of an image add up to
    /// <c>F(x) − F(x′)</c>: <see cref="compute_convergence_delta"/>. Sundararajan et al., "Axiomatic Attribution for Deep Networks" (2017),
    /// arXiv:1703.01365. Counterparts: <c>captum.attr.IntegratedGradients</c> and, with a node, <c>LayerIntegratedGradients</c>.
    /// </summary>
    /// <param name="model">A model that takes one tensor and returns scores [N, classes], alone or as the first tensor of its
    /// result.</param>
    /// <param name="inputs">The inputs, [N, …].</param>
    /// <param name="target">The class; when null, the one with the highest score for each input.</param>
    /// <param name="baselines">The neutral input, of a shape that broadcasts to the inputs; zeros when null.</param>
    /// <param name="n_steps">The number of gradients. Use more if the attributions don't add up.</param>
    /// <param name="node">The node or module whose value gets the attributions, e.g. an embedding of text. The path goes from its value for
    /// the baseline to that for the input. The input itself when null.</param>
    /// <returns>Attributions, of the shape of the input or of the node's value.</returns>
    /// <exception cref="ArgumentException">The node or class doesn't exist, the node's value has no gradients, or the score doesn't depend
    /// on it.</exception>
    public static Tensor integrated_gradients(nn.Module model, Tensor inputs, long? target = null, Tensor? baselines = null,
        int n_steps = 50, string? node = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(n_steps, 1);
        using var scope = NewDisposeScope();
        using var explained = new ExplainedModel(model, inputs, node);
        using var _ = no_grad();
        var (output, end) = explained.Run(inputs);
        explained.CheckGradients(end);
        var targets = Scores.Targets(output, target);
        var start = explained.Run(Baseline(inputs, baselines)).Value;
        var total = zeros_like(end);
        foreach (var (alpha, weight) in Quadrature.GaussLegendre(n_steps))
        {
            using var step = NewDisposeScope();
            total.add_(explained.Gradient(inputs, start + alpha * (end - start), result => Scores.Of(result, targets)), weight);
        }
        return ((end - start) * total).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// The error of attributions, for each input: their sum minus the difference of the scores. Counterpart:
    /// <c>captum.attr.Attribution.compute_convergence_delta</c>.
    /// </summary>
    /// <param name="model">The explained model.</param>
    /// <param name="attributions">Attributions to the input or to a node's value, [N, …].</param>
    /// <param name="start_point">The baselines.</param>
    /// <param name="end_point">The inputs.</param>
    /// <param name="target">The class; when null, the one with the highest score for each input.</param>
    /// <returns><c>Σ attributions − (F(end) − F(start))</c>, [N].</returns>
    public static Tensor compute_convergence_delta(nn.Module model, Tensor attributions, Tensor start_point, Tensor end_point,
        long? target = null)
    {
        ArgumentNullException.ThrowIfNull(attributions);
        using var scope = NewDisposeScope();
        using var explained = new ExplainedModel(model, end_point, null);
        using var _ = no_grad();
        var (end, start) = (explained.Run(end_point).Output, explained.Run(Baseline(end_point, start_point)).Output);
        var targets = Scores.Targets(end, target);
        return (attributions.flatten(1).sum(1) - (Scores.Of(end, targets) - Scores.Of(start, targets))).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// Occlusion: how much the score of a class falls when a window of the input is covered; overlapping windows are averaged. Zeiler and
    /// Fergus, "Visualizing and Understanding Convolutional Networks" (2013), arXiv:1311.2901. Counterpart: <c>captum.attr.Occlusion</c>.
    /// </summary>
    /// <param name="model">A model that takes one tensor and returns scores [N, classes], alone or as the first tensor of its
    /// result.</param>
    /// <param name="inputs">The inputs, [N, …].</param>
    /// <param name="sliding_window_shapes">The window's size without the batch dimension, e.g. [3, 32, 32] for images.</param>
    /// <param name="strides">The step of the window in each of these dimensions; 1 when null. The last window may extend beyond the
    /// edge.</param>
    /// <param name="target">The class; when null, the one with the highest score for each input.</param>
    /// <param name="baselines">The values in a covered window, of a shape that broadcasts to the inputs; zeros when null.</param>
    /// <returns>Attributions of the shape of the inputs, [N, …].</returns>
    /// <exception cref="ArgumentException">The window or the strides don't fit the input, or the class doesn't exist.</exception>
    public static Tensor occlusion(nn.Module model, Tensor inputs, long[] sliding_window_shapes, long[]? strides = null,
        long? target = null, Tensor? baselines = null)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        ArgumentNullException.ThrowIfNull(sliding_window_shapes);
        strides ??= [.. sliding_window_shapes.Select(_ => 1L)];
        var shape = inputs.shape[1..];
        if (sliding_window_shapes.Length != shape.Length || strides.Length != shape.Length)
            throw new ArgumentException(
                $"The window and the strides need a number for each dimension of an input without the batch, [{string.Join(", ", shape)}].",
                nameof(sliding_window_shapes));
        foreach (var (dim, (size, stride, length)) in sliding_window_shapes.Zip(strides, shape).Index())
            if (size < 1 || size > length || stride < 1 || stride > size)
                throw new ArgumentException(
                    $"A window of {size} that moves by {stride} doesn't cover the {length} of dimension {dim + 1}: "
                    + "it has to be within it, and to move by 1 up to its own size.", nameof(sliding_window_shapes));
        using var scope = NewDisposeScope();
        using var explained = new ExplainedModel(model, inputs, null);
        using var _ = no_grad();
        var (output, cover) = (explained.Run(inputs).Output, Baseline(inputs, baselines));
        var targets = Scores.Targets(output, target);
        var score = Scores.Of(output, targets);
        var (total, count) = (zeros_like(inputs), zeros_like(inputs));
        foreach (var window in Windows(shape, sliding_window_shapes, strides))
        {
            using var step = NewDisposeScope();
            var covered = inputs.clone();
            covered[window] = cover[window];
            var fall = score - Scores.Of(explained.Run(covered, value => value), targets);
            total[window] = total[window] + fall.reshape([-1, .. shape.Select(_ => 1L)]);
            count[window] = count[window] + 1;
        }
        return (total / count).MoveToOuterDisposeScope();
    }

    private static Tensor Baseline(Tensor inputs, Tensor? baselines)
        => baselines is null ? zeros_like(inputs) : baselines.to(inputs.dtype, inputs.device).expand_as(inputs);

    /// <summary>The windows as indices of the input, all of the batch in each.</summary>
    private static IEnumerable<TensorIndex[]> Windows(long[] shape, long[] sizes, long[] strides)
    {
        IEnumerable<TensorIndex[]> all = [[TensorIndex.Colon]];
        for (var dim = 0; dim < shape.Length; dim++)
        {
            var (size, stride, length) = (sizes[dim], strides[dim], shape[dim]);
            var count = (length - size + stride - 1) / stride + 1;
            all = all.SelectMany(before => Enumerable.Range(0, (int)count)
                .Select(i => (TensorIndex[])[.. before, TensorIndex.Slice(i * stride, Math.Min(i * stride + size, length))]));
        }
        return all;
    }
}

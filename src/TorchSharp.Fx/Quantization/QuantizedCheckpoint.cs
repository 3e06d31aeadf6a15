using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Quantization;

/// <summary>
/// A checkpoint of PyTorch's eager quantisation, read by the paths of modules: one that was converted has steps, scales and zero points;
/// one of training (<c>prepare_qat</c>) has weights in floating point, the norms after them and what rounds both, and is converted here.
/// Counterpart: <c>torch.ao.quantization.convert</c>.
/// </summary>
/// <param name="state">Its tensors, as <c>Pth.load_file</c> reads them.</param>
internal sealed class QuantizedCheckpoint(IReadOnlyDictionary<string, Tensor> state)
{
    private const string Rounding = ".weight_fake_quant", Observer = ".activation_post_process", Norm = ".bn";

    private readonly HashSet<string> read = new(StringComparer.Ordinal);

    private bool IsOfTraining { get; } = state.Keys.Any(key => key.EndsWith(Rounding + ".scale", StringComparison.Ordinal));

    /// <summary>A layer's weight in steps, with a scale and zero point for each output, and its bias in floating point.</summary>
    /// <param name="Steps">The weight.</param>
    /// <param name="Scale">In single precision [outputs].</param>
    /// <param name="ZeroPoint">In the weight's type [outputs].</param>
    /// <param name="Bias">The bias; null for none.</param>
    internal readonly record struct Weight(Tensor Steps, Tensor Scale, Tensor ZeroPoint, Tensor? Bias);

    /// <summary>The steps that a module's results are rounded to; null for one that rounds none.</summary>
    internal (double Scale, long Zero)? Range(string path)
    {
        var owner = state.ContainsKey(path + ".scale") ? path : path + Observer;
        return state.ContainsKey(owner + ".scale")
            ? (Tensor(owner + ".scale").to(ScalarType.Float64).flatten()[0].item<double>(),
                Tensor(owner + ".zero_point").to(ScalarType.Int64).flatten()[0].item<long>())
            : null;
    }

    /// <summary>Whether a norm is a part of the layer before it.</summary>
    internal bool IsFolded(string norm) => !state.ContainsKey(norm + ".weight");

    /// <summary>The weight and bias of a layer.</summary>
    /// <param name="path">The layer's path.</param>
    /// <param name="shape">The weight's shape in the model.</param>
    /// <param name="norm">The norm after it; null for none.</param>
    /// <exception cref="ArgumentException">The checkpoint is without it, or has it in another shape.</exception>
    internal Weight Layer(string path, long[] shape, BatchNorm? norm)
    {
        var outputs = shape[0];
        var weight = Tensor(path + ".weight", shape);
        var bias = state.ContainsKey(path + ".bias") ? Tensor(path + ".bias", outputs) : null;
        var rounding = IsOfTraining ? path + Rounding + "." : path + ".weight_";
        if (IsOfTraining && norm is not null)
            (weight, bias) = optimization.Folded(weight, bias, norm.eps, Tensor(path + Norm + ".running_mean", outputs),
                Tensor(path + Norm + ".running_var", outputs), Tensor(path + Norm + ".weight", outputs),
                Tensor(path + Norm + ".bias", outputs), ScalarType.Float32);
        var scale = Each(rounding + "scale", outputs).to(ScalarType.Float32);
        var zero = Each(rounding + "zero_point", outputs);
        var steps = IsOfTraining
            ? quantized_decomposed.quantize_per_channel(weight, scale, zero.to(ScalarType.Int64), 0, -128, 127, ScalarType.Int8)
            : weight.clone();
        return new(steps, scale, zero.to(steps.dtype), bias?.clone());
    }

    /// <summary>Refuses what the model has no place for. What it does without in evaluation has one.</summary>
    /// <param name="modules">The paths of all modules of the model.</param>
    /// <exception cref="ArgumentException">There is such a tensor.</exception>
    internal void CheckAllFit(IReadOnlySet<string> modules)
    {
        string[] others = [.. state.Keys.Where(key => !read.Contains(key) && !modules.Contains(Owner(key))).Order(StringComparer.Ordinal)];
        if (others.Length > 0)
            throw new ArgumentException(
                $"The model has no place for '{others[0]}', and in all {others.Length} of {state.Count} tensors of the checkpoint: is it "
                    + "of this model?");
    }

    /// <summary>The module in floating point that a tensor is of.</summary>
    private string Owner(string key)
    {
        var owner = key[..Math.Max(0, key.LastIndexOf('.'))];
        if (IsOfTraining)
            foreach (var part in new[] { Rounding, Observer, Norm })
                if ((owner + ".").IndexOf(part + ".", StringComparison.Ordinal) is >= 0 and var at)
                    return owner[..at];
        return owner;
    }

    /// <summary>A number for each output, or one for all.</summary>
    private Tensor Each(string key, long outputs)
    {
        var numbers = Tensor(key);
        return (numbers.numel() == 1 ? numbers.reshape(1) : Tensor(key, outputs)).expand(outputs).clone();
    }

    private Tensor Tensor(string key, params long[] shape)
    {
        var tensor = Tensor(key);
        return tensor.shape.SequenceEqual(shape) ? tensor : throw new ArgumentException(
            $"The checkpoint's '{key}' is of shape [{string.Join(", ", tensor.shape)}], the model's of [{string.Join(", ", shape)}].");
    }

    private Tensor Tensor(string key)
    {
        read.Add(key);
        return state.TryGetValue(key, out var tensor) ? tensor
            : throw new ArgumentException($"The checkpoint has no '{key}': it is of another model, or not quantised.");
    }
}

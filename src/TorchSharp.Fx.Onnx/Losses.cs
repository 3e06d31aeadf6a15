using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx;

/// <summary>Losses, by what they are defined as.</summary>
internal static class Losses
{
    private static readonly Dictionary<string, Func<LoweredCall, Node>> Table = new(StringComparer.Ordinal)
    {
        ["mse_loss"] = call => Elementwise(call, (Tensor x, Tensor y) => (x - y).square()),
        ["l1_loss"] = call => Elementwise(call, (Tensor x, Tensor y) => (x - y).abs()),
        ["smooth_l1_loss"] = SmoothL1,
        ["huber_loss"] = Huber,
        ["soft_margin_loss"] = call => Elementwise(call, (Tensor x, Tensor y) => (-x * y).exp().log1p()),
        ["kl_div"] = call => call.Setting("log_target", true)
            ? Elementwise(call, (Tensor x, Tensor y) => y.exp() * (y - x))
            : Elementwise(call, (Tensor x, Tensor y) => where(y > 0, y * y.log(), zeros_like(y)) - (y * x)),
        ["binary_cross_entropy"] = call =>
            Elementwise(call, (Tensor x, Tensor y) => -((y * x.log().clamp_min(-100)) + ((1 - y) * (1 - x).log().clamp_min(-100)))),
        ["binary_cross_entropy_with_logits"] = WithLogits,
        ["nll_loss"] = call => Likelihood(call, call.Tensor("input")!),
        ["cross_entropy"] = CrossEntropy,
    };

    private static readonly Dictionary<string, string> Layers = new(StringComparer.Ordinal)
    {
        ["MSELoss"] = "mse_loss", ["L1Loss"] = "l1_loss", ["SmoothL1Loss"] = "smooth_l1_loss", ["HuberLoss"] = "huber_loss",
        ["SoftMarginLoss"] = "soft_margin_loss", ["KLDivLoss"] = "kl_div",
        ["BCELoss"] = "binary_cross_entropy", ["BCEWithLogitsLoss"] = "binary_cross_entropy_with_logits", ["NLLLoss"] = "nll_loss",
        ["CrossEntropyLoss"] = "cross_entropy",
    };

    /// <summary>The names of the functions and layers.</summary>
    internal static IEnumerable<string> Names => Table.Keys.Concat(Layers.Keys.Select(name => name.ToLowerInvariant()));

    /// <summary>The graph of a loss; null for what is none.</summary>
    internal static Expansion? Of(string function, IEnumerable<string> parameters, object?[] given)
        => Table.TryGetValue(function, out var write) ? Written(new(null, parameters, given), write) : null;

    /// <summary>The graph of a layer that is a loss; null for others.</summary>
    internal static Expansion? Of(nn.Module module, object?[] given)
        => Layers.TryGetValue(module.GetType().Name, out var function)
            ? Written(new(module, ["input", "target"], given), Table[function]) : null;

    private static Expansion Written(LoweredCall call, Func<LoweredCall, Node> write) => call.Done(write(call));

    private static Node Elementwise(LoweredCall call, Func<Tensor, Tensor, Tensor> loss)
    {
        var each = call.Add(loss, call.Tensor("input")!, call.Tensor("target")!);
        return Reduced(call, call.Tensor("weight") is { } weight ? call.Add((Tensor x, Tensor by) => x * by, each, weight) : each);
    }

    private static Node Reduced(LoweredCall call, Node each) => call.Setting("reduction", nn.Reduction.Mean) switch
    {
        nn.Reduction.Mean => call.Add((Tensor x) => x.mean(), each),
        nn.Reduction.Sum => call.Add((Tensor x) => x.sum(), each),
        _ => each,
    };

    private static Node SmoothL1(LoweredCall call)
    {
        var beta = call.Setting("beta", 1.0);
        return beta == 0 ? Elementwise(call, (Tensor x, Tensor y) => (x - y).abs())
            : Elementwise(call,
                (Tensor x, Tensor y) => where((x - y).abs() < beta, (x - y).square() * (0.5 / beta), (x - y).abs() - (0.5 * beta)));
    }

    private static Node Huber(LoweredCall call)
    {
        var delta = call.Setting("delta", 1.0);
        return Elementwise(call,
            (Tensor x, Tensor y) => where((x - y).abs() < delta, (x - y).square() * 0.5, ((x - y).abs() - (0.5 * delta)) * delta));
    }

    /// <summary>Without the logarithm of a small number: <c>log(1 + e⁻ˣ) = log1p(e⁻|ˣ|) + max(−x, 0)</c>.</summary>
    private static Node WithLogits(LoweredCall call)
    {
        if (call.Tensor("pos_weights") is not { } positive)
            return Elementwise(call, (Tensor x, Tensor y) => ((1 - y) * x) + (-x.abs()).exp().log1p() + (-x).relu());
        var scale = call.Add((Tensor y, Tensor weight) => 1 + ((weight - 1) * y), call.Tensor("target")!, positive);
        var each = call.Add((Tensor x, Tensor y, Tensor by) => ((1 - y) * x) + (by * ((-x.abs()).exp().log1p() + (-x).relu())),
            call.Tensor("input")!, call.Tensor("target")!, scale);
        return Reduced(call, call.Tensor("weight") is { } weight ? call.Add((Tensor x, Tensor by) => x * by, each, weight) : each);
    }

    private static Node CrossEntropy(LoweredCall call)
    {
        var classes = Classes(call);
        var logarithms = call.Add((Tensor x) => x.log_softmax(classes), call.Tensor("input")!);
        return call.IsWhole("target") ? Likelihood(call, logarithms) : Soft(call, logarithms);
    }

    /// <summary>Targets that are probabilities; smoothing mixes in the mean over all classes.</summary>
    private static Node Soft(LoweredCall call, Node logarithms)
    {
        var (classes, smoothing) = (Classes(call), call.Setting("label_smoothing", 0.0));
        return Reduced(call,
            call.Add((Tensor x, Tensor y) => (-(1 - smoothing) * (x * y).sum(classes)) - (smoothing * x.mean(new[] { classes })),
                Weighted(call, logarithms), call.Tensor("target")!));
    }

    private static Argument Weighted(LoweredCall call, Argument logarithms)
        => call.Tensor("weight") is { } weight
            ? call.Add((Tensor x, Tensor by) => x * by, logarithms, Broadcast(call, weight)) : logarithms;

    /// <summary>Targets that are classes: a weighted mean over those that are not to be ignored.</summary>
    private static Node Likelihood(LoweredCall call, Argument logarithms)
    {
        var (classes, ignored, smoothing) = (Classes(call), call.Setting("ignore_index", -100L), call.Setting("label_smoothing", 0.0));
        var counts = call.Add((Tensor y) => y != ignored, call.Tensor("target")!);
        var target = call.Add((Tensor y, Tensor valid) => y * valid.to(int64), call.Tensor("target")!, counts);
        var each = call.Add((Tensor x, Tensor y) => -x.gather(classes, y.unsqueeze(classes)).squeeze(classes), logarithms, target);
        var share = call.Tensor("weight") is { } weight
            ? call.Add((Tensor by, Tensor y, Tensor valid) => by.index_select(0, y.flatten()).view_as(y) * valid.to(by.dtype), weight,
                target, counts)
            : call.Add((Tensor valid, Tensor x) => valid.to(x.dtype), counts, logarithms);
        each = call.Add((Tensor x, Tensor by) => x * by, each, share);
        if (smoothing > 0)
            each = call.Add((Tensor x, Tensor y, Tensor valid) =>
                (x * (1 - smoothing)) - (smoothing * y.mean(new[] { classes }) * valid.to(y.dtype)), each, Weighted(call, logarithms),
                    counts);
        return call.Setting("reduction", nn.Reduction.Mean) == nn.Reduction.Mean
            ? call.Add((Tensor x, Tensor by) => x.sum() / by.sum(), each, share) : Reduced(call, each);
    }

    private static Node Broadcast(LoweredCall call, Argument weight)
    {
        long[] shape = [-1, .. Enumerable.Repeat(1L, Math.Max(0, call.Sizes("input").Length - 2))];
        return call.Add((Tensor by) => by.reshape(shape), weight);
    }

    private static long Classes(LoweredCall call) => call.Sizes("input").Length == 1 ? 0 : 1;
}

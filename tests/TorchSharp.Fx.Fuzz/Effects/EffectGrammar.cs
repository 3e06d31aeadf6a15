namespace TorchSharp.Fx.Fuzz.Effects;

/// <summary>
/// Forward methods with effects. T is a matrix of 4 x 4, R one of 2 x 4 and S a number, so that nearly every combination runs; square, so that a view of a matrix turns into a matrix again.
/// </summary>
internal static class EffectGrammar
{
    internal static Grammar Of(Extra extra) => new(
        new Dictionary<string, string[]>
        {
            ["T"] = [.. Values, .. Views, .. Layers, .. Draws, .. Enumerable.Repeat(extra.Expressions, 4).SelectMany(all => all)],
            ["R"] = ["«T».narrow(0, 1, 2)", "«T»[..2]", "«T».chunk(2)[1]", "(«R» + «literal number»)", "«R».tanh()", "«T».split(2)[0]", "halves.call(«T»)[1]", "Wrapped.Both(«T»).Item2", "«R».clone()"],
            ["S"] = ["«T».mean()", "«R».max()", "«T».sum().tanh()", "«T»[0, 1]", "step.mean()"],
            ["bool"] = ["training", "wide", "!wide"],
        },
        new Dictionary<string, string[]>
        {
            ["literal number"] = ["0.5", "2.0", "(-0.25)", "1.5"],
            ["literal seed"] = ["3", "7"],
        },
        [.. Writes, .. Writes, .. Calls, .. State, .. Control, .. Enumerable.Repeat(extra.Statements, 6).SelectMany(all => all)],
        ["continue;", "break;"], ["y = «T»;"]);

    private static string[] Values { get; } =
    [
        "(«T» + «T»)", "(«T» * «literal number»)", "(«T» - «S»)", "(«T» * weight)", "(«T» + bn.running_mean)", "«T».tanh()", "«T».sigmoid()", "«T».relu()", "«T».clone()", "«T».abs().sqrt()", "torch.where(«T» > 0, «T», «T»)",
        "«T».masked_fill(«T» > 0.5, 0.5)", "torch.stack([«T», «T»]).sum(0)", "torch.cat([«R», «R»])", "torch.ones(4, 4)", "torch.full_like(«T», 0.5)", "nn.functional.softmax(«T», 1)", "buffer", "raw[0]", "weight", "(«T» + step)",
    ];

    private static string[] Views { get; } =
    [
        "«T».transpose(0, 1)", "«T».t()", "«T».reshape(2, 8).reshape(4, 4)", "«T».reshape(16).view(4, 4)", "«T».detach()", "«T».contiguous()", "torch.einsum(\"ij->ji\", «T»)", "torch.cat([«T»])", "«T».unsqueeze(0).squeeze(0)", "«T».expand(4, 4)",
        "torch.stack(«T».unbind(0))", "«T».to(float32)", "«T».alias()", "«T»[..]", "«T».flatten().unflatten(0, [4, 4])", "nn.functional.dropout(«T», 0.5, false)", "«T».permute(1, 0)", "«T».swapaxes(0, 1)", "torch.cartesian_prod([«T».reshape(16)]).reshape(4, 4)", "torch.broadcast_tensors(«T», «S»)[0]",
    ];

    private static string[] Layers { get; } =
    [
        "fc.call(«T»)", "fc.forward(«T»)", "other.call(«T»)", "tied.call(«T»)", "again.call(«T»)", "bn.call(«T»)", "act.call(«T»)", "soft.call(«T»)", "seq.call(«T»)", "nest.call(«T»)", "layer.call(«T»)", "instance.call(«T».unsqueeze(0)).squeeze(0)", "emb.call(torch.arange(4))", "layers[0].call(«T»)", "heads[\"a.b\"].call(«T»)",
        "heads[\"-0.5\"].call(«T»)", "list[0].call(«T»)", "tap0.call(«T»)", "tap1.call(«T»)", "picture.call(«T»)", "dense.call(«T»)", "average.call(«T»)", "bump.call(«T»)", "turn.call(«T»)", "keeper.call(«T»)", "counter.call(«T»)", "doubled.call(«T»).Second", "named.call(«T»)[\"self\"]", "Wrapped.Bumped(«T»)", "Wrapped.Turned(«T»)",
        "nn.functional.linear(«T», fc.weight, fc.bias)", "nn.functional.batch_norm(«T», mean, spread, training: training)", "nn.functional.relu(«T», inplace: true)",
    ];

    private static string[] Draws { get; } =
    [
        "drop.call(«T»)", "lossy.call(«T»)", "nn.functional.dropout(«T», 0.5, training)", "(«T» + torch.randn_like(«T»))", "torch.rand_like(«T»)", "torch.bernoulli(«T».sigmoid())", "noisy.call(«T»)", "Wrapped.Noise(«T»)", "(«T» + torch.rand(4, 4))",
    ];

    private static string[] Writes { get; } =
    [
        "«=T».add_(«literal number»);", "«=T».mul_(«T».clone());", "«=T».t().add_(«S».clone());", "«=T».narrow(0, 0, 2).add_(«R».clone());", "«=T».chunk(2)[1].zero_();", "«=T».unbind(0)[1].add_(«literal number»);", "«=T».diagonal().mul_(«literal number»);", "«=T».copy_(«T».clone());", "«=T»[0] = «S».clone();", "«=T».reshape(16)[..4].fill_(0.5);",
        "act.call(«=T»);", "bump.call(«=T»);", "Wrapped.Note(«=T»);", "named.call(«=T»);", "nn.functional.relu(«=T», inplace: true);", "r.add_(«literal number»);", "«=T».relu_();", "torch.cat([«=T»]).add_(0.25);", "torch.einsum(\"ij->ji\", «=T»).mul_(0.5);", "turn.call(«=T»).add_(«literal number»);", "«T».add_(«literal number»);", "halves.call(«=T»)[0].mul_(0.5);", "doubled.call(«=T»).First.add_(0.25);",
    ];

    private static string[] Calls { get; } =
    [
        "x = «T»;", "x = «T»;", "y = «T»;", "y = «T»;", "r = «R»;", "T v§ = «T»;", "T v§ = «T»;", "(x, y) = (y, x);", "items.Add(«T»);", "y = items[^1];", "x = x + items[0];", "x = tap0.call(x);", "y = tap1.call(y);", "pair = («T», y);", "x = pair.Item1;", "{ var (a§, b§) = Wrapped.Both(«T»); r = a§ + b§; }", "{ var c§ = doubled.call(«T»); x = c§.First; y = c§.Second; }",
    ];

    private static string[] State { get; } =
    [
        "bn.call(«T»);", "drop.call(«T»);", "x = x + bn.running_mean;", "{ var a§ = bn.running_mean!.clone(); bn.call(«T»); y = y + (bn.running_mean - a§); }", "buffer.add_(«literal number»);", "buffer.copy_(«T».detach());", "step.add_(1);", "using (torch.no_grad()) weight.mul_(0.5);", "mean.copy_(«T».detach().mean([0]));", "x = x - buffer;", "raw[0].add_(0.25);", "counter.call(«T»);", "emb.call(torch.arange(4));",
        "torch.manual_seed(«literal seed»);", "torch.rand(4);", "keeper.call(x).mul_(0.5);", "using (torch.no_grad()) fc.bias!.add_(0.25);", "instance.call(«T».unsqueeze(0));", "average.call(«T»);", "noisy.call(«T»);",
    ];

    private static string[] Control { get; } =
    [
        "using (torch.no_grad()) «block»", "using (torch.no_grad()) «block»", "using (torch.enable_grad()) «block»", "using (torch.no_grad()) x = «T»;", "if («bool») «block»", "if (training) «block» else «block»", "for (int i§ = 0; i§ < 2; i§++) «loop int i§»", "foreach (var c§ in «T».chunk(2)) r = r + c§;", "foreach (var c§ in «=T».chunk(2)) c§.mul_(0.5);", "foreach (var m§ in layers) x = m§.call(x);", "foreach (var m§ in list) y = m§.call(y);",
        "using (torch.NewDisposeScope()) x = («T» + 1).MoveToOuterDisposeScope();", "try «block» finally «finally»",
    ];
}

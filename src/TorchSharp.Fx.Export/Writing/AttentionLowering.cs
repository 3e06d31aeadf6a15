using System.Collections.Immutable;
using static TorchSharp.torch;
using functional = TorchSharp.torch.nn.functional;

namespace TorchSharp.Fx.Export;

/// <summary>Attention and transformer layers as the operations that libtorch does them by, in its order: <see cref="NativeTransformer"/>
/// as nodes,
/// with masks.</summary>
/// <param name="to">Where the operations go.</param>
/// <param name="node">The layer's call.</param>
/// <param name="module">The layer.</param>
internal sealed class AttentionLowering(Lowering to, Node node, nn.Module module)
{
    private static readonly string[] Attended = ["query", "key", "value", "key_padding_mask", "need_weights", "attn_mask"],
        Encoded = ["src", "src_mask", "src_key_padding_mask"],
        Decoded = ["tgt", "memory", "tgt_mask", "memory_mask", "tgt_key_padding_mask", "memory_key_padding_mask"],
        Whole = ["src", "tgt", "src_mask", "tgt_mask", "memory_mask", "src_key_padding_mask", "tgt_key_padding_mask",
            "memory_key_padding_mask"];

    private readonly IReadOnlyDictionary<string, object?> settings = NativeSettings.Of(module);

    private double Dropout => module.training ? (double)settings["dropout"]! : 0;

    internal void Run()
    {
        if (module is TorchSharp.Modules.MultiheadAttention)
            Attention();
        else
            to.Replace(node, ((NodeArgument)Transformed()).Node);
    }

    private void Attention()
    {
        var (result, weights) = Attend("", Given("query")!, Given("key")!, Given("value")!, "key_padding_mask", "attn_mask",
            (long)settings["num_heads"]!);
        var heads = (long)settings["num_heads"]!;
        var shown = Given("need_weights") is null or Literal { Value: true }
            ? to.Add((Tensor x) => x.view(new[] { -1L, heads, x.shape[1], x.shape[2] }).sum(new[] { 1L }) / (double)heads, weights)
                : (Argument)new Literal(null);
        to.Replace(node, result, shown);
    }

    private Argument Transformed() => module switch
    {
        TorchSharp.Modules.Transformer => Stacked("decoder.", Given("tgt")!, Decoder(Stacked("encoder.", Given("src")!, Encoder))),
        TorchSharp.Modules.TransformerEncoder => Stacked("", Given("src")!, Encoder),
        TorchSharp.Modules.TransformerEncoderLayer => Encoder("", Given("src")!),
        TorchSharp.Modules.TransformerDecoder => Stacked("", Given("tgt")!, Decoder(Given("memory")!)),
        _ => Decoder(Given("memory")!)("", Given("tgt")!),
    };

    private Argument Stacked(string at, Argument tokens, Func<string, Argument, Argument> layer)
    {
        for (var i = 0; Weight($"{at}layers.{i}.linear1.weight") is not null; i++)
            tokens = layer($"{at}layers.{i}.", tokens);
        return Weight($"{at}norm.weight") is null ? tokens : Norm($"{at}norm", tokens);
    }

    private Argument Encoder(string at, Argument tokens)
    {
        tokens = Added(at + "norm1", tokens, Attend(at + "self_attn.", tokens, tokens, tokens, "src_key_padding_mask", "src_mask",
            Heads).Result);
        return Added(at + "norm2", tokens, Forward(at, tokens));
    }

    private Func<string, Argument, Argument> Decoder(Argument memory) => (at, tokens) =>
    {
        tokens = Added(at + "norm1", tokens, Attend(at + "self_attn.", tokens, tokens, tokens, "tgt_key_padding_mask", "tgt_mask",
            Heads).Result);
        tokens = Added(at + "norm2", tokens, Attend(at + "multihead_attn.", tokens, memory, memory, "memory_key_padding_mask",
            "memory_mask", Heads).Result);
        return Added(at + "norm3", tokens, Forward(at, tokens));
    };

    private long Heads => (long)settings["nhead"]!;

    private Node Added(string norm, Argument tokens, Argument change)
        => Norm(norm, to.Add((Tensor x, Tensor y) => x + y, tokens, Drop(change)));

    private Node Norm(string at, Argument tokens)
    {
        long[] size = [module.get_parameter(at + ".weight")!.shape[0]];
        return to.Add((Tensor x, Tensor weight, Tensor bias) => functional.layer_norm(x, size, weight, bias, 1e-5), tokens,
            Weight(at + ".weight")!, Weight(at + ".bias")!);
    }

    private Node Forward(string at, Argument tokens)
    {
        var wide = Linear(tokens, Weight(at + "linear1.weight")!, Weight(at + "linear1.bias"));
        var active = to.Add(settings["activation"] is nn.Activations.GELU ? (Tensor x) => x.gelu() : (Tensor x) => x.relu(), wide);
        return Linear(Drop(active), Weight(at + "linear2.weight")!, Weight(at + "linear2.bias"));
    }

    private Argument Drop(Argument tokens)
    {
        var rate = Dropout;
        return rate == 0 ? tokens : to.Add((Tensor x) => functional.dropout(x, rate, true), tokens);
    }

    /// <summary>Steps before batches: [L, N, E], [S, N, E], [S, N, E] to [L, N, E], and what is looked at, [N · heads, L, S].</summary>
    private (Node Result, Argument Weights) Attend(string at, Argument query, Argument key, Argument value, string padding, string mask,
        long heads)
    {
        var all = module.get_parameter(at + "out_proj.weight")!.shape[0];
        var (width, factor) = (all / heads, Math.Pow(all / heads, -0.5));
        Func<Tensor, Tensor> split = x => x.contiguous().view(new[] { x.shape[0], -1L, width }).transpose(0, 1);
        var q = to.Add(split, to.Add((Tensor x) => x * factor, Projected(at, "q", 0, query)));
        var (k, v) = (to.Add(split, Extended(at + "bias_k", Projected(at, "k", 1, key))),
            to.Add(split, Extended(at + "bias_v", Projected(at, "v", 2, value))));
        if (settings.GetValueOrDefault("add_zero_attn") is true)
            (k, v) = (Padded(k), Padded(v));
        var scores = Masked(at, to.Add((Tensor a, Tensor b) => a.bmm(b.transpose(1, 2)), q, k), padding, mask, heads);
        var weights = Drop(to.Add((Tensor x) => x.softmax(-1), scores));
        var joined = to.Add((Tensor w, Tensor x, Tensor asked)
            => w.bmm(x).transpose(0, 1).contiguous().view(new[] { asked.shape[0], asked.shape[1], all }), weights, v, query);
        return (Linear(joined, Weight(at + "out_proj.weight")!, Weight(at + "out_proj.bias")), weights);
    }

    private Node Padded(Node split) => to.Add((Tensor x) => cat(new[] { x, x.narrow(1, 0, 1).zeros_like() }, 1), split);

    private Argument Masked(string at, Argument scores, string padding, string mask, long heads)
    {
        var (seen, padded) = (Given(mask), Given(padding));
        if ((seen ?? padded) is not null && (settings.GetValueOrDefault("add_zero_attn") is true || Weight(at + "bias_k") is not null))
            throw new NotSupportedException("masks together with keys that it adds itself are not written");
        if (seen is not null)
            scores = IsBool(seen) ? to.Add((Tensor x, Tensor hidden) => x.masked_fill(hidden, double.NegativeInfinity), scores, seen)
                : to.Add((Tensor x, Tensor by) => x + by, scores, seen);
        return padded is null ? scores : !IsBool(padded) ? throw new NotSupportedException("its mask of padding is not of bools")
            : to.Add((Tensor x, Tensor hidden) => x.view(new[] { -1L, heads, x.shape[1], x.shape[2] })
                .masked_fill(hidden.unsqueeze(1).unsqueeze(2), double.NegativeInfinity).view(new[] { -1L, x.shape[1], x.shape[2] }),
                    scores, padded);
    }

    private bool IsBool(Argument mask) => mask is NodeArgument { Node: var node }
        && to.FactOf(node) is Fact.OfTensor { Type: ScalarType.Bool };

    /// <summary>Queries, keys and values have a third each of one weight, or weights of their own.</summary>
    private Node Projected(string at, string kind, int third, Argument tokens)
        => Linear(tokens, Weight($"{at}{kind}_proj_weight") ?? Third(at + "in_proj_weight", third)!, Third(at + "in_proj_bias", third));

    private Argument? Third(string name, int third) => Weight(name) is { } whole
        ? (Argument)to.Add((Tensor x) => x.chunk(3, 0)[third], whole) : null;

    /// <summary>A key and a value that are learned.</summary>
    private Node Extended(string bias, Node tokens)
        => Weight(bias) is { } learned ? to.Add((Tensor x, Tensor more) => cat(new[] { x, more.repeat(new[] { 1, x.shape[1], 1 }) }, 0),
            tokens, learned) : tokens;

    private Node Linear(Argument tokens, Argument weight, Argument? bias) => bias is null
        ? to.Add((Tensor x, Tensor y) => functional.linear(x, y), tokens, weight)
        : to.Add((Tensor x, Tensor y, Tensor z) => functional.linear(x, y, z), tokens, weight, bias);

    private Argument? Weight(string name)
        => module.get_parameter(name) is null ? null : (Argument)to.Graph.get_attr($"{node.target.name}.{name}");

    /// <summary>An argument that is given and not null.</summary>
    private Argument? Given(string name)
    {
        string[] names = module switch
        {
            TorchSharp.Modules.MultiheadAttention => Attended,
            TorchSharp.Modules.TransformerEncoder or TorchSharp.Modules.TransformerEncoderLayer => Encoded,
            TorchSharp.Modules.Transformer => Whole,
            _ => Decoded,
        };
        var position = Array.IndexOf(names, name);
        return position >= 0 && position < node.args.Length && node.args[position] is not Literal { Value: null } ? node.args[position]
            : null;
    }
}

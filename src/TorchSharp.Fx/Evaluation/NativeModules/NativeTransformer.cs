using TorchSharp.Modules;
using static TorchSharp.torch;
using functional = TorchSharp.torch.nn.functional;

namespace TorchSharp.Fx.Evaluation;

/// <summary>
/// The computation of libtorch's transformer layers and stacks of them, in TorchSharp's operations and in the same order, random draws
/// included. Counterpart: <c>torch.nn.TransformerEncoderLayer</c>
/// and its kin, with norms after the residuals.
/// </summary>
/// <param name="module">The native module.</param>
/// <param name="dropout">The rate of all its dropouts.</param>
internal sealed class NativeTransformer(nn.Module module, double dropout)
{
    private readonly bool training = module.training;

    /// <summary>The size of a token.</summary>
    internal long Size { get; } = module.named_parameters()
        .First(entry => entry.name.EndsWith("self_attn.out_proj.weight", StringComparison.Ordinal)).parameter.shape[0];

    /// <summary>The module's own result; only a module with a decoder reads the target.</summary>
    internal Tensor RunNative(Tensor source, Tensor target) => module switch
    {
        Transformer whole => whole.forward(source, target),
        TransformerEncoder encoder => encoder.call(source),
        TransformerEncoderLayer layer => layer.forward(source),
        TransformerDecoder decoder => decoder.call(target, source),
        TransformerDecoderLayer layer => layer.call(target, source),
        _ => throw new InvalidOperationException($"{module.GetType().Name} is no transformer."),
    };

    /// <summary>The same in C#.</summary>
    internal Tensor Run(Tensor source, Tensor target, long heads, nn.Activations activation)
    {
        return module switch
        {
            Transformer => Decoders(target, Encoders(source, "encoder."), "decoder."),
            TransformerEncoder => Encoders(source, ""),
            TransformerEncoderLayer => Encoder(source, ""),
            TransformerDecoder => Decoders(target, source, ""),
            _ => Decoder(target, source, ""),
        };

        Tensor Encoders(Tensor tokens, string at) => Stack(tokens, at, Encoder);

        Tensor Decoders(Tensor tokens, Tensor memory, string at) => Stack(tokens, at, (now, layer) => Decoder(now, memory, layer));

        Tensor Encoder(Tensor tokens, string at)
        {
            tokens = Norm(tokens + Drop(Attend(tokens, tokens, at + "self_attn.")), at + "norm1");
            return Norm(tokens + Drop(FeedForward(tokens, at)), at + "norm2");
        }

        Tensor Decoder(Tensor tokens, Tensor memory, string at)
        {
            tokens = Norm(tokens + Drop(Attend(tokens, tokens, at + "self_attn.")), at + "norm1");
            tokens = Norm(tokens + Drop(Attend(tokens, memory, at + "multihead_attn.")), at + "norm2");
            return Norm(tokens + Drop(FeedForward(tokens, at)), at + "norm3");
        }

        Tensor Attend(Tensor query, Tensor memory, string at)
            => new NativeAttention(module, at).Run(query, memory, memory, heads, dropout, training);

        Tensor FeedForward(Tensor tokens, string at)
        {
            var wide = Linear(tokens, at + "linear1");
            return Linear(Drop(activation == nn.Activations.GELU ? wide.gelu() : wide.relu()), at + "linear2");
        }
    }

    private Tensor Stack(Tensor tokens, string at, Func<Tensor, string, Tensor> layer)
    {
        for (var i = 0; Weight($"{at}layers.{i}.linear1.weight") is not null; i++)
            tokens = layer(tokens, $"{at}layers.{i}.");
        return Weight($"{at}norm.weight") is null ? tokens : Norm(tokens, $"{at}norm");
    }

    private Tensor Drop(Tensor tokens) => functional.dropout(tokens, dropout, training);

    private Tensor Linear(Tensor tokens, string at) => functional.linear(tokens, Weight($"{at}.weight")!, Weight($"{at}.bias"));

    private Tensor Norm(Tensor tokens, string at) => functional.layer_norm(tokens, [Size], Weight($"{at}.weight"), Weight($"{at}.bias"));

    private Tensor? Weight(string name) => module.get_parameter(name);
}

using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx;

/// <summary>
/// TorchSharp's layers of attention, by what they are defined as. How many heads they have and what their activation is they keep in native
/// code: it is found by what they give for a few numbers.
/// </summary>
internal static class AttentionLayers
{
    // Of sizes that no weight has by chance.
    private const int Queries = 5, Keys = 7, Batch = 3;

    /// <summary>The names of the layers.</summary>
    internal static string[] Names
        => ["multiheadattention", "transformerencoderlayer", "transformerencoder", "transformerdecoderlayer", "transformerdecoder"];

    /// <summary>The graph of a layer; null for others.</summary>
    internal static Expansion? Of(nn.Module module, object?[] given) => module switch
    {
        TorchSharp.Modules.MultiheadAttention attention =>
            Found(attention, ["query", "key", "value", "key_padding_mask", "need_weights", "attn_mask"], given,
                Heads(module, "in_proj_bias"), Attending,
            [Numbers(Queries, Width(module, "in_proj_bias")), Numbers(Keys, Width(module, "k_proj_weight", 1)),
                Numbers(Keys, Width(module, "v_proj_weight", 1)), null, false, null],
            probe => attention.call((Tensor)probe[0]!, (Tensor)probe[1]!, (Tensor)probe[2]!, null, false, null).Item1),
        TorchSharp.Modules.TransformerEncoderLayer layer =>
            Found(module, Encoding, given, Layers(module, "self_attn.in_proj_bias"),
                (call, form) => EncoderLayer(call, form, "", call.Tensor("src")!),
                [Numbers(Queries, Width(module, "self_attn.in_proj_bias"))], probe => layer.call((Tensor)probe[0]!)),
        TorchSharp.Modules.TransformerEncoder encoder =>
            Found(module, Encoding, given, Layers(module, "layers.0.self_attn.in_proj_bias"),
                (call, form) => Stacked(call, form, "src", EncoderLayer),
                [Numbers(Queries, Width(module, "layers.0.self_attn.in_proj_bias"))], probe => encoder.call((Tensor)probe[0]!)),
        TorchSharp.Modules.TransformerDecoderLayer layer =>
            Found(module, Decoding, given, Layers(module, "self_attn.in_proj_bias"),
                (call, form) => DecoderLayer(call, form, "", call.Tensor("tgt")!), Decoded(module, "self_attn.in_proj_bias"),
                probe => layer.call((Tensor)probe[0]!, (Tensor)probe[1]!)),
        TorchSharp.Modules.TransformerDecoder decoder =>
            Found(module, Decoding, given, Layers(module, "layers.0.self_attn.in_proj_bias"),
                (call, form) => Stacked(call, form, "tgt", DecoderLayer), Decoded(module, "layers.0.self_attn.in_proj_bias"),
                probe => decoder.call((Tensor)probe[0]!, (Tensor)probe[1]!)),
        _ => null,
    };

    /// <summary>The settings that a layer keeps to itself.</summary>
    private sealed record Form(int Heads, bool IsGelu, bool HasZero);

    private static readonly string[] Encoding = ["src", "src_mask", "src_key_padding_mask"];

    private static readonly string[] Decoding =
        ["tgt", "memory", "tgt_mask", "memory_mask", "tgt_key_padding_mask", "memory_key_padding_mask"];

    /// <summary>The graph in the form that gives what the layer gives.</summary>
    private static Expansion Found(nn.Module module, string[] names, object?[] given, IEnumerable<Form> forms,
        Func<LoweredCall, Form, Argument> write, object?[] probe, Func<object?[], Tensor> call)
    {
        if (module.training)
            throw new NotSupportedException("it may draw at random in training mode; export the model in evaluation mode");
        var expected = call(probe);
        foreach (var form in forms)
        {
            var tried = Written(module, names, probe, form, write);
            var result = new GraphInterpreter(tried.Root, tried.Graph, tried.Constants).run(probe);
            if ((result as Tensor ?? (result as object?[])?[0] as Tensor
                ?? ((System.Runtime.CompilerServices.ITuple)result!)[0] as Tensor)!.allclose(expected, 1e-3, 1e-4))
                return Written(module, names, given, form, write);
        }
        throw new NotSupportedException("what it computes is not what a layer of its class does by any number of heads");
    }

    private static Expansion Written(nn.Module module, string[] names, object?[] given, Form form, Func<LoweredCall, Form, Argument> write)
    {
        var call = new LoweredCall(module, names, given);
        return call.Done(write(call, form));
    }

    private static IEnumerable<Form> Heads(nn.Module module, string bias)
        => Enumerable.Range(1, (int)Width(module, bias)).Where(heads => Width(module, bias) % heads == 0)
            .SelectMany(heads => new[] { new Form(heads, false, false), new Form(heads, false, true) });

    private static IEnumerable<Form> Layers(nn.Module module, string bias)
        => Heads(module, bias).Where(form => !form.HasZero).SelectMany(form => new[] { form, form with { IsGelu = true } });

    private static object?[] Decoded(nn.Module module, string bias)
        => [Numbers(Queries, Width(module, bias)), Numbers(Keys, Width(module, bias))];

    private static Tensor Numbers(long steps, long width)
        => (arange(steps * Batch * width).to(float32) * 0.7).sin().reshape(steps, Batch, width) * 2;

    /// <summary>How many numbers a step has.</summary>
    private static long Width(nn.Module module, string name, int axis = 0)
        => Named(module, name) is { } tensor ? axis == 0
            ? tensor.shape[0] / 3 : tensor.shape[axis] : Named(module, "in_proj_weight") is { } weight
            ? weight.shape[1] : Named(module, name.Replace("in_proj_bias", "out_proj.weight", StringComparison.Ordinal))!.shape[0];

    private static Tensor? Named(nn.Module module, string name)
        => module.named_parameters().FirstOrDefault(parameter => parameter.name == name).parameter;

    private static Argument Stacked(LoweredCall call, Form form, string input, Func<LoweredCall, Form, string, Argument, Argument> layer)
    {
        var value = call.Tensor(input)!;
        for (var i = 0; call.Held($"layers.{i}.norm1.weight") is not null; i++)
            value = layer(call, form, $"layers.{i}.", value);
        return value;
    }

    private static Argument EncoderLayer(LoweredCall call, Form form, string path, Argument x)
    {
        x = Normed(call, path + "norm1", x, Attention(call, form, path + "self_attn.", x, x, x, "src_key_padding_mask", "src_mask").Result);
        return Normed(call, path + "norm2", x, Forward(call, form, path, x));
    }

    private static Argument DecoderLayer(LoweredCall call, Form form, string path, Argument x)
    {
        var memory = call.Tensor("memory")!;
        x = Normed(call, path + "norm1", x, Attention(call, form, path + "self_attn.", x, x, x, "tgt_key_padding_mask", "tgt_mask").Result);
        x = Normed(call, path + "norm2", x,
            Attention(call, form, path + "multihead_attn.", x, memory, memory, "memory_key_padding_mask", "memory_mask").Result);
        return Normed(call, path + "norm3", x, Forward(call, form, path, x));
    }

    private static Argument Normed(LoweredCall call, string path, Argument x, Argument added)
    {
        var weight = call.Held(path + ".weight")!;
        var width = weight.shape[0];
        return call.Add((Tensor a, Tensor b, Tensor scale, Tensor offset) =>
            nn.functional.layer_norm(a + b, new[] { width }, scale, offset, 1e-5), x, added, call.Constant(path + ".weight", weight),
                call.Constant(path + ".bias", call.Held(path + ".bias")!));
    }

    private static Node Forward(LoweredCall call, Form form, string path, Argument x)
    {
        var inner = Linear(call, path + "linear1.", x);
        return Linear(call, path + "linear2.", call.Add(form.IsGelu ? (Tensor y) => nn.functional.gelu(y) : (Tensor y) => y.relu(), inner));
    }

    private static Node Linear(LoweredCall call, string path, Argument x)
        => Linear(call, call.Constant(path + "weight", call.Held(path + "weight")!),
            call.Held(path + "bias") is { } bias ? call.Constant(path + "bias", bias) : null, x);

    private static Node Linear(LoweredCall call, Argument weight, Argument? bias, Argument x) => bias is null
        ? call.Add((Tensor y, Tensor by) => nn.functional.linear(y, by), x, weight)
        : call.Add((Tensor y, Tensor by, Tensor offset) => nn.functional.linear(y, by, offset), x, weight, bias);

    private static Argument Attending(LoweredCall call, Form form)
    {
        var (result, weights) =
            Attention(call, form, "", call.Tensor("query")!, call.Tensor("key")!, call.Tensor("value")!, "key_padding_mask", "attn_mask");
        var heads = (long)form.Heads;
        Argument shown = call.Setting("need_weights", true)
            ? call.Add((Tensor w) => w.reshape(-1, heads, w.shape[1], w.shape[2]).mean(new[] { 1L }), weights) : new Literal(null);
        return new TupleArgument([result, shown], typeof(Tuple<Tensor, Tensor>));
    }

    /// <summary>Steps before batches: [L, N, E], [S, N, E], [S, N, E] to [L, N, E], and what is looked at.</summary>
    private static (Node Result, Node Weights) Attention(LoweredCall call, Form form, string path, Argument query, Argument key,
        Argument value, string padding, string mask)
    {
        var (heads, width) = ((long)form.Heads, call.Held(path + "out_proj.weight")!.shape[0] / form.Heads);
        Func<Tensor, Tensor> split = x => x.reshape(x.shape[0], -1, width).transpose(0, 1);
        var q = call.Add(split, Projected(call, path, "q", 0, query));
        var (k, v) =
            (Extended(call, form, path + "bias_k", Projected(call, path, "k", 1, key)),
                Extended(call, form, path + "bias_v", Projected(call, path, "v", 2, value)));
        var (left, right) = (call.Add(split, k), call.Add(split, v));
        var factor = 1 / Math.Sqrt(width);
        var scores = call.Add((Tensor a, Tensor b) => (a * factor).bmm(b.transpose(1, 2)), q, left);
        var weights = call.Add((Tensor x) => x.softmax(-1), Masked(call, form, path, scores, padding, mask, heads));
        var joined = call.Add((Tensor w, Tensor x) => w.bmm(x).transpose(0, 1), weights, right);
        var all = width * heads;
        return (Linear(call, path + "out_proj.", call.Add((Tensor x) => x.reshape(x.shape[0], -1, all), joined)), weights);
    }

    private static Argument Masked(LoweredCall call, Form form, string path, Argument scores, string padding, string mask, long heads)
    {
        if ((form.HasZero || call.Held(path + "bias_k") is not null) && (call.Tensor(mask) ?? call.Tensor(padding)) is not null)
            throw new NotSupportedException("masks together with keys that it adds itself are not supported");
        if (call.Tensor(mask) is { } seen)
            scores = call.IsBool(mask)
                ? call.Add((Tensor x, Tensor hidden) => x.masked_fill(hidden, float.NegativeInfinity), scores, seen)
                    : call.Add((Tensor x, Tensor by) => x + by, scores, seen);
        if (call.Tensor(padding) is not { } padded)
            return scores;
        if (!call.IsBool(padding))
            throw new NotSupportedException("its mask of padding is not of bools");
        return call.Add((Tensor x, Tensor hidden) => x.reshape(-1, heads, x.shape[1], x.shape[2])
            .masked_fill(hidden.unsqueeze(1).unsqueeze(2), float.NegativeInfinity).reshape(-1, x.shape[1], x.shape[2]), scores, padded);
    }

    /// <summary>Queries, keys and values have a third each of one weight, or weights of their own.</summary>
    private static Node Projected(LoweredCall call, string path, string kind, int third, Argument x)
    {
        var weight = call.Held($"{path}{kind}_proj_weight") ?? call.Held(path + "in_proj_weight")!.chunk(3)[third];
        var bias = call.Held(path + "in_proj_bias")?.chunk(3)[third];
        return Linear(call, call.Constant($"{path}{kind}_proj_weight", weight),
            bias is null ? null : call.Constant($"{path}{kind}_proj_bias", bias), x);
    }

    /// <summary>A key and a value that are learned, and ones of zeros.</summary>
    private static Node Extended(LoweredCall call, Form form, string bias, Node x)
    {
        if (call.Held(bias) is { } learned)
            x = call.Add((Tensor y, Tensor added) => cat(new[] { y, (y[TensorIndex.Slice(0, 1)] * 0) + added }, 0), x,
                call.Constant(bias, learned));
        return form.HasZero ? call.Add((Tensor y) => cat(new[] { y, y[TensorIndex.Slice(0, 1)] * 0 }, 0), x) : x;
    }
}

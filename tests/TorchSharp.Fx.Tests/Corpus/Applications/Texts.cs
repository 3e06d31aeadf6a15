using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using static TorchSharp.Fx.Tests.Corpus.Applications.ApplicationCorpus;

namespace TorchSharp.Fx.Tests.Corpus.Applications;

/// <summary>Encoders of texts, and of texts beside images, in the manner of BERT and CLIP.</summary>
internal static class TextModules
{
    private static readonly (long Batch, long Length)[] Sizes = [(1, 3), (2, 5), (3, 4)];

    internal static readonly CorpusRow[] Rows =
    [
        Ids("ClipTextEmbeddings", "tokens and positions from a buffer cut to the length", () => new ClipTextEmbeddings()),
        Ids("ClipTextEncoder", "a causal mask made of the length, the state at the last token by argmax", () => new ClipTextEncoder()),
        Row("ClipVisionEmbeddings", "patches by a convolution, a class token expanded to the batch", () => new ClipVisionEmbeddings(), [1, 3, 8, 8], [2, 3, 8, 8], [3, 3, 8, 8]),
        new("ClipModel", "two towers, normalised, a learnt temperature, a dictionary out", () => new ClipModel(), () => [.. new[] { (2, 3), (1, 4), (3, 2) }.Select(n => new object?[] { randint(20, [n.Item1, 5]), randn(n.Item2, 3, 8, 8) })]),
        new("BertAttention", "heads by transposed views, a mask added as large negative numbers", () => new BertAttention(), () => [.. Sizes.Select(n => new object?[] { randn(n.Batch, n.Length, 8), ones(n.Batch, n.Length, dtype: int64) })]),
        Ids("BertPooler", "embeddings, a norm, the first token through a tanh", () => new BertPooler()),
        Ids("RobertaPositions", "positions counted by cumsum over what is no padding", () => new RobertaPositions()),
        Ids("BertMlmHead", "a decoder tied to the embedding, a bias of its own", () => new BertMlmHead()),
        new("SentencePooling", "a mean over what the mask lets through, normalised", () => new SentencePooling(), () => [.. Sizes.Select(n => new object?[] { randn(n.Batch, n.Length, 8), randint(2, [n.Batch, n.Length]) })]),
        Row("AlbertSharing", "one layer run several times", () => new AlbertSharing(), [1, 3, 8], [2, 5, 8], [1, 7, 8]),
        Row("DebertaPositions", "relative positions gathered from two tables", () => new DebertaPositions(), [1, 3, 8], [2, 5, 8], [1, 7, 8]),
        Row("ElectraHead", "a discriminator: an activation by name, one number a token", () => new ElectraHead(), [1, 3, 8], [2, 5, 8], [1, 7, 8]),
        new("TokenClassifier", "labels that may be missing, a loss beside the logits", () => new TokenClassifier(), () => [.. Sizes.Select(n => new object?[] { randn(n.Batch, n.Length, 8), randint(3, [n.Batch, n.Length]) })]),
    ];

    private static CorpusRow Ids(string name, string about, Func<Module> make) => new(name, about, make, () => [.. Sizes.Select(n => new object?[] { randint(20, [n.Batch, n.Length]) })]);

    private sealed class ClipTextEmbeddings : Block
    {
        private readonly Embedding token_embedding = Embedding(20, 8), position_embedding = Embedding(16, 8);
        private readonly Tensor position_ids = arange(16).unsqueeze(0);

        public override Tensor forward(Tensor ids) => token_embedding.call(ids) + position_embedding.call(position_ids[.., ..(int)ids.shape[^1]]);
    }

    internal sealed class Layer(bool isCausal) : Block
    {
        private readonly LayerNorm ln1 = LayerNorm(8), ln2 = LayerNorm(8);
        private readonly Linear qkv = Linear(8, 24), proj = Linear(8, 8), fc1 = Linear(8, 16), fc2 = Linear(16, 8);

        public override Tensor forward(Tensor x)
        {
            var (b, t) = (x.shape[0], x.shape[1]);
            var parts = qkv.call(ln1.call(x)).view(b, t, 3, 2, 4).permute(2, 0, 3, 1, 4).unbind(0);
            var scores = parts[0].matmul(parts[1].transpose(-2, -1)) * 0.5;
            if (isCausal)
                scores = scores + full([t, t], float.NegativeInfinity).triu(1);
            x = x + proj.call(scores.softmax(-1).matmul(parts[2]).transpose(1, 2).reshape(b, t, 8));
            var y = fc1.call(ln2.call(x));
            return x + fc2.call(y * (1.702 * y).sigmoid());
        }
    }

    internal sealed class ClipTextEncoder : Block
    {
        private readonly ClipTextEmbeddings embeddings = new();
        private readonly ModuleList<Layer> layers = ModuleList(new Layer(true), new Layer(true));
        private readonly LayerNorm final_layer_norm = LayerNorm(8);

        public override Tensor forward(Tensor ids)
        {
            var x = embeddings.call(ids);
            foreach (var layer in layers)
                x = layer.call(x);
            x = final_layer_norm.call(x);
            return x[arange(x.shape[0]), ids.argmax(-1)];
        }
    }

    internal sealed class ClipVisionEmbeddings : Block
    {
        private readonly Conv2d patch_embedding = Conv2d(3, 8, 4, stride: 4, bias: false);
        private readonly Parameter class_embedding = Parameter(randn(8));
        private readonly Embedding position_embedding = Embedding(5, 8);

        public override Tensor forward(Tensor pixels)
        {
            var patches = patch_embedding.call(pixels).flatten(2).transpose(1, 2);
            return cat([class_embedding.expand(pixels.shape[0], 1, -1), patches], 1) + position_embedding.call(arange(5).expand(1, -1));
        }
    }

    private sealed class ClipModel : Block<Tensor, Tensor, Dictionary<string, Tensor>>
    {
        private readonly ClipTextEncoder text_model = new();
        private readonly ClipVisionEmbeddings vision_model = new();
        private readonly Linear text_projection = Linear(8, 4, hasBias: false), visual_projection = Linear(8, 4, hasBias: false);
        private readonly Parameter logit_scale = Parameter(tensor(2.6592f));

        public override Dictionary<string, Tensor> forward(Tensor ids, Tensor pixels)
        {
            var text = text_projection.call(text_model.call(ids));
            var image = visual_projection.call(vision_model.call(pixels)[.., 0]);
            (text, image) = (text / text.norm(-1, keepdim: true), image / image.norm(-1, keepdim: true));
            var logits = text.matmul(image.t()) * logit_scale.exp();
            return new() { ["logits_per_text"] = logits, ["logits_per_image"] = logits.t(), ["text_embeds"] = text, ["image_embeds"] = image };
        }
    }

    private sealed class BertAttention : Block<Tensor, Tensor, Tensor>
    {
        private readonly Linear query = Linear(8, 8), key = Linear(8, 8), value = Linear(8, 8), dense = Linear(8, 8);
        private readonly LayerNorm norm = LayerNorm(8);
        private readonly Dropout dropout = Dropout(0.1);

        public BertAttention() => eval();

        public override Tensor forward(Tensor x, Tensor attention_mask)
        {
            var mask = (1.0f - attention_mask.unsqueeze(1).unsqueeze(2).to(x.dtype)) * -10000f;
            var scores = Turned(query.call(x)).matmul(Turned(key.call(x)).transpose(-1, -2)) / Math.Sqrt(4) + mask;
            var context = dropout.call(scores.softmax(-1)).matmul(Turned(value.call(x))).permute(0, 2, 1, 3).contiguous();
            return norm.call(dense.call(context.view([.. context.shape[..^2], 8])) + x);
        }

        private static Tensor Turned(Tensor x) => x.view([.. x.shape[..^1], 2, 4]).permute(0, 2, 1, 3);
    }

    private sealed class BertPooler : Block
    {
        private readonly Embedding word_embeddings = Embedding(20, 8, padding_idx: 0);
        private readonly LayerNorm norm = LayerNorm(8);
        private readonly Linear dense = Linear(8, 8);

        public override Tensor forward(Tensor ids) => dense.call(norm.call(word_embeddings.call(ids))[.., 0]).tanh();
    }

    private sealed class RobertaPositions : Block
    {
        private readonly Embedding position_embeddings = Embedding(24, 8, padding_idx: 1);

        public override Tensor forward(Tensor ids)
        {
            var mask = ids.ne(1).to(int32);
            return position_embeddings.call((mask.cumsum(1).type_as(mask) * mask).to(int64) + 1);
        }
    }

    private sealed class BertMlmHead : Block
    {
        private readonly Embedding word_embeddings = Embedding(20, 8);
        private readonly Linear transform = Linear(8, 8);
        private readonly LayerNorm norm = LayerNorm(8);
        private readonly Parameter bias = Parameter(zeros(20));

        public override Tensor forward(Tensor ids) => functional.linear(norm.call(functional.gelu(transform.call(word_embeddings.call(ids)))), word_embeddings.weight!, bias);
    }

    private sealed class SentencePooling : Block<Tensor, Tensor, Tensor>
    {
        public override Tensor forward(Tensor x, Tensor mask)
        {
            var weight = mask.unsqueeze(-1).expand_as(x).to(float32);
            return functional.normalize((x * weight).sum(1) / weight.sum(1).clamp(min: 1e-9), p: 2, dim: 1);
        }
    }

    private sealed class AlbertSharing : Block
    {
        private readonly Layer layer = new(false);

        public override Tensor forward(Tensor x)
        {
            for (var i = 0; i < 3; i++)
                x = layer.call(x);
            return x;
        }
    }

    private sealed class DebertaPositions : Block
    {
        private readonly Embedding rel_embeddings = Embedding(16, 8);
        private readonly Linear pos_key = Linear(8, 8);

        public override Tensor forward(Tensor x)
        {
            var t = x.shape[1];
            var relative = (arange(t).unsqueeze(1) - arange(t).unsqueeze(0) + 8).clamp(0, 15);
            var scores = x.matmul(pos_key.call(rel_embeddings.weight!).t()).gather(2, relative.unsqueeze(0).expand(x.shape[0], t, t));
            return (x.matmul(x.transpose(1, 2)) + scores).softmax(-1).matmul(x);
        }
    }

    private sealed class ElectraHead : Block
    {
        private static readonly Dictionary<string, Func<Tensor, Tensor>> Acts = new() { ["gelu"] = x => functional.gelu(x), ["relu"] = x => x.relu() };
        private readonly Linear dense = Linear(8, 8), dense_prediction = Linear(8, 1);
        private readonly string act = "gelu";

        public override Tensor forward(Tensor x) => dense_prediction.call(Acts[act](dense.call(x))).squeeze(-1);
    }

    private sealed class TokenClassifier : Block<Tensor, Tensor, (Tensor Logits, Tensor? Loss)>
    {
        private readonly Linear classifier = Linear(8, 3);

        public override (Tensor Logits, Tensor? Loss) forward(Tensor x, Tensor? labels)
        {
            var logits = classifier.call(x);
            return (logits, labels is null ? null : functional.cross_entropy(logits.view(-1, 3), labels.view(-1)));
        }
    }
}

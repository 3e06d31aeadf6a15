using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx.Importing.Operators;

/// <summary>Draws: of the same distribution, but other numbers than elsewhere, whatever a seed says.</summary>
internal static class RandomNumbers
{
    internal static void AddTo(OperatorTable table)
    {
        table.Add("RandomNormal", node => Of(node, node.Attributes.Ints("shape")!, Normal(node)));
        table.Add("RandomUniform", node => Of(node, node.Attributes.Ints("shape")!, Uniform(node)));
        table.Add("RandomNormalLike", node => Like(node, Normal(node)));
        table.Add("RandomUniformLike", node => Like(node, Uniform(node)));
        table.Add("Bernoulli", node => Type(node) is var type
            ? node.Make((Tensor x) => bernoulli(x).to(type), type, node.Shape(), node.Tensor()) : null!);
        table.Add("Multinomial", node => (Type(node, ScalarType.Int32), node.Attributes.Int("sample_size", 1)) is var (type, count)
            ? node.Make((Tensor x) => multinomial(x.softmax(-1), count, true).to(type), type, [node.Shape()?[0], count], node.Tensor())
                : null!);
    }

    private static ScalarType Type(OnnxNode node, ScalarType? preset = null)
    {
        node.Attributes.Ignore("seed");
        return node.Attributes.Has("dtype") ? Elements.Of((int)node.Attributes.Int("dtype")).Type : preset ?? node.Type();
    }

    private static Func<Tensor, Tensor> Normal(OnnxNode node)
    {
        var (mean, scale) = (node.Attributes.Float("mean", 0), node.Attributes.Float("scale", 1));
        return like => randn_like(like).mul(scale).add(mean);
    }

    private static Func<Tensor, Tensor> Uniform(OnnxNode node)
    {
        var (low, high) = (node.Attributes.Float("low", 0), node.Attributes.Float("high", 1));
        return like => rand_like(like).mul(high - low).add(low);
    }

    private static TensorValue Of(OnnxNode node, long[] shape, Func<Tensor, Tensor> draw)
    {
        var type = Type(node, ScalarType.Float32);
        return node.Make((long[] sizes) => draw(empty(sizes)).to(type), type, [.. shape], OnnxNode.List(shape));
    }

    private static TensorValue Like(OnnxNode node, Func<Tensor, Tensor> draw)
    {
        var type = Type(node);
        return node.Make((Tensor x) => draw(x.to(ScalarType.Float32)).to(type), type, node.Shape(), node.Tensor());
    }
}

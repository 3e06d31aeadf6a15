using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Onnx.Importing.Operators;

/// <summary>Normalisations.</summary>
internal static class Norms
{
    internal static void AddTo(OperatorTable table)
    {
        table.AddAll("BatchNormalization", Batch);
        table.Add("InstanceNormalization", node => node.Attributes.Float("epsilon", 1e-5f) is var epsilon
            ? node.Alike((Tensor x, Tensor weight, Tensor bias) =>
                functional.instance_norm(x, null, null, weight, bias, true, 0.1, epsilon), node.Tensor(), node.Tensor(1), node.Tensor(2))
                : null!);
        table.AddAll("LayerNormalization", Layer);
        table.Add("LRN", node => (node.Attributes.Int("size"), node.Attributes.Float("alpha", 1e-4f),
            node.Attributes.Float("beta", 0.75f), node.Attributes.Float("bias", 1)) is var (size, alpha, beta, bias)
            ? node.Alike((Tensor x) => functional.local_response_norm(x, size, alpha, beta, bias), node.Tensor()) : null!);
        table.Add("MeanVarianceNormalization", MeanVariance);
        table.Add("LpNormalization", node => (node.Attributes.Int("axis", -1), node.Attributes.Int("p", 2)) is var (axis, p)
            ? node.Alike((Tensor x) => x.div(linalg.vector_norm(x, p, new[] { axis }, true)), node.Tensor()) : null!);
        table.Add("GroupNormalization", Group);
        table.Add("RMSNormalization", RootMeanSquare);
    }

    private static Value[] Batch(OnnxNode node)
    {
        var (epsilon, momentum) = (node.Attributes.Float("epsilon", 1e-5f), node.Attributes.Float("momentum", 0.9f));
        node.Attributes.Ignore("spatial", "is_test");
        if (node.Attributes.Flag("training_mode"))
            return Trained(node, epsilon, momentum);
        if (node.HasLayers && Enumerable.Range(1, 4).All(i => node.Weight(i) is not null) && node[0].Rank is >= 2 and <= 5
            && GraphWriter.IsFloat(node.Type()))
        {
            var features = node.Weight(1)!.Shape[0];
            Module module = node[0].Rank switch
            {
                4 => BatchNorm2d(features, epsilon, 1 - momentum, device: META),
                5 => BatchNorm3d(features, epsilon, 1 - momentum, device: META),
                _ => BatchNorm1d(features, epsilon, 1 - momentum, device: META),
            };
            return [node.Layer(module, node.Shape(), node.Tensor(), ("weight", node.Weight(1)), ("bias", node.Weight(2)),
                ("running_mean", node.Weight(3)), ("running_var", node.Weight(4)))];
        }
        return [node.Alike((Tensor x, Tensor weight, Tensor bias, Tensor mean, Tensor variance) =>
            functional.batch_norm(x, mean, variance, weight, bias, false, 0.1, epsilon),
            node.Tensor(), node.Tensor(1), node.Tensor(2), node.Tensor(3), node.Tensor(4))];
    }

    /// <summary>By the batch's own mean and variance, which the file's own are moved towards.</summary>
    private static Value[] Trained(OnnxNode node, float epsilon, float momentum)
    {
        var rank = node.Rank();
        long[] others = [.. Enumerable.Range(0, rank).Where(axis => axis != 1).Select(axis => (long)axis)];
        long[] along = [.. Enumerable.Range(0, rank).Select(axis => axis == 1 ? -1L : 1)];
        var (type, channels) = (node.Type(3), (long?[])[node.Shape()?[1]]);
        return node.MakeAll((Tensor x, Tensor weight, Tensor bias, Tensor mean, Tensor variance) =>
        {
            var (own, spread) = (x.mean(others), x.var(others, false));
            var y = x.sub(own.reshape(along)).div(spread.add(epsilon).sqrt().reshape(along));
            return new[] { y.mul(weight.reshape(along)).add(bias.reshape(along)), mean.mul(momentum).add(own.mul(1 - momentum)),
                variance.mul(momentum).add(spread.mul(1 - momentum)) };
        }, [(node.Type(), node.Shape()), (type, channels), (type, channels)], node.Tensor(), node.Tensor(1), node.Tensor(2),
            node.Tensor(3), node.Tensor(4));
    }

    private static Value[] Layer(OnnxNode node)
    {
        var epsilon = node.Attributes.Float("epsilon", 1e-5f);
        var axis = node.Attributes.Int("axis", -1);
        node.Attributes.Ignore("stash_type");
        var rank = node.Rank();
        var first = OnnxNode.Axis(axis, rank);
        var shape = node.Shape(1);
        if (node.Outputs == 1 && node.HasLayers && node.Weight(1) is { } weight
            && (node.Optional(2) is null || node.Weight(2) is not null) && weight.Shape.Length == rank - first)
            return [node.Layer(LayerNorm(weight.Shape, epsilon, true, node.Weight(2) is not null, META), node.Shape(), node.Tensor(),
                ("weight", weight), ("bias", node.Weight(2)))];
        long[] axes = [.. Enumerable.Range(first, rank - first).Select(i => (long)i)];
        var reduced = Sizes.Reduce(node.Shape(), axes, true);
        var parts = node.MakeAll((Tensor x, Tensor scale) => LayerParts(x, scale, axes, epsilon),
            [(node.Type(), node.Shape()), (ScalarType.Float32, reduced), (ScalarType.Float32, reduced)], node.Tensor(), node.Tensor(1));
        return node.Optional(2) is null ? parts : [node.Alike((Tensor x, Tensor bias) => x.add(bias), parts[0].Node, node.Tensor(2)),
            .. parts[1..]];
    }

    private static Tensor[] LayerParts(Tensor x, Tensor scale, long[] axes, double epsilon)
    {
        var mean = x.mean(axes, true);
        var inverse = x.sub(mean).square().mean(axes, true).add(epsilon).sqrt().reciprocal();
        return [x.sub(mean).mul(inverse).mul(scale), mean, inverse];
    }

    private static TensorValue MeanVariance(OnnxNode node)
    {
        var axes = node.Attributes.Ints("axes") ?? [0, 2, 3];
        return node.Alike((Tensor x) => Centered(x, axes), node.Tensor());
    }

    private static Tensor Centered(Tensor x, long[] axes)
    {
        var centered = x.sub(x.mean(axes, true));
        return centered.div(centered.square().mean(axes, true).sqrt().add(1e-9));
    }

    private static TensorValue Group(OnnxNode node)
    {
        var (epsilon, groups, perGroup) = (node.Attributes.Float("epsilon", 1e-5f), node.Attributes.Int("num_groups"), node.Version < 21);
        node.Attributes.Ignore("stash_type");
        if (!perGroup && node.HasLayers && node.Weight(1) is { } weight && node.Weight(2) is { } bias)
            return node.Layer(GroupNorm(groups, weight.Shape[0], epsilon, true, META), node.Shape(), node.Tensor(), ("weight", weight),
                ("bias", bias));
        if (perGroup)
            return node.Alike((Tensor x, Tensor weight, Tensor bias) => PerGroup(x, weight, bias, groups, epsilon), node.Tensor(),
                node.Tensor(1), node.Tensor(2));
        return node.Alike((Tensor x, Tensor weight, Tensor bias) => functional.group_norm(x, groups, weight, bias, epsilon),
            node.Tensor(), node.Tensor(1), node.Tensor(2));
    }

    /// <summary>Opset 18 has one scale and bias for each group.</summary>
    private static Tensor PerGroup(Tensor x, Tensor weight, Tensor bias, long groups, double epsilon)
    {
        var parts = functional.group_norm(x, groups, null, null, epsilon).reshape(x.shape[0], groups, -1);
        return parts.mul(weight.unsqueeze(-1)).add(bias.unsqueeze(-1)).reshape(x.shape);
    }

    private static TensorValue RootMeanSquare(OnnxNode node)
    {
        var (axis, epsilon, type, rank) = (node.Attributes.Int("axis", -1), node.Attributes.Float("epsilon", 1e-5f), node.Type(),
            node.Rank());
        node.Attributes.Ignore("stash_type");
        var first = OnnxNode.Axis(axis, rank);
        long[] axes = [.. Enumerable.Range(first, rank - first).Select(i => (long)i)];
        return node.Alike((Tensor x, Tensor scale) =>
            x.mul(x.square().mean(axes, true).add(epsilon).sqrt().reciprocal()).to(type).mul(scale), node.Tensor(), node.Tensor(1));
    }
}

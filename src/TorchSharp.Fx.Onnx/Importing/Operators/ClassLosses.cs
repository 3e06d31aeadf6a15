using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx.Importing.Operators;

/// <summary>Losses of classes.</summary>
internal static class ClassLosses
{
    internal static void AddTo(OperatorTable table)
    {
        table.Add("NegativeLogLikelihoodLoss", node => Loss(node, node.Tensor()));
        table.AddAll("SoftmaxCrossEntropyLoss", node =>
        {
            var logarithms = node.Alike((Tensor x) => x.log_softmax(1), node.Tensor());
            return [Loss(node, logarithms.Node), logarithms];
        });
    }

    private static TensorValue Loss(OnnxNode node, Argument logarithms)
    {
        var reduction = node.Attributes.Text("reduction", "mean");
        long? ignored = node.Attributes.Has("ignore_index") ? node.Attributes.Int("ignore_index") : null;
        var shape = reduction == "none" ? node.Shape(1) : [];
        return node.Optional(2) is null
            ? node.Make((Tensor x, Tensor target) => Loss(x, target, zeros_like(x.select(1, 0)).add(1), ignored, reduction), node.Type(),
                shape, logarithms, node.Tensor(1))
            : node.Make((Tensor x, Tensor target, Tensor weight) =>
                Loss(x, target, weight[TensorIndex.Tensor(Safe(target, ignored))], ignored, reduction), node.Type(), shape, logarithms,
                node.Tensor(1), node.Tensor(2));
    }

    private static Tensor Loss(Tensor x, Tensor target, Tensor weights, long? ignored, string reduction)
    {
        if (ignored is { } none)
            weights = weights.masked_fill(target.eq(none), 0);
        var loss = x.gather(1, Safe(target, ignored).unsqueeze(1)).squeeze(1).neg().mul(weights);
        return reduction switch { "none" => loss, "sum" => loss.sum(), _ => loss.sum().div(weights.sum()) };
    }

    private static Tensor Safe(Tensor target, long? ignored)
    {
        var classes = target.to(ScalarType.Int64);
        return ignored is { } none ? classes.masked_fill(target.eq(none), 0) : classes;
    }
}

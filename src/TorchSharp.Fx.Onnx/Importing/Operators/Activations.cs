using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Onnx.Importing.Operators;

/// <summary>Activation functions.</summary>
internal static class Activations
{
    internal static void AddTo(OperatorTable table)
    {
        table.Add("Relu", node => node.IsLayer && GraphWriter.IsFloat(node.Type()) ? node.Layer(ReLU())
            : node.Alike((Tensor x) => x.relu(), node.Tensor()));
        Elementwise.Unary(table, "Sigmoid", x => x.sigmoid());
        Elementwise.Unary(table, "Tanh", x => x.tanh());
        Elementwise.Unary(table, "Softplus", x => functional.softplus(x));
        Elementwise.Unary(table, "Softsign", x => functional.softsign(x));
        Elementwise.Unary(table, "HardSwish", x => functional.hardswish(x));
        Elementwise.Unary(table, "Mish", x => functional.mish(x));
        OfNumber(table, "LeakyRelu", "alpha", 0.01f, (x, alpha) => functional.leaky_relu(x, alpha));
        OfNumber(table, "Elu", "alpha", 1, (x, alpha) => functional.elu(x, alpha));
        OfNumber(table, "Celu", "alpha", 1, (x, alpha) => functional.celu(x, alpha));
        OfNumber(table, "ThresholdedRelu", "alpha", 1, (x, alpha) => functional.threshold(x, alpha, 0));
        OfNumber(table, "Swish", "alpha", 1, (x, alpha) => alpha == 1 ? functional.silu(x) : x.mul(x.mul(alpha).sigmoid()));
        table.Add("Selu", node => node.Attributes.Float("alpha", 1.67326319217681884765625f) is var alpha
            && node.Attributes.Float("gamma", 1.05070102214813232421875f) is var gamma
            ? node.Alike((Tensor x) => functional.elu(x, alpha).mul(gamma), node.Tensor()) : null!);
        table.Add("HardSigmoid", node => node.Attributes.Float("alpha", 0.2f) is var alpha
            && node.Attributes.Float("beta", 0.5f) is var beta
            ? Math.Abs(alpha - 1f / 6) < 1e-7 && beta == 0.5f ? node.Alike((Tensor x) => functional.hardsigmoid(x), node.Tensor())
            : node.Alike((Tensor x) => x.mul(alpha).add(beta).clamp(0, 1), node.Tensor()) : null!);
        table.Add("Shrink", node => node.Attributes.Float("bias", 0) is var bias && node.Attributes.Float("lambd", 0.5f) is var lambd
            && node.Type() is var type
            ? node.Alike((Tensor x) => x.lt(-lambd).mul(x.add(bias)).add(x.gt(lambd).mul(x.sub(bias))).to(type), node.Tensor()) : null!);
        table.Add("Gelu", node => node.Attributes.Text("approximate", "none") == "tanh"
            ? node.Alike((Tensor x) => functional.gelu(x, TorchSharp.Modules.GELU.Approximate.tanh), node.Tensor())
                : node.Alike((Tensor x) => functional.gelu(x), node.Tensor()));
        table.Add("PRelu", node => node.Make((Tensor x, Tensor slope) => where(x.lt(0), x.mul(slope), x), node.Type(), node.Shape(),
            node.Tensor(), Slope(node)));
        table.Add("Clip", Clip);
        table.Add("Softmax", node => Along(node, (x, axis) => x.softmax(axis)));
        table.Add("LogSoftmax", node => Along(node, (x, axis) => x.log_softmax(axis)));
        table.Add("Hardmax", node => Along(node, (x, axis) => zeros_like(x).scatter(axis, x.argmax(axis, true), ones_like(x))));
    }

    private static void OfNumber(OperatorTable table, string name, string attribute, float preset, Func<Tensor, double, Tensor> function)
        => table.Add(name, node =>
        {
            double number = node.Attributes.Float(attribute, preset);
            return node.Alike((Tensor x) => function(x, number), node.Tensor());
        });

    /// <summary>Files of before opset 7 give a slope for each channel without the dimensions behind.</summary>
    private static Argument Slope(OnnxNode node)
    {
        if (node.Version >= 7 || node.Shape(1) is not [not 1] || node.Rank() <= 2)
            return node.Tensor(1);
        long[] axes = [.. Enumerable.Repeat(-1L, node.Rank() - 2)];
        return node.Writer.Write((Tensor slope) => Elementwise.Unsqueezed(slope, axes), node.Tensor(1));
    }

    /// <summary>Limits that the file has are numbers; others are tensors.</summary>
    private static TensorValue Clip(OnnxNode node)
    {
        double? low = node.Attributes.Has("min") ? node.Attributes.Float("min", 0) : node.Scalar(1);
        double? high = node.Attributes.Has("max") ? node.Attributes.Float("max", 0) : node.Scalar(2);
        if ((low is null && node.Optional(1) is not null) || (high is null && node.Optional(2) is not null))
            return node.Alike((Tensor x, Tensor min, Tensor max) => x.clamp(min, max), node.Tensor(), node.TensorOrNull(1),
                node.TensorOrNull(2));
        if (low == 0 && high == 6 && node.IsLayer && GraphWriter.IsFloat(node.Type()))
            return node.Layer(ReLU6());
        if (low is null && high is null)
            return node.Alike((Tensor x) => x.alias(), node.Tensor());
        if (node[0].IsInteger)
            return node.Alike((Tensor x, Scalar min, Scalar max) => x.clamp(min, max), node.Tensor(), new Literal((long?)low),
                new Literal((long?)high));
        return node.Alike((Tensor x, Scalar min, Scalar max) => x.clamp(min, max), node.Tensor(), new Literal(low), new Literal(high));
    }

    /// <summary>Up to opset 12 all dimensions from the axis on are one.</summary>
    private static TensorValue Along(OnnxNode node, Func<Tensor, long, Tensor> function)
    {
        var axis = node.Attributes.Int("axis", node.Version < 13 ? 1 : -1);
        if (node.Version >= 13 || node.Rank() - 1 == (axis < 0 ? axis + node.Rank() : axis))
            return node.Alike((Tensor x) => function(x, axis), node.Tensor());
        return node.Alike((Tensor x) => function(x.flatten(axis), axis).reshape(x.shape), node.Tensor());
    }
}

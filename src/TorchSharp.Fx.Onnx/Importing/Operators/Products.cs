using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Onnx.Importing.Operators;

/// <summary>Products of matrices.</summary>
internal static class Products
{
    internal static void AddTo(OperatorTable table)
    {
        table.Add("MatMul", node => node.Make((Tensor a, Tensor b) => a.matmul(b), node.Type(), Product(node.Shape(), node.Shape(1)),
            node.Tensor(), node.Tensor(1)));
        table.Add("Gemm", Gemm);
        table.Add("Einsum", node => node.Attributes.Text("equation", "") is var equation
            ? node.Make(OfList(node, tensors => einsum(equation, tensors)), node.Type(), EinsumShape(node, equation),
                [.. node.Inputs.Select((_, i) => node.Tensor(i))]) : null!);
        table.Add("Det", node => node.Make((Tensor x) => x.det(), node.Type(), node.Shape()?[..^2], node.Tensor()));
    }

    /// <summary>A function of a list of tensors as one of so many tensors.</summary>
    internal static Delegate OfList(OnnxNode node, Func<Tensor[], Tensor> function) => node.Inputs.Length switch
    {
        1 => (Tensor a) => function(new[] { a }),
        2 => (Tensor a, Tensor b) => function(new[] { a, b }),
        3 => (Tensor a, Tensor b, Tensor c) => function(new[] { a, b, c }),
        4 => (Tensor a, Tensor b, Tensor c, Tensor d) => function(new[] { a, b, c, d }),
        var count => throw new NotSupportedException($"{count} inputs are too many for it"),
    };

    internal static long?[]? Product(long?[]? a, long?[]? b)
    {
        if (a is null || b is null || a.Length == 0 || b.Length == 0)
            return null;
        var batch = Sizes.Broadcast(a.Length > 2 ? a[..^2] : [], b.Length > 2 ? b[..^2] : []);
        return [.. batch!, .. a.Length > 1 ? new[] { a[^2] } : [], .. b.Length > 1 ? new[] { b[^1] } : []];
    }

    private static TensorValue Gemm(OnnxNode node)
    {
        var (alpha, beta) = (node.Attributes.Float("alpha", 1), node.Attributes.Float("beta", 1));
        var (transA, transB) = (node.Attributes.Flag("transA"), node.Attributes.Flag("transB"));
        node.Attributes.Ignore("broadcast");
        var shape = new[] { node.Shape()?[transA ? 1 : 0], node.Shape(1)?[transB ? 0 : 1] };
        var isPlain = alpha == 1 && beta == 1 && !transA && GraphWriter.IsFloat(node.Type());
        if (isPlain && node.HasLayers && node.Weight(1) is { Shape.Length: 2 } weight
            && (node.Optional(2) is null || node.Weight(2)?.Shape.Length == 1))
        {
            var turned = transB ? weight : new Weight(weight.Name, weight.Type, [weight.Shape[1], weight.Shape[0]], () =>
                weight.Tensor.t().contiguous());
            if (node.Weight(2) is null || node.Weight(2)!.Shape[0] == turned.Shape[0])
                return node.Layer(Linear(turned.Shape[1], turned.Shape[0], node.Weight(2) is not null, META), shape, node.Tensor(),
                    ("weight", turned), ("bias", node.Weight(2)));
        }
        var product = node.Make((Tensor a, Tensor b) => (transA ? a.t() : a).matmul(transB ? b.t() : b), node.Type(), shape,
            node.Tensor(), node.Tensor(1));
        if (alpha != 1)
            product = node.Make((Tensor x) => x.mul(alpha), product.Type, shape, product.Node);
        if (node.Optional(2) is null)
            return product;
        return beta == 1
            ? node.Make((Tensor x, Tensor c) => x.add(c), product.Type, shape, product.Node, node.Tensor(2))
            : node.Make((Tensor x, Tensor c) => x.add(c.mul(beta)), product.Type, shape, product.Node, node.Tensor(2));
    }

    private static long?[]? EinsumShape(OnnxNode node, string equation)
    {
        var sides = equation.Replace(" ", "", StringComparison.Ordinal).Split("->");
        if (sides.Length != 2 || equation.Contains('.', StringComparison.Ordinal))
            return null;
        var sizes = new Dictionary<char, long?>();
        foreach (var (letters, i) in sides[0].Split(',').Select((letters, i) => (letters, i)))
            foreach (var (letter, size) in letters.Zip(node.Shape(i) ?? []))
                sizes[letter] = sizes.GetValueOrDefault(letter) ?? size;
        return [.. sides[1].Select(letter => sizes.GetValueOrDefault(letter))];
    }
}

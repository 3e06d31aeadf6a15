namespace TorchSharp.Fx.Onnx.Converters;

/// <summary>Products of matrices and vectors.</summary>
internal static class Products
{
    internal static void AddTo(Dictionary<string, Func<Step, object>> table)
    {
        foreach (var name in new[] { "matmul", "bmm", "mm", "mv", "dot" })
            table[name] = step => step.Add("MatMul", [step.Value(0), step.Value(1)]);
        table["cdist"] = Distances;
        table["linear"] = Linear;
        table["einsum"] = step => step.Add("Einsum", step.Values(1), OnnxGraph.Attribute("equation", (string)step.Setting("equation")!));
        table["addmm"] = AddedProduct;
        table["outer"] = step => step.Add("Mul", [step.Add("Unsqueeze", [step.Value(0), step.Graph.Integers(1)]), step.Value(1)]);
        table["cosine_similarity"] = table["cosinesimilarity"] = CosineSimilarity;
        table["embedding"] = Embedding;
        table["tensordot"] = TensorDot;
        table["one_hot"] = OneHot;
    }

    /// <summary>The layer's rows: it makes those smaller whose norm is too large.</summary>
    private static string Embedding(Step step)
    {
        if (step.Module is TorchSharp.Modules.Embedding layer)
            step.Replace("weight", DetachedCopy.RowsOf(layer, layer.weight!.shape[0], (table, ids) => table.call(ids)));
        return step.Add("Gather", [step.Tensor("weight")!, step.Value(0)], OnnxGraph.Attribute("axis", 0));
    }

    /// <summary>Dimensions of the one that go with those of the other have the same letter.</summary>
    private static string TensorDot(Step step)
    {
        var (left, right) = (step.Longs(1, "dims1")!, step.Longs(1, "dims2")!);
        var other = step.Facts(1)!.Shape.Length;
        var first = Enumerable.Range(0, step.Rank).Select(i => (char)('a' + i)).ToArray();
        var second = Enumerable.Range(0, other).Select(i => (char)('n' + i)).ToArray();
        foreach (var (a, b) in left.Zip(right))
            second[step.Dimension(b, other)] = first[step.Dimension(a)];
        var equation = $"{new string(first)},{new string(second)}->{new string([.. first.Except(second), .. second.Except(first)])}";
        return step.Add("Einsum", [step.Value(0), step.Value(1)], OnnxGraph.Attribute("equation", equation));
    }

    /// <summary>One operation where the input is a matrix; runtimes fuse the two of the general form.</summary>
    private static string Linear(Step step)
    {
        var weight = step.Tensor("weight", "weights")!;
        var bias = Quantization.Bias(step) ?? step.Tensor("bias");
        if (step.Rank == 2)
            return step.Add("Gemm", [step.Value(0), weight, .. bias is null ? Array.Empty<string>() : [bias]],
                OnnxGraph.Attribute("transB", 1));
        var product = step.Add("MatMul", [step.Value(0), step.Add("Transpose", [weight], OnnxGraph.Attribute("perm", [1, 0]))]);
        return bias is null ? product : step.Add("Add", [bias, product]);
    }

    private static string AddedProduct(Step step)
        => step.Add("Add",
            [Scaled(step, step.Value(0), "beta"), Scaled(step, step.Add("MatMul", [step.Value(1), step.Value(2)]), "alpha")]);

    private static string Scaled(Step step, string value, string factor)
        => step.Double(factor, 1) is var by && by == 1 ? value : step.Add("Mul", [value, step.Scalar(by)]);

    /// <summary>Norms below <c>eps</c> are taken to be that.</summary>
    private static string CosineSimilarity(Step step)
    {
        var axis = step.Dimension(step.Long("dim", 1));
        var (a, b, floor) = (step.Value(0), step.Value(1), step.Scalar(step.Double("eps", 1e-8)));
        var product = step.Add("ReduceSum", [step.Add("Mul", [a, b]), step.Graph.Integers(axis)], OnnxGraph.Attribute("keepdims", 0));
        return step.Add("Div", [product, step.Add("Mul", [Norm(a), Norm(b)])]);

        string Norm(string value)
            => step.Add("Max",
                [step.Add("ReduceL2", [value], OnnxGraph.Attribute("axes", [axis]), OnnxGraph.Attribute("keepdims", 0)), floor]);
    }

    private static string OneHot(Step step)
    {
        var classes = step.Long("num_classes", -1);
        if (classes < 0)
            throw new NotSupportedException("how many classes there are depends on the tensor; give num_classes");
        return step.Add("OneHot", [step.Value(0), step.Graph.Integers(classes), step.Graph.Integers(0, 1)]);
    }

    /// <summary>Between all rows of two matrices: the norm of their differences.</summary>
    private static string Distances(Step step)
    {
        step.Ignore("compute_mode");
        var p = step.Double("p", 2);
        var pairs = step.Add("Sub",
            [step.Add("Unsqueeze", [step.Value(0), step.Graph.Integers(-2)]),
                step.Add("Unsqueeze", [step.Value(1), step.Graph.Integers(-3)])]);
        var axis = OnnxGraph.Attribute("axes", [-1L]);
        var keeps = OnnxGraph.Attribute("keepdims", 0);
        return p switch
        {
            1 => step.Add("ReduceL1", [pairs], axis, keeps),
            2 => step.Add("ReduceL2", [pairs], axis, keeps),
            double.PositiveInfinity => step.Add("ReduceMax", [step.Add("Abs", [pairs])], axis, keeps),
            _ => step.Add("Pow",
                [step.Add("ReduceSum", [step.Add("Pow", [step.Add("Abs", [pairs]), step.Scalar(p)]), step.Graph.Integers(-1)], keeps),
                    step.Scalar(1 / p)]),
        };
    }
}

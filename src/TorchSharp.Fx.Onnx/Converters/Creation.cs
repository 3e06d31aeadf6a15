namespace TorchSharp.Fx.Onnx.Converters;

/// <summary>Tensors made of numbers. Where no size of them is free they are constants, and don't come here.</summary>
internal static class Creation
{
    internal static void AddTo(Dictionary<string, Func<Step, object>> table)
    {
        foreach (var (name, number) in new[] { ("zeros", 0), ("ones", 1), ("empty", 0) })
        {
            table[name] = step => Filled(step, step.Scalar(number), step.Sizes(0));
            table["new_" + name] = step => Filled(step.OfType(), step.Scalar(number), step.Sizes(1));
            table[name + "_like"] = step => Like(step, step.Scalar(number));
        }
        table["full"] = step => Filled(step, step.Value(step.At("value"), step.Output.Type), Before(step, 0));
        table["new_full"] = step => Filled(step.OfType(), step.Value(step.At("value"), step.Output.Type), Before(step, 1));
        table["full_like"] = step => Like(step, step.Value(1, step.Output.Type));
        table["rand_like"] = step => step.Add("RandomUniformLike", [step.Value(0, step.Output.Type)]);
        table["randn_like"] = step => step.Add("RandomNormalLike", [step.Value(0, step.Output.Type)]);
        table["rand"] = step => step.Add("RandomUniformLike", [Filled(step, step.Scalar(0), step.Sizes(0))]);
        table["randn"] = step => step.Add("RandomNormalLike", [Filled(step, step.Scalar(0), step.Sizes(0))]);
        table["randperm"] = Permutation;
        table["multinomial"] = Multinomial;
        table["arange"] = Arange;
        table["tensor"] = step => step.Value(0, step.Output.Type);
    }

    /// <summary>The order of random numbers.</summary>
    private static string Permutation(Step step)
    {
        var count = step.Graph.Sizes([step.Size(0)]);
        var drawn = step.Add("RandomUniformLike", [step.Add("Expand", [step.Graph.Scalar(0, torch.float32), count])]);
        var order = step.Graph.Add("TopK", step.Name, [drawn, count], 2, [])[1];
        step.Ignore("dtype", "device", "requires_grad", "generator");
        return step.Graph.Cast(order, torch.int64, step.Output.Type);
    }

    private static Size[] Before(Step step, int from)
        => [.. Enumerable.Range(from, step.At("value") - from).SelectMany(at => step.Scope.Numbers.Sizes(step.Argument(at)))];

    private static string Filled(Step step, string number, Size[] sizes) => step.Add("Expand", [number, step.Graph.Sizes(sizes)]);

    private static string Like(Step step, string number) => step.Add("Expand", [number, step.Add("Shape", [step.Value(0)])]);

    /// <summary>With replacement, by the logarithms; without, the largest of them with noise of Gumbel's distribution.</summary>
    private static string Multinomial(Step step)
    {
        var (count, rows) = (step.Long("num_samples", 1), step.Rank == 1);
        var logarithms = step.Add("Log", [rows ? step.Add("Unsqueeze", [step.Value(0), step.Graph.Integers(0)]) : step.Value(0)]);
        string drawn;
        if (step.Flag("replacement"))
            drawn = step.Graph.Typed("Multinomial", step.Name, [logarithms], torch.int64,
                OnnxGraph.Attribute("dtype", DataTypes.Of(torch.int64)), OnnxGraph.Attribute("sample_size", count));
        else
        {
            var noise = step.Add("Neg",
                [step.Add("Log", [step.Add("Neg", [step.Add("Log", [step.Add("RandomUniformLike", [logarithms])])])])]);
            drawn = step.Graph.Add("TopK", step.Name, [step.Add("Add", [logarithms, noise]), step.Graph.Integers(count)], 2, [])[1];
        }
        return rows ? step.Add("Squeeze", [drawn, step.Graph.Integers(0)]) : drawn;
    }

    private static string Arange(Step step)
    {
        var type = step.Output.Type;
        var (stop, start, stride) = (Bound("stop"), Bound("start") ?? step.Scalar(0), Bound("step") ?? step.Scalar(1));
        return step.Add("Range", [start, stop!, stride]);

        string? Bound(string name) => step.At(name) is var at and >= 0 ? step.Value(at, type) : null;
    }
}

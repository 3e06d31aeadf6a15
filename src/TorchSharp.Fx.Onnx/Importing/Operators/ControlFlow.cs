using TorchSharp.Fx.Onnx.Format;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx.Importing.Operators;

/// <summary>Branches and loops. A graph has none, so what decides them must be known: the branch is taken, the loop written out.</summary>
internal static class ControlFlow
{
    private const long MostSteps = 10_000;

    internal static void AddTo(OperatorTable table)
    {
        table.AddAll("If", Branch);
        table.AddAll("Loop", Loop);
        table.AddAll("Scan", Scan);
    }

    /// <summary>Where the condition is computed, both branches are, and the condition chooses between their results.</summary>
    private static Value[] Branch(OnnxNode node)
    {
        var (then, otherwise) = (node.Attributes.Graph("then_branch"), node.Attributes.Graph("else_branch"));
        if (node.Scalar(0) is { } known)
            return node.Subgraph(known != 0 ? then : otherwise, []);
        var (a, b) = (node.Subgraph(then, []), node.Subgraph(otherwise, []));
        if (a.Length != b.Length)
            throw new NotSupportedException("its branches give different numbers of results");
        return [.. a.Zip(b, (x, y) => Chosen(node, x, y))];
    }

    /// <summary>Tensors of one shape are chosen from element by element; of others one is taken as it is.</summary>
    private static Value Chosen(OnnxNode node, Value then, Value otherwise)
    {
        if (then is SequenceValue { Items: var items } && otherwise is SequenceValue { Items: var others })
            return items.Length == others.Length ? new SequenceValue([.. items.Zip(others, (x, y) => Chosen(node, x, y))], then.Type)
                : throw new NotSupportedException("its condition is computed, and its branches give lists of different lengths");
        if (then is SequenceValue || otherwise is SequenceValue || then.Type != otherwise.Type)
            throw new NotSupportedException("its condition is computed, and its branches give values of different types");
        return then.Shape is { } shape && otherwise.Shape is { } other && shape.SequenceEqual(other) && shape.All(size => size is not null)
            ? node.Make((Tensor condition, Tensor p, Tensor q) => where(condition, p, q), then.Type, then.Shape, node.Tensor(),
                node.Writer.Tensor(then), node.Writer.Tensor(otherwise))
            : TensorLists.Item(node, [otherwise, then],
                node.Writer.Write((Tensor x) => x.to(ScalarType.Int64).item<long>(), node.Tensor()));
    }

    private static Value[] Loop(OnnxNode node)
    {
        var body = node.Attributes.Graph("body");
        var most = node.Optional(0) is null ? long.MaxValue : node.Constant(0) is not null ? node.KnownNumbers(0)[0]
            : throw new NotSupportedException("how often it runs is computed, and must be a constant of the file");
        var condition = node.Optional(1) ?? new ConstantValue(new("condition", tensor(true)));
        var state = node.Inputs.Skip(2).Select(value => value!).ToArray();
        var steps = new List<Value>[Math.Max(0, body.Output.Count - 1 - state.Length)];
        for (var i = 0; i < steps.Length; i++)
            steps[i] = [];
        for (var step = 0L; step < most; step++)
        {
            if (condition is not ConstantValue { Weight: var known })
                throw new NotSupportedException("whether it goes on is computed, and must follow from constants of the file");
            if (known.Tensor.numel() != 1 || !known.Tensor.to(ScalarType.Bool).item<bool>())
                break;
            if (step >= MostSteps)
                throw new NotSupportedException($"it runs more than {MostSteps} times, and is written out");
            var results = node.Subgraph(body, [new ConstantValue(new("iteration", tensor(step))), condition, .. state]);
            (condition, state) = (results[0], results[1..(1 + state.Length)]);
            foreach (var (list, value) in steps.Zip(results.Skip(1 + state.Length)))
                list.Add(value);
        }
        return [.. state, .. steps.Select((list, i) => Stacked(node, list, body.Output[1 + state.Length + i]))];
    }

    private static Value Stacked(OnnxNode node, List<Value> parts, ValueInfoProto output, long axis = 0)
    {
        if (parts.Count == 0)
            return new ConstantValue(new("none", empty([0, .. output.Type.TensorType.Shape?.Dim.Select(size => size.DimValue) ?? []],
                Elements.Of(output.Type.TensorType.ElemType).Type)));
        var tensors = new ListArgument([.. parts.Select(node.Writer.Tensor)], typeof(Tensor));
        var shape = parts[0].Shape?.ToList();
        shape?.Insert((int)(axis < 0 ? axis + shape.Count + 1 : axis), parts.Count);
        return new TensorValue(node.Writer.Graph.call_function((Func<IEnumerable<Tensor>, long, Tensor>)stack, tensors, axis),
            parts[0].Type, shape?.ToArray());
    }

    /// <summary>Up to opset 8 it ran over a batch: each element of that is a scan of its own.</summary>
    private static Value[] Scan(OnnxNode node)
    {
        var body = node.Attributes.Graph("body");
        var scanned = (int)node.Attributes.Int("num_scan_inputs");
        if (node.Version >= 9)
            return Scan(node, body, [.. node.Inputs.Select(value => value!)], scanned, node.Attributes.Ints("scan_input_axes"),
                node.Attributes.Ints("scan_input_directions"), node.Attributes.Ints("scan_output_axes"),
                node.Attributes.Ints("scan_output_directions"));
        if (node.Optional(0) is not null)
            throw new NotSupportedException("sequences of different lengths are not known");
        var directions = node.Attributes.Ints("directions");
        Value[] inputs = [.. node.Inputs.Skip(1).Select(value => value!)];
        var batch = inputs[0].Shape?[0] ?? throw new NotSupportedException("the size of its batch is not known");
        var each = Enumerable.Range(0, (int)Math.Min(batch, MostSteps)).Select(i =>
            Scan(node, body, [.. inputs.Select(value => At(node, value, 0, i))], scanned, null, directions, null, null)).ToArray();
        return [.. each[0].Select((_, k) => Stacked(node, [.. each.Select(results => results[k])], body.Output[k]))];
    }

    private static Value[] Scan(OnnxNode node, GraphProto body, Value[] inputs, int scanned, long[]? axes, long[]? directions,
        long[]? outputAxes, long[]? outputDirections)
    {
        var state = inputs[..^scanned];
        var sequences = inputs[^scanned..];
        var count = sequences[0].Shape is { } shape && shape[(int)(axes is null ? 0 : axes[0] < 0 ? axes[0] + shape.Length
            : axes[0])] is { } known and <= MostSteps ? known
            : throw new NotSupportedException($"how long its sequences are is not known, or more than {MostSteps}");
        var steps = new List<Value>[Math.Max(0, body.Output.Count - state.Length)];
        for (var i = 0; i < steps.Length; i++)
            steps[i] = [];
        for (var step = 0L; step < count; step++)
        {
            var results = node.Subgraph(body, [.. state, .. sequences.Select((value, i) =>
                At(node, value, axes?[i] ?? 0, directions?[i] == 1 ? count - 1 - step : step))]);
            state = results[..state.Length];
            foreach (var (list, value) in steps.Zip(results.Skip(state.Length)))
                list.Add(value);
        }
        foreach (var (list, i) in steps.Select((list, i) => (list, i)))
            if (outputDirections?[i] == 1)
                list.Reverse();
        return [.. state, .. steps.Select((list, i) => Stacked(node, list, body.Output[state.Length + i], outputAxes?[i] ?? 0))];
    }

    private static TensorValue At(OnnxNode node, Value value, long axis, long place)
        => node.Make((Tensor x) => x.select(axis, place), value.Type,
            Sizes.Reduce(value.Shape, [axis < 0 && value.Rank is { } rank ? axis + rank : axis], false), node.Writer.Tensor(value));
}

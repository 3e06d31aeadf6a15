using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx.Converters;

/// <summary>Layers over time steps. PyTorch stacks several in a module; in ONNX each is an operation.</summary>
internal static class Recurrent
{
    internal static void AddTo(Dictionary<string, Func<Step, object>> table)
    {
        // The gates in ONNX's order, by their places in PyTorch's.
        table["lstm"] = step => Layers(step, "LSTM", [0, 3, 1, 2], states: 2);
        table["rnn"] = step => Layers(step, "RNN", [0], states: 1);
        table["gru"] = step => Layers(step, "GRU", [1, 0, 2], states: 1);
    }

    /// <summary>The outputs of the last layer for all steps, then the last states of all layers.</summary>
    private static string[] Layers(Step step, string op, int[] gates, int states)
    {
        if (step.Facts(0) is null)
            throw new NotSupportedException("it reads a packed sequence, which ONNX has no form for; give it the padded one");
        if (step.Rank != 3)
            throw new NotSupportedException("its input has no batch dimension");
        if (step.Module!.training)
            throw new NotSupportedException("it may draw at random in training mode; export the model in evaluation mode");
        var (layers, batchFirst) = ((long)step.Setting("_num_layers")!, step.Setting("_batch_first") is true);
        var value = batchFirst ? Swapped(step, step.Value(0)) : step.Value(0);
        var initial = Initial(step);
        var last = Enumerable.Range(0, states).Select(_ => new List<string>()).ToArray();
        for (var layer = 0; layer < layers; layer++)
        {
            var results = Layer(step, op, gates, value, layer, initial);
            value = step.Add("Reshape",
                [step.Add("Transpose", [results[0]], OnnxGraph.Attribute("perm", [0, 2, 1, 3])), step.Graph.Integers(0, 0, -1)]);
            foreach (var (list, state) in last.Zip(results[1..]))
                list.Add(state);
        }
        return [batchFirst
            ? Swapped(step, value) : value,
                .. last.Select(list => list.Count == 1 ? list[0] : step.Add("Concat", list, OnnxGraph.Attribute("axis", 0)))];
    }

    private static string[] Layer(Step step, string op, int[] gates, string value, int layer, string[] initial)
    {
        string[] directions = step.Setting("_bidirectional") is true ? ["", "_reverse"] : [""];
        var weights =
            new[] { "weight_ih",
                "weight_hh" }.Select(kind =>
                    step.Graph.Constant($"{step.Name}.{kind}_l{layer}",
                        stack(directions.Select(way => Ordered($"{kind}_l{layer}{way}")!))));
        var bias = Ordered($"bias_ih_l{layer}") is null
            ? "" : step.Graph.Constant($"{step.Name}.bias_l{layer}",
                stack(directions.Select(way => cat([Ordered($"bias_ih_l{layer}{way}")!, Ordered($"bias_hh_l{layer}{way}")!]))));
        var states =
            initial.Select(state =>
                Index.Slice(step, state, [new(0, new(layer * directions.Length), new((layer + 1) * directions.Length), 1, Drops: false)]));
        return step.Graph.Add(op, step.Name, [value, .. weights, bias, "", .. states], 1 + (op == "LSTM" ? 2 : 1), [
            OnnxGraph.Attribute("hidden_size", (long)step.Setting("_hidden_size")!),
            OnnxGraph.Attribute("direction", directions.Length == 2 ? "bidirectional" : "forward"),
            .. Own(step, op, directions.Length)]);

        Tensor? Ordered(string name)
            => step.Module!.get_parameter(name)?.chunk(gates.Length) is { } parts ? cat([.. gates.Select(gate => parts[gate])]) : null;
    }

    private static Format.AttributeProto[] Own(Step step, string op, int directions) => op switch
    {
        "GRU" => [OnnxGraph.Attribute("linear_before_reset", 1)],
        "RNN" => [OnnxGraph.Attribute("activations",
            Enumerable.Repeat(Activation.IsRelu((TorchSharp.Modules.RNN)step.Module!) ? "Relu" : "Tanh", directions))],
        _ => [],
    };

    /// <summary>The first states, where the program gives any: one, or a tuple of two.</summary>
    private static string[] Initial(Step step) => step.Count < 2 ? [] : step.Argument(1) switch
    {
        Literal { Value: null } => [],
        TupleArgument tuple =>
            [.. tuple.Items.Select(item => step.Read(item)?.Name ?? throw new NotSupportedException("its first states are no tensors"))],
        var state => [step.Read(state)?.Name ?? throw new NotSupportedException("its first state is no tensor")],
    };

    private static string Swapped(Step step, string value) => step.Add("Transpose", [value], OnnxGraph.Attribute("perm", [1, 0, 2]));
}

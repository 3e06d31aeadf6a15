using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx.Converters;

/// <summary>Layers over time steps. PyTorch stacks several in a module; in ONNX each is an operation.</summary>
internal static class Recurrent
{
    // The gates in ONNX's order, by their places in PyTorch's.
    private static readonly int[] LongGates = [0, 3, 1, 2], PlainGates = [0], Gates = [1, 0, 2];

    internal static void AddTo(Dictionary<string, Func<Step, object>> table)
    {
        table["lstm"] = step => Layers(step, RecurrentLayers.Of(step, "LSTM", LongGates));
        table["rnn"] = step => Layers(step, RecurrentLayers.Of(step, "RNN", PlainGates));
        table["gru"] = step => Layers(step, RecurrentLayers.Of(step, "GRU", Gates));
    }

    /// <summary>The converter of layers that ATen calls by name, whose weights are arguments; null for other operations.</summary>
    internal static Func<Step, object>? Named(NamedCall call) => call.Overload switch
    {
        "lstm.input" => step => Layers(step, RecurrentLayers.Of(step, call, "LSTM", LongGates)),
        "gru.input" => step => Layers(step, RecurrentLayers.Of(step, call, "GRU", Gates)),
        "rnn_tanh.input" or "rnn_relu.input" => step => Layers(step, RecurrentLayers.Of(step, call, "RNN", PlainGates)),
        _ => null,
    };

    /// <summary>The outputs of the last layer for all steps, then the last states of all layers.</summary>
    private static string[] Layers(Step step, RecurrentLayers layers)
    {
        var value = layers.BatchFirst ? Swapped(step, layers.Input) : layers.Input;
        var last = Enumerable.Range(0, layers.Operation == "LSTM" ? 2 : 1).Select(_ => new List<string>()).ToArray();
        for (var layer = 0; layer < layers.Count; layer++)
        {
            var results = Layer(step, layers, value, layer);
            value = step.Add("Reshape",
                [step.Add("Transpose", [results[0]], OnnxGraph.Attribute("perm", [0, 2, 1, 3])), step.Graph.Integers(0, 0, -1)]);
            foreach (var (list, state) in last.Zip(results[1..]))
                list.Add(state);
        }
        return [layers.BatchFirst
            ? Swapped(step, value) : value,
                .. last.Select(list => list.Count == 1 ? list[0] : step.Add("Concat", list, OnnxGraph.Attribute("axis", 0)))];
    }

    private static string[] Layer(Step step, RecurrentLayers layers, string value, int layer)
    {
        string[] directions = layers.IsBidirectional ? ["", "_reverse"] : [""];
        var weights =
            new[] { "weight_ih",
                "weight_hh" }.Select(kind =>
                    step.Graph.Constant($"{step.Name}.{kind}_l{layer}",
                        stack(directions.Select(way => Ordered($"{kind}_l{layer}{way}")!))));
        var bias = Ordered($"bias_ih_l{layer}") is null
            ? "" : step.Graph.Constant($"{step.Name}.bias_l{layer}",
                stack(directions.Select(way => cat([Ordered($"bias_ih_l{layer}{way}")!, Ordered($"bias_hh_l{layer}{way}")!]))));
        var states =
            layers.First.Select(state =>
                Index.Slice(step, state, [new(0, new(layer * directions.Length), new((layer + 1) * directions.Length), 1, Drops: false)]));
        return step.Graph.Add(layers.Operation, step.Name, [value, .. weights, bias, "", .. states],
            1 + (layers.Operation == "LSTM" ? 2 : 1), [
            OnnxGraph.Attribute("hidden_size", layers.Weight($"weight_hh_l{layer}")!.shape[1]),
            OnnxGraph.Attribute("direction", directions.Length == 2 ? "bidirectional" : "forward"),
            .. Own(layers, directions.Length)]);

        Tensor? Ordered(string name)
            => layers.Weight(name)?.chunk(layers.Gates.Length) is { } parts ? cat([.. layers.Gates.Select(gate => parts[gate])]) : null;
    }

    private static Format.AttributeProto[] Own(RecurrentLayers layers, int directions) => layers.Operation switch
    {
        "GRU" => [OnnxGraph.Attribute("linear_before_reset", 1)],
        "RNN" => [OnnxGraph.Attribute("activations", Enumerable.Repeat(layers.IsRelu ? "Relu" : "Tanh", directions))],
        _ => [],
    };

    private static string Swapped(Step step, string value) => step.Add("Transpose", [value], OnnxGraph.Attribute("perm", [1, 0, 2]));
}

using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx.Converters;

/// <summary>Recurrent layers one after the other: those of a module, or of an operation that is given its weights.</summary>
/// <param name="Operation">ONNX's operation.</param>
/// <param name="Gates">The gates in ONNX's order, by their places in PyTorch's.</param>
/// <param name="Input">The input.</param>
/// <param name="First">The first states, where the program gives any.</param>
/// <param name="Count">How many layers there are.</param>
/// <param name="BatchFirst">Whether the input's first dimension is the batch.</param>
/// <param name="IsBidirectional">Whether each layer goes both ways.</param>
/// <param name="IsRelu">Whether the activation is relu.</param>
/// <param name="Weight">A weight by PyTorch's name for it; null where there is none.</param>
internal sealed record RecurrentLayers(string Operation, int[] Gates, string Input, string[] First, long Count, bool BatchFirst,
    bool IsBidirectional, bool IsRelu, Func<string, Tensor?> Weight)
{
    /// <summary>Those of the module that a node calls.</summary>
    internal static RecurrentLayers Of(Step step, string operation, int[] gates)
    {
        if (step.Facts(0) is null)
            throw new NotSupportedException("it reads a packed sequence, which ONNX has no form for; give it the padded one");
        Check(step.Rank, step.Module!.training);
        _ = step.Setting("_hidden_size");
        return new(operation, gates, step.Value(0), States(step), (long)step.Setting("_num_layers")!, step.Setting("_batch_first") is true,
            step.Setting("_bidirectional") is true, operation == "RNN" && Activation.IsRelu((TorchSharp.Modules.RNN)step.Module),
            name => step.Module.get_parameter(name));
    }

    /// <summary>Those of an operation of ATen.</summary>
    internal static RecurrentLayers Of(Step step, NamedCall call, string operation, int[] gates)
    {
        step.Ignore("overload", "args");
        var (input, facts) = step.Read(call["input"]) ?? throw new NotSupportedException("its input is no tensor");
        Check(facts.Shape.Length, call.Bool("train") && call.Double("dropout") > 0);
        var weights = ((ListArgument)call["params"]).Items.Select(weight => weight is NodeArgument { Node: { op: Opcode.get_attr } node }
            ? step.Scope.Run.TensorAt(node.target.name) : throw new NotSupportedException("its weights are computed")).ToArray();
        string[] kinds = call.Bool("has_biases") ? ["weight_ih", "weight_hh", "bias_ih", "bias_hh"] : ["weight_ih", "weight_hh"];
        string[] ways = call.Bool("bidirectional") ? ["", "_reverse"] : [""];
        var names = Enumerable.Range(0, (int)call.Long("num_layers")).SelectMany(layer => ways.SelectMany(way
            => kinds.Select(kind => $"{kind}_l{layer}{way}"))).ToArray();
        if (names.Length != weights.Length)
            throw new NotSupportedException("it projects its states, which ONNX has no form for");
        var first = (call["hx"] is ListArgument list ? list.Items.AsEnumerable() : [call["hx"]]).Select(state
            => step.Read(state)?.Name ?? throw new NotSupportedException("its first state is no tensor"));
        var byName = names.Zip(weights).ToDictionary(pair => pair.First, pair => pair.Second, StringComparer.Ordinal);
        return new(operation, gates, input, [.. first], call.Long("num_layers"), call.Bool("batch_first"), ways.Length == 2,
            call.Overload == "rnn_relu.input", byName.GetValueOrDefault);
    }

    private static void Check(int rank, bool draws)
    {
        if (rank != 3)
            throw new NotSupportedException("its input has no batch dimension");
        if (draws)
            throw new NotSupportedException("it may draw at random in training mode; export the model in evaluation mode");
    }

    /// <summary>The first states, where the program gives any: one, or a tuple of two.</summary>
    private static string[] States(Step step) => step.Count < 2 ? [] : step.Argument(1) switch
    {
        Literal { Value: null } => [],
        TupleArgument tuple =>
            [.. tuple.Items.Select(item => step.Read(item)?.Name ?? throw new NotSupportedException("its first states are no tensors"))],
        var state => [step.Read(state)?.Name ?? throw new NotSupportedException("its first state is no tensor")],
    };
}

using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx.Importing.Operators;

/// <summary>
/// Recurrent layers by PyTorch's own operation, for a sequence of any length. It has the usual activation functions, and neither peepholes
/// nor limits.
/// </summary>
/// <param name="Operation">The operation: <c>lstm.input</c>, <c>gru.input</c>, <c>rnn_tanh.input</c> or <c>rnn_relu.input</c>.</param>
/// <param name="Gates">The places of PyTorch's gates among those of ONNX.</param>
/// <param name="Hidden">The size of the state.</param>
/// <param name="Directions">How many directions there are.</param>
/// <param name="BatchFirst">Whether the batch is the first dimension.</param>
internal sealed record NativeRecurrent(string Operation, int[] Gates, long Hidden, int Directions, bool BatchFirst)
{
    /// <summary>The operation for a node; null where it has something that the operation has not.</summary>
    internal static NativeRecurrent? Of(OnnxNode node, int gates, long hidden)
    {
        var direction = node.Attributes.Text("direction", "forward");
        var names = node.Attributes.Texts("activations");
        if (direction == "reverse" || node.Attributes.Float("clip", 0) > 0 || node.Attributes.Flag("input_forget")
            || node.Optional(4) is not null
            || node.Optional(7) is not null || (gates == 3 && !node.Attributes.Flag("linear_before_reset")))
            return null;
        var directions = direction == "bidirectional" ? 2 : 1;
        var functions = names?.Select(name => name.ToLowerInvariant()).Chunk(Math.Max(names.Length / directions, 1)).ToArray();
        if (functions is { Length: 2 } && !functions[0].SequenceEqual(functions[1]))
            return null;
        var own = string.Join(' ', functions?[0] ?? []);
        return (gates, own) switch
        {
            (1, "" or "tanh") => new("rnn_tanh.input", [0], hidden, directions, node.Attributes.Flag("layout")),
            (1, "relu") => new("rnn_relu.input", [0], hidden, directions, node.Attributes.Flag("layout")),
            (3, "" or "sigmoid tanh") => new("gru.input", [1, 0, 2], hidden, directions, node.Attributes.Flag("layout")),
            (4, "" or "sigmoid tanh tanh") => new("lstm.input", [0, 2, 3, 1], hidden, directions, node.Attributes.Flag("layout")),
            _ => null,
        };
    }

    /// <summary>The results of the ONNX operator: all states, the last one, and an LSTM's last memory.</summary>
    internal Tensor[] Run(Tensor x, Tensor w, Tensor r, Tensor? b, Tensor? h, Tensor? c)
    {
        if (BatchFirst)
            (x, h, c) = (x.transpose(0, 1), h?.transpose(0, 1), c?.transpose(0, 1));
        var weights = new List<Tensor>();
        for (var d = 0; d < Directions; d++)
        {
            weights.Add(Ordered(w.select(0, d), 0));
            weights.Add(Ordered(r.select(0, d), 0));
            if (b is not null)
            {
                weights.Add(Ordered(b.select(0, d), 0));
                weights.Add(Ordered(b.select(0, d), Gates.Length * Hidden));
            }
        }
        h ??= zeros(new[] { Directions, x.shape[1], Hidden }, x.dtype, x.device);
        var results = Gates.Length == 4
            ? aten.call_many(Operation, x, new[] { h, c ?? zeros_like(h) }, weights.ToArray(), b is not null, 1L, 0.0, false,
                Directions == 2, false)
            : aten.call_many(Operation, x, h, weights.ToArray(), b is not null, 1L, 0.0, false, Directions == 2, false);
        var output = results[0].unflatten(2, new[] { Directions, Hidden }).transpose(1, 2);
        var (state, memory) = (results[1], Gates.Length == 4 ? results[2] : results[1]);
        if (BatchFirst)
            (output, state, memory) = (output.permute(2, 0, 1, 3), state.transpose(0, 1), memory.transpose(0, 1));
        return Gates.Length == 4 ? [output, state, memory] : [output, state];
    }

    private Tensor Ordered(Tensor rows, long start) => cat([.. Gates.Select(gate => rows.narrow(0, start + gate * Hidden, Hidden))]);
}

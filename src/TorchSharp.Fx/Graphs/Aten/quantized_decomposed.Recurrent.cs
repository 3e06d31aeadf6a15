using static TorchSharp.torch;

namespace TorchSharp.Fx;

public static partial class quantized_decomposed
{
    /// <summary>
    /// A long short-term memory (LSTM) with dynamic quantisation: before each matrix product, the input or state is quantised by its own
    /// range. A layer's input is quantised as a whole, its state at each time step. Counterpart: <c>torch.ao.nn.quantized.dynamic.LSTM</c>.
    /// </summary>
    /// <param name="input">A float32 tensor T×B×I (time, batch, features), or B×T×I with <paramref name="batch_first"/>.</param>
    /// <param name="hx">The initial hidden and cell states, each (layers · directions)×B×H; zeros when null.</param>
    /// <param name="weights">For each layer and direction, in the module's order: the input weights, the state weights, and the biases of
    /// both.</param>
    /// <param name="has_biases">Whether <paramref name="weights"/> has biases.</param>
    /// <param name="num_layers">How many layers there are.</param>
    /// <param name="bidirectional">Whether each layer also runs backwards in time.</param>
    /// <param name="batch_first">Whether the batch is the first dimension.</param>
    /// <param name="quant_max">The highest quantised value of inputs and states; the lowest is 0.</param>
    /// <returns>The last layer's hidden states at each time step, the final hidden states, and the final cell states.</returns>
    public static (Tensor output, Tensor h_n, Tensor c_n) lstm(Tensor input, (Tensor, Tensor)? hx, Tensor[] weights, bool has_biases,
        long num_layers, bool bidirectional, bool batch_first, long quant_max)
    {
        using var scope = NewDisposeScope();
        var layers = new DynamicRecurrence(weights, has_biases, num_layers, bidirectional, batch_first, quant_max);
        var (output, states, cells) = layers.Run(input, hx?.Item1, hx?.Item2, hasCells: true);
        return (output.MoveToOuterDisposeScope(), states.MoveToOuterDisposeScope(), cells!.MoveToOuterDisposeScope());
    }

    /// <summary>
    /// Gated recurrent units (GRU) with dynamic quantisation, as in <see cref="lstm"/>. Counterpart:
    /// <c>torch.ao.nn.quantized.dynamic.GRU</c>.
    /// </summary>
    /// <param name="input">A float32 tensor T×B×I (time, batch, features), or B×T×I with <paramref name="batch_first"/>.</param>
    /// <param name="hx">The initial hidden states, (layers · directions)×B×H; zeros when null.</param>
    /// <param name="weights">For each layer and direction, in the module's order: the input weights, the state weights, and the biases of
    /// both.</param>
    /// <param name="has_biases">Whether <paramref name="weights"/> has biases.</param>
    /// <param name="num_layers">How many layers there are.</param>
    /// <param name="bidirectional">Whether each layer also runs backwards in time.</param>
    /// <param name="batch_first">Whether the batch is the first dimension.</param>
    /// <param name="quant_max">The highest quantised value of inputs and states; the lowest is 0.</param>
    /// <returns>The last layer's hidden states at each time step, and the final hidden states.</returns>
    public static (Tensor output, Tensor h_n) gru(Tensor input, Tensor? hx, Tensor[] weights, bool has_biases, long num_layers,
        bool bidirectional, bool batch_first, long quant_max)
    {
        using var scope = NewDisposeScope();
        var layers = new DynamicRecurrence(weights, has_biases, num_layers, bidirectional, batch_first, quant_max);
        var (output, states, _) = layers.Run(input, hx, null, hasCells: false);
        return (output.MoveToOuterDisposeScope(), states.MoveToOuterDisposeScope());
    }

    /// <summary>The layers of a recurrent module, with the scale of each input and state by its range.</summary>
    private sealed class DynamicRecurrence(Tensor[] weights, bool hasBiases, long layers, bool isBidirectional, bool isBatchFirst,
        long most)
    {
        private readonly int directions = isBidirectional ? 2 : 1;
        private readonly int each = hasBiases ? 4 : 2;

        internal (Tensor Output, Tensor States, Tensor? Cells) Run(Tensor input, Tensor? states, Tensor? cells, bool hasCells)
        {
            ArgumentNullException.ThrowIfNull(input);
            var isUnbatched = input.dim() == 2;
            var value = isUnbatched ? input.unsqueeze(1) : isBatchFirst ? input.transpose(0, 1) : input;
            var lastStates = new List<Tensor>();
            var lastCells = new List<Tensor>();
            for (var layer = 0; layer < layers; layer++)
            {
                var outputs = new List<Tensor>();
                for (var direction = 0; direction < directions; direction++)
                {
                    var index = layer * directions + direction;
                    var size = weights[index * each + 1].size(1);
                    var state = First(states, index, isUnbatched) ?? zeros([value.size(1), size], value.dtype, value.device);
                    var cell = !hasCells
                        ? null : First(cells, index, isUnbatched) ?? zeros([value.size(1), size], value.dtype, value.device);
                    outputs.Add(Direction(value, index, direction == 1, ref state, ref cell));
                    lastStates.Add(state);
                    if (cell is not null)
                        lastCells.Add(cell);
                }
                value = outputs.Count == 1 ? outputs[0] : cat(outputs, -1);
            }
            return (isUnbatched ? value.squeeze(1) : isBatchFirst ? value.transpose(0, 1) : value, Last(lastStates, isUnbatched),
                hasCells ? Last(lastCells, isUnbatched) : null);
        }

        private Tensor Direction(Tensor input, int index, bool isBackwards, ref Tensor state, ref Tensor? cell)
        {
            var steps = input.size(0);
            var gates = Product(input, index, 0);
            var outputs = new Tensor[steps];
            for (var i = 0L; i < steps; i++)
            {
                var time = isBackwards ? steps - 1 - i : i;
                var (ofInput, ofState) = (gates[time], Product(state, index, 1));
                state = cell is null ? Unit(ofInput, ofState, state) : Memory(ofInput + ofState, ref cell);
                outputs[time] = state;
            }
            return stack(outputs);
        }

        private static Tensor Memory(Tensor gates, ref Tensor cell)
        {
            var parts = gates.chunk(4, 1);
            cell = parts[1].sigmoid() * cell + parts[0].sigmoid() * parts[2].tanh();
            return parts[3].sigmoid() * cell.tanh();
        }

        private static Tensor Unit(Tensor ofInput, Tensor ofState, Tensor state)
        {
            var (a, b) = (ofInput.chunk(3, 1), ofState.chunk(3, 1));
            var (reset, update) = ((a[0] + b[0]).sigmoid(), (a[1] + b[1]).sigmoid());
            var next = (a[2] + reset * b[2]).tanh();
            return (state - next) * update + next;
        }

        /// <summary>A linear layer of a value in steps: of the input, 0, or of the state, 1.</summary>
        private Tensor Product(Tensor value, int index, int which)
        {
            var range = choose_qparams(value, 0, most, 1.1920929e-07);
            var steps = quantize_per_tensor(value, range[0], range[1], 0, most, ScalarType.Byte);
            return nn.functional.linear(dequantize_per_tensor(steps, range[0], range[1]), weights[index * each + which],
                hasBiases ? weights[index * each + 2 + which] : null);
        }

        private static Tensor? First(Tensor? states, int index, bool isUnbatched)
            => isUnbatched ? states?[index].unsqueeze(0) : states?[index];

        private static Tensor Last(List<Tensor> states, bool isUnbatched)
        {
            var all = stack(states);
            return isUnbatched ? all.squeeze(1) : all;
        }
    }
}

using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx.Importing.Operators;

/// <summary>Recurrent layers, written out step by step.</summary>
internal static class Recurrent
{
    private const long MostSteps = 2000;

    // More than this many steps are one operation where they can be.
    private const long FewSteps = 100;

    internal static void AddTo(OperatorTable table)
    {
        table.AddAll("RNN", node => Layer(node, 1, ["Tanh"]));
        table.AddAll("GRU", node => Layer(node, 3, ["Sigmoid", "Tanh"]));
        table.AddAll("LSTM", node => Layer(node, 4, ["Sigmoid", "Tanh", "Tanh"]));
    }

    /// <summary>The values that all steps of a layer share.</summary>
    /// <param name="Gates">How many gates its cell has, which says what cell it is.</param>
    /// <param name="Hidden">The size of its state.</param>
    /// <param name="Steps">The length of the sequence.</param>
    /// <param name="Functions">The activation functions of one direction.</param>
    /// <param name="Clip">The limit of what activation functions are given; none where 0.</param>
    /// <param name="LinearFirst">Whether a GRU multiplies before it resets.</param>
    /// <param name="Coupled">Whether an LSTM forgets just what it takes in.</param>
    private sealed record Cell(int Gates, long Hidden, int Steps, Func<Tensor, Tensor>[] Functions, double Clip, bool LinearFirst,
        bool Coupled);

    private static Value[] Layer(OnnxNode node, int gates, string[] preset)
    {
        var hidden = node.Attributes.Int("hidden_size", 0) is > 0 and var given ? given : node.Shape(2)?[2]
            ?? throw new NotSupportedException("the size of its state is not known");
        var direction = node.Attributes.Text("direction", "forward");
        var batchFirst = node.Attributes.Flag("layout");
        var (clip, linear, coupled) = (node.Attributes.Float("clip", 0), node.Attributes.Flag("linear_before_reset"),
            node.Attributes.Flag("input_forget"));
        var names = node.Attributes.Texts("activations");
        var (alphas, betas) = (node.Attributes.Floats("activation_alpha"), node.Attributes.Floats("activation_beta"));
        var directions = direction == "bidirectional" ? 2 : 1;
        if (node.Shape()?[batchFirst ? 1 : 0] is not <= FewSteps && NativeRecurrent.Of(node, gates, hidden) is { } native)
            return Native(node, native);
        if (node.Shape()?[batchFirst ? 1 : 0] is not (<= MostSteps and { } steps))
            throw new NotSupportedException($"the length of its sequence is not known, or more than {MostSteps}");
        var cells = Enumerable.Range(0, directions).Select(d => new Cell(gates, hidden, (int)steps,
            [.. preset.Select((name, i) => Function(names is null ? name : names[d * preset.Length + i],
                alphas?.ElementAtOrDefault(d * preset.Length + i), betas?.ElementAtOrDefault(d * preset.Length + i)))], clip, linear,
                coupled)).ToArray();
        var (hasBias, hasLengths, hasState, hasCell, hasPeepholes) =
            (node.Optional(3) is not null, node.Optional(4) is not null, node.Optional(5) is not null, node.Optional(6) is not null,
            node.Optional(7) is not null);
        var results = Results(node, gates, hidden, directions, batchFirst);
        return node.MakeAll((Tensor x, Tensor w, Tensor r, Tensor b, Tensor lengths, Tensor h, Tensor c, Tensor p) =>
            Run(x, w, r, hasBias ? b : null, hasLengths ? lengths : null, hasState ? h : null, hasCell ? c : null, hasPeepholes ? p : null,
                cells, direction == "reverse", batchFirst), results,
            [.. Enumerable.Range(0, 8).Select(node.TensorOrNull)]);
    }

    private static Value[] Native(OnnxNode node, NativeRecurrent layer)
    {
        var (hasBias, hasState, hasCell) = (node.Optional(3) is not null, node.Optional(5) is not null, node.Optional(6) is not null);
        return node.MakeAll((Tensor x, Tensor w, Tensor r, Tensor b, Tensor h, Tensor c) =>
            layer.Run(x, w, r, hasBias ? b : null, hasState ? h : null, hasCell ? c : null),
            Results(node, layer.Gates.Length, layer.Hidden, layer.Directions, layer.BatchFirst),
            [.. new[] { 0, 1, 2, 3, 5, 6 }.Select(node.TensorOrNull)]);
    }

    /// <summary>The types and shapes of the results.</summary>
    private static (ScalarType Type, long?[]? Shape)[] Results(OnnxNode node, int gates, long hidden, int directions, bool batchFirst)
    {
        var (steps, batch) = (node.Shape()?[batchFirst ? 1 : 0], node.Shape()?[batchFirst ? 0 : 1]);
        long?[] all = batchFirst ? [batch, steps, directions, hidden] : [steps, directions, batch, hidden], last = batchFirst
            ? [batch, directions, hidden] : [directions, batch, hidden];
        return [(node.Type(), all), (node.Type(), last), .. gates == 4 ? new[] { (node.Type(), last) } : []];
    }

    private static Tensor[] Run(Tensor x, Tensor w, Tensor r, Tensor? b, Tensor? lengths, Tensor? h, Tensor? c, Tensor? p, Cell[] cells,
        bool reverse, bool batchFirst)
    {
        if (batchFirst)
            (x, h, c) = (x.transpose(0, 1), h?.transpose(0, 1), c?.transpose(0, 1));
        Tensor[] outputs = new Tensor[cells.Length], states = new Tensor[cells.Length], memories = new Tensor[cells.Length];
        for (var d = 0; d < cells.Length; d++)
        {
            var none = zeros(new[] { x.shape[1], cells[d].Hidden }, x.dtype);
            (outputs[d], states[d], memories[d]) = Direction(x, w.select(0, d), r.select(0, d), b?.select(0, d), lengths, h is null ? none
                : h.select(0, d), c is null ? none : c.select(0, d), p?.select(0, d), cells[d], d == 1 || reverse);
        }
        var (output, state, memory) = (stack(outputs, 1), stack(states, 0), stack(memories, 0));
        if (batchFirst)
            (output, state, memory) = (output.permute(2, 0, 1, 3), state.transpose(0, 1), memory.transpose(0, 1));
        return cells[0].Gates == 4 ? [output, state, memory] : [output, state];
    }

    private static (Tensor Output, Tensor State, Tensor Memory) Direction(Tensor x, Tensor w, Tensor r, Tensor? b, Tensor? lengths,
        Tensor h, Tensor c, Tensor? p, Cell cell, bool reverse)
    {
        var outputs = new Tensor[cell.Steps];
        var size = cell.Gates * cell.Hidden;
        for (var i = 0; i < cell.Steps; i++)
        {
            var t = reverse ? cell.Steps - 1 - i : i;
            var input = x.select(0, t).matmul(w.t());
            if (b is not null)
                input = input.add(b.narrow(0, 0, size));
            var bias = b?.narrow(0, size, size);
            var (state, memory) = cell.Gates switch
            {
                1 => (Plain(input, h, r, bias, cell), c),
                3 => (Gated(input, h, r, bias, cell), c),
                _ => LongShort(input, h, c, r, bias, p, cell),
            };
            if (lengths is null)
                (h, c, outputs[t]) = (state, memory, state);
            else
            {
                // Beyond a sequence's own length its state stays, and its output is zero.
                var inside = lengths.gt(t).unsqueeze(1);
                (h, c, outputs[t]) = (where(inside, state, h), where(inside, memory, c), where(inside, state, zeros_like(state)));
            }
        }
        return (stack(outputs, 0), h, c);
    }

    private static Tensor Plain(Tensor input, Tensor h, Tensor r, Tensor? bias, Cell cell) => Apply(cell, 0, Product(input, h, r, bias));

    private static Tensor Product(Tensor input, Tensor h, Tensor r, Tensor? bias)
    {
        var sum = input.add(h.matmul(r.t()));
        return bias is null ? sum : sum.add(bias);
    }

    private static Tensor Gated(Tensor input, Tensor h, Tensor r, Tensor? bias, Cell cell)
    {
        var n = cell.Hidden;
        var update = Apply(cell, 0, Product(input.narrow(1, 0, n), h, r.narrow(0, 0, n), bias?.narrow(0, 0, n)));
        var reset = Apply(cell, 0, Product(input.narrow(1, n, n), h, r.narrow(0, n, n), bias?.narrow(0, n, n)));
        var (matrix, ownBias) = (r.narrow(0, 2 * n, n), bias?.narrow(0, 2 * n, n));
        Tensor inner;
        if (cell.LinearFirst)
        {
            var product = h.matmul(matrix.t());
            inner = input.narrow(1, 2 * n, n).add(reset.mul(ownBias is null ? product : product.add(ownBias)));
        }
        else
            inner = Product(input.narrow(1, 2 * n, n), reset.mul(h), matrix, ownBias);
        var candidate = Apply(cell, 1, inner);
        return update.neg().add(1).mul(candidate).add(update.mul(h));
    }

    /// <summary>Gates are in the order input, output, forget, cell; peepholes in the order input, output, forget.</summary>
    private static (Tensor State, Tensor Memory) LongShort(Tensor input, Tensor h, Tensor c, Tensor r, Tensor? bias, Tensor? p, Cell cell)
    {
        var n = cell.Hidden;
        var all = Product(input, h, r, bias);
        var (i, o, f, g) = (all.narrow(1, 0, n), all.narrow(1, n, n), all.narrow(1, 2 * n, n), all.narrow(1, 3 * n, n));
        var taken = Apply(cell, 0, p is null ? i : i.add(p.narrow(0, 0, n).mul(c)));
        var kept = cell.Coupled ? taken.neg().add(1) : Apply(cell, 0, p is null ? f : f.add(p.narrow(0, 2 * n, n).mul(c)));
        var memory = kept.mul(c).add(taken.mul(Apply(cell, 1, g)));
        var shown = Apply(cell, 0, p is null ? o : o.add(p.narrow(0, n, n).mul(memory)));
        return (shown.mul(cell.Functions[2](memory)), memory);
    }

    private static Tensor Apply(Cell cell, int function, Tensor x) =>
        cell.Functions[function](cell.Clip > 0 ? x.clamp(-cell.Clip, cell.Clip) : x);

    private static Func<Tensor, Tensor> Function(string name, float? alpha, float? beta) => name.ToLowerInvariant() switch
    {
        "sigmoid" => x => x.sigmoid(),
        "tanh" => x => x.tanh(),
        "relu" => x => x.relu(),
        "softsign" => x => nn.functional.softsign(x),
        "softplus" => x => nn.functional.softplus(x),
        "leakyrelu" when (alpha ?? 0.01f) is var a => x => nn.functional.leaky_relu(x, a),
        "elu" when (alpha ?? 1f) is var a => x => nn.functional.elu(x, a),
        "thresholdedrelu" when (alpha ?? 1f) is var a => x => nn.functional.threshold(x, a, 0),
        "affine" when (alpha ?? 1f, beta ?? 0f) is var (a, b) => x => x.mul(a).add(b),
        "scaledtanh" when (alpha ?? 1f, beta ?? 1f) is var (a, b) => x => x.mul(b).tanh().mul(a),
        "hardsigmoid" when (alpha ?? 0.2f, beta ?? 0.5f) is var (a, b) => x => x.mul(a).add(b).clamp(0, 1),
        _ => throw new NotSupportedException($"there is no activation '{name}'"),
    };
}

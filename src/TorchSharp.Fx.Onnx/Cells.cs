using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx;

/// <summary>Recurrent cells, bags of embeddings and quantiles, by what they are defined as.</summary>
internal static class Cells
{
    /// <summary>The names of the layers and functions.</summary>
    internal static string[] Names => ["rnncell", "grucell", "lstmcell", "embeddingbag", "quantile"];

    /// <summary>The graph of a layer; null for others.</summary>
    internal static Expansion? Of(nn.Module module, object?[] given) => module switch
    {
        TorchSharp.Modules.RNNCell cell => Made(module, ["input", "h0"], given, call => Plain(call, Activation.IsRelu(cell))),
        TorchSharp.Modules.GRUCell => Made(module, ["input", "h0"], given, Gated),
        TorchSharp.Modules.LSTMCell => Made(module, ["input", "h0_c0"], given, Long),
        TorchSharp.Modules.EmbeddingBag bag => Made(module, ["input", "offsets", "perSampleWeights"], given, call => Bag(call, bag)),
        _ => null,
    };

    /// <summary>The graph of a method or function; null for others.</summary>
    internal static Expansion? Of(string name, object?[] given)
        => name == "quantile" ? Made(null, ["input", "q", "dim", "keepdim"], given, Quantile) : null;

    private static Expansion Made(nn.Module? module, string[] names, object?[] given, Func<LoweredCall, Argument> write)
    {
        var call = new LoweredCall(module, names, given);
        return call.Done(write(call));
    }

    private static Node Linear(LoweredCall call, string kind, Argument x)
    {
        var weight = call.Constant("weight_" + kind, call.Held("weight_" + kind)!);
        return call.Held("bias_" + kind) is { } bias
            ? call.Add((Tensor y, Tensor by, Tensor offset) => nn.functional.linear(y, by, offset), x, weight,
                call.Constant("bias_" + kind, bias))
            : call.Add((Tensor y, Tensor by) => nn.functional.linear(y, by), x, weight);
    }

    /// <summary>The last state: zeros where there is none.</summary>
    private static Argument State(LoweredCall call, string name)
    {
        if (call.Sizes("input").Length != 2)
            throw new NotSupportedException("its input has no batch dimension");
        var width = call.Held("weight_hh")!.shape[1];
        return call.Tensor(name) ?? call.Add((Tensor x) => x.new_zeros(x.shape[0], width), call.Tensor("input")!);
    }

    private static Node Plain(LoweredCall call, bool relu)
    {
        var sum = call.Add((Tensor a, Tensor b) => a + b, Linear(call, "ih", call.Tensor("input")!), Linear(call, "hh", State(call, "h0")));
        return call.Add(relu ? (Tensor x) => x.relu() : (Tensor x) => x.tanh(), sum);
    }

    /// <summary>A gated cell's next state.</summary>
    /// <param name="a">What its input comes to.</param>
    /// <param name="b">What its state comes to.</param>
    /// <param name="state">Its state.</param>
    internal static Tensor GatedState(Tensor a, Tensor b, Tensor state)
    {
        var (x, y) = (a.chunk(3, 1), b.chunk(3, 1));
        var (reset, update) = ((x[0] + y[0]).sigmoid(), (x[1] + y[1]).sigmoid());
        return ((1 - update) * (x[2] + (reset * y[2])).tanh()) + (update * state);
    }

    /// <summary>What a cell of long and short memory keeps for the next step.</summary>
    internal static Tensor LongState(Tensor gates, Tensor state)
        => (gates.chunk(4, 1)[1].sigmoid() * state) + (gates.chunk(4, 1)[0].sigmoid() * gates.chunk(4, 1)[2].tanh());

    /// <summary>What such a cell gives.</summary>
    internal static Tensor LongResult(Tensor gates, Tensor next) => gates.chunk(4, 1)[3].sigmoid() * next.tanh();

    private static Argument Gated(LoweredCall call)
    {
        var state = State(call, "h0");
        return call.Add(GatedState, Linear(call, "ih", call.Tensor("input")!), Linear(call, "hh", state), state);
    }

    private static Argument Long(LoweredCall call)
    {
        var states = call.Input("h0_c0");
        Argument h = states is null ? State(call, "") : call.Add(((Tensor, Tensor) pair) => pair.Item1, states);
        Argument c = states is null ? h : call.Add(((Tensor, Tensor) pair) => pair.Item2, states);
        var gates = call.Add((Tensor a, Tensor b) => a + b, Linear(call, "ih", call.Tensor("input")!), Linear(call, "hh", h));
        var next = call.Add(LongState, gates, c);
        return new TupleArgument([call.Add(LongResult, gates, next), next],
            typeof((Tensor, Tensor)));
    }

    /// <summary>The mode of a bag shows on one of three different rows.</summary>
    private static Node Bag(LoweredCall call, TorchSharp.Modules.EmbeddingBag bag)
    {
        var table = DetachedCopy.RowsOf(bag, bag.weight!.shape[0], (layer, ids) => layer.call(ids.unsqueeze(1)));
        var kept = bag.weight!.detach();
        if (table.eq(0).all(1).logical_and(kept.ne(0).any(1)).any().item<bool>())
            throw new NotSupportedException("its padding index is not supported");
        var ids = arange(Math.Min(3, table.shape[0])).unsqueeze(0);
        var (rows, seen) = (table[ids[0]], bag.call(ids)[0]);
        if (call.Tensor("offsets") is { } offsets)
            return Bags(call, offsets, table, seen.allclose(rows.mean([0])) ? EmbeddingBagMode.Mean : seen.allclose(rows.sum(0L))
                ? EmbeddingBagMode.Sum : EmbeddingBagMode.Max);
        var looked =
            call.Add((Tensor x, Tensor weights) => weights.index_select(0, x.flatten()).reshape(x.shape[0], x.shape[1], -1),
                call.Tensor("input")!, call.Constant("weight", table));
        if (call.Tensor("perSampleWeights") is { } weights)
            looked = call.Add((Tensor x, Tensor by) => x * by.unsqueeze(-1), looked, weights);
        return call.Add(seen.allclose(rows.mean([0])) ? (Tensor x) => x.mean(new[] { 1L }) : seen.allclose(rows.sum(0L))
            ? (Tensor x) => x.sum(1) : (Tensor x) => x.amax(new[] { 1L }), looked);
    }

    /// <summary>Bags of any length, each told by where it begins: a matrix says which rows are in which bag.</summary>
    private static Node Bags(LoweredCall call, Argument offsets, Tensor table, EmbeddingBagMode mode)
    {
        var looked =
            call.Add((Tensor x, Tensor weights) => weights.index_select(0, x), call.Tensor("input")!, call.Constant("weight", table));
        if (call.Tensor("perSampleWeights") is { } weights)
            looked = call.Add((Tensor x, Tensor by) => x * by.unsqueeze(-1), looked, weights);
        var places =
            call.Add((Tensor starts, Tensor x) => (arange(x.shape[0]).unsqueeze(0) >= starts.unsqueeze(1)).to(int64).sum(0L), offsets,
                looked);
        var inside =
            call.Add((Tensor starts, Tensor place) => (arange(1, starts.shape[0] + 1).unsqueeze(1) == place.unsqueeze(0)), offsets, places);
        var summed = call.Add((Tensor isIn, Tensor x) => isIn.to(x.dtype).matmul(x), inside, looked);
        return mode switch
        {
            EmbeddingBagMode.Sum => summed,
            EmbeddingBagMode.Mean =>
                call.Add((Tensor sums, Tensor isIn) => sums / isIn.to(sums.dtype).sum(1).clamp_min(1).unsqueeze(1), summed, inside),
            _ => call.Add((Tensor isIn, Tensor x) =>
                where(isIn.any(1).unsqueeze(1),
                    where(isIn.unsqueeze(-1), x.unsqueeze(0), full_like(x.unsqueeze(0), -3.4e38)).amax(new[] { 1L }), zeros_like(x[..1])),
                    inside, looked),
        };
    }

    /// <summary>Between the two numbers in order that are nearest. TorchSharp takes a last dimension by −1 for all of them.</summary>
    private static Argument Quantile(LoweredCall call)
    {
        var (dim, keeps, rank) = (call.Setting("dim", -1L), call.Setting("keepdim", false), call.Sizes("input").Length);
        Argument values = dim == -1 ? call.Add((Tensor x) => x.flatten(), call.Tensor("input")!) : call.Tensor("input")!;
        var axis = dim == -1 ? 0 : dim < 0 ? dim + rank : dim;
        long[] shape = [-1, .. Enumerable.Repeat(1L, dim == -1 ? 0 : rank - 1)];
        var sorted = call.Add((Tensor x) => x.sort(axis).Item1.movedim(new[] { axis }, new[] { 0L }), values);
        var places = call.Add((Tensor q, Tensor x) => q.reshape(-1) * (x.shape[0] - 1), call.Tensor("q")!, sorted);
        var result = call.Add(
            (Tensor x, Tensor at) => x.index_select(0, at.floor().to(int64))
                + ((x.index_select(0, at.ceil().to(int64)) - x.index_select(0, at.floor().to(int64))) * (at - at.floor()).reshape(shape)),
                    sorted, places);
        for (var i = 0; keeps && i < (dim == -1 ? rank : 1); i++)
            result = call.Add((Tensor x) => x.unsqueeze(axis + 1), result);
        return call.Sizes("q").Length == 0 ? call.Add((Tensor x) => x.squeeze(0), result) : result;
    }
}

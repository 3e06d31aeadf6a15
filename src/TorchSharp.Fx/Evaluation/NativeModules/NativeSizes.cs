namespace TorchSharp.Fx.Evaluation;

/// <summary>
/// The settings of a native module that its tensors' shapes tell, under the names of its factory's parameters. A size is only believed
/// where a tensor of that many elements is there, so a module made of a file's shapes is at most a few times as large as the file.
/// </summary>
/// <param name="shapes">The shapes of all parameters, by name.</param>
internal sealed class NativeSizes(IReadOnlyDictionary<string, long[]> shapes)
{
    /// <summary>The settings of a module of this class.</summary>
    /// <exception cref="InvalidDataException">The tensors are not those of such a module.</exception>
    internal Dictionary<string, object?> Of(string type) => type switch
    {
        "Embedding" or "EmbeddingBag" => Named(("num_embeddings", Matrix("weight").Rows), ("embedding_dims", Matrix("weight").Columns)),
        "LSTM" => Recurrent(gates: 4),
        "GRU" => Recurrent(gates: 3),
        "RNN" => Recurrent(gates: 1),
        "LSTMCell" => Cell("", gates: 4),
        "GRUCell" => Cell("", gates: 3),
        "RNNCell" => Cell("", gates: 1),
        "MultiheadAttention" => Attention(),
        "TransformerEncoderLayer" or "TransformerDecoderLayer" => Layer(""),
        "TransformerEncoder" or "TransformerDecoder" => With(Layer("layers.0."), ("num_layers", Layers("layers."))),
        "Transformer" => With(Layer(Layers("encoder.layers.") > 0 ? "encoder.layers.0." : "decoder.layers.0."),
            ("num_encoder_layers", Layers("encoder.layers.")), ("num_decoder_layers", Layers("decoder.layers."))),
        _ => throw new InvalidOperationException($"{type} is no native module."),
    };

    private Dictionary<string, object?> Recurrent(long gates)
    {
        var layers = 0L;
        while (shapes.ContainsKey($"weight_hh_l{layers}"))
            layers++;
        return With(Cell("_l0", gates), ("numLayers", layers), ("bidirectional", shapes.ContainsKey("weight_hh_l0_reverse")));
    }

    private Dictionary<string, object?> Cell(string suffix, long gates)
    {
        var hidden = Matrix("weight_hh" + suffix).Columns;
        var input = Matrix("weight_ih" + suffix).Columns;
        Expect("weight_hh" + suffix, gates * hidden, hidden);
        Expect("weight_ih" + suffix, gates * hidden, input);
        return Named(("inputSize", input), ("hiddenSize", hidden), ("bias", shapes.ContainsKey("bias_ih" + suffix)));
    }

    private Dictionary<string, object?> Attention()
    {
        var size = Square("out_proj.weight");
        var (keys, values) = shapes.ContainsKey("k_proj_weight")
            ? (Matrix("k_proj_weight").Columns, Matrix("v_proj_weight").Columns) : (size, size);
        if (shapes.ContainsKey("k_proj_weight"))
        {
            Expect("k_proj_weight", size, keys);
            Expect("v_proj_weight", size, values);
        }
        return Named(("embedded_dim", size), ("kdim", keys), ("vdim", values), ("bias", shapes.ContainsKey("in_proj_bias")),
            ("add_bias_kv", shapes.ContainsKey("bias_k")));
    }

    private Dictionary<string, object?> Layer(string prefix)
    {
        var size = Square(prefix + "self_attn.out_proj.weight");
        var wide = Matrix(prefix + "linear1.weight").Rows;
        Expect(prefix + "linear1.weight", wide, size);
        return Named(("d_model", size), ("dim_feedforward", wide));
    }

    private long Layers(string prefix)
    {
        var count = 0L;
        while (shapes.ContainsKey($"{prefix}{count}.linear1.weight"))
            count++;
        return count;
    }

    private long Square(string name)
    {
        var (rows, columns) = Matrix(name);
        return rows == columns ? rows : throw Wrong(name);
    }

    private (long Rows, long Columns) Matrix(string name)
        => shapes.GetValueOrDefault(name) is [var rows, var columns] ? (rows, columns) : throw Wrong(name);

    private void Expect(string name, long rows, long columns)
    {
        if (Matrix(name) != (rows, columns))
            throw Wrong(name);
    }

    private InvalidDataException Wrong(string name)
        => new(shapes.TryGetValue(name, out var shape)
            ? $"its tensor '{name}' can't have the shape [{string.Join(", ", shape)}]" : $"it lacks its tensor '{name}'");

    private static Dictionary<string, object?> Named(params ReadOnlySpan<(string Name, object? Value)> settings) => With([], settings);

    private static Dictionary<string, object?> With(Dictionary<string, object?> settings,
        params ReadOnlySpan<(string Name, object? Value)> more)
    {
        foreach (var (name, value) in more)
            settings[name] = value;
        return settings;
    }
}

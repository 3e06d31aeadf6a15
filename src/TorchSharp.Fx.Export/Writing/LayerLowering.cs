using System.Collections.Immutable;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Export;

/// <summary>Layers of TorchSharp's that are more than one operation of ATen, or one with tensors of several layers.</summary>
/// <param name="to">Where the operations go.</param>
/// <param name="node">The layer's call.</param>
/// <param name="module">The layer.</param>
internal sealed class LayerLowering(Lowering to, Node node, nn.Module module)
{
    private static readonly string[] Kinds = ["weight_ih", "weight_hh", "bias_ih", "bias_hh"];

    internal static void Lower(Lowering to, Node node, nn.Module module)
    {
        var layer = new LayerLowering(to, node, module);
        switch (module)
        {
            case TorchSharp.Modules.LSTM or TorchSharp.Modules.GRU or TorchSharp.Modules.RNN: layer.Recurrent(); break;
            case TorchSharp.Modules.RNNCell cell: layer.Cell(NativeSettings.Of(cell)["nonLinearity"] is nn.NonLinearities.ReLU
                ? "rnn_relu_cell"
                : "rnn_tanh_cell"); break;
            case TorchSharp.Modules.GRUCell: layer.Cell("gru_cell"); break;
            case TorchSharp.Modules.LSTMCell: layer.LongCell(); break;
            case TorchSharp.Modules.EmbeddingBag: layer.Bag(); break;
            case TorchSharp.Modules.AdaptiveMaxPool1d pool: layer.AdaptiveMaxPool(1, [pool.output_size]); break;
            case TorchSharp.Modules.AdaptiveMaxPool2d pool: layer.AdaptiveMaxPool(2, [.. pool.output_size]); break;
            case TorchSharp.Modules.AdaptiveMaxPool3d pool: layer.AdaptiveMaxPool(3, [.. pool.output_size]); break;
            case TorchSharp.Modules.Convolution { padding_mode: not PaddingModes.Zeros }
                or TorchSharp.Modules.Convolution { padding_type: not null }:
                layer.Convolution((TorchSharp.Modules.Convolution)module);
                break;
            case TorchSharp.Modules.Upsample or TorchSharp.Modules.LocalResponseNorm or TorchSharp.Modules.CosineSimilarity
                or TorchSharp.Modules.PairwiseDistance or TorchSharp.Modules.Bilinear
                or TorchSharp.Modules.Softmin or TorchSharp.Modules.Softsign or TorchSharp.Modules.Tanhshrink
                or TorchSharp.Modules.RReLU: layer.Function(); break;
            case TorchSharp.Modules.MultiheadAttention or TorchSharp.Modules.TransformerEncoderLayer
                or TorchSharp.Modules.TransformerEncoder or TorchSharp.Modules.TransformerDecoderLayer
                or TorchSharp.Modules.TransformerDecoder
                or TorchSharp.Modules.Transformer: new AttentionLowering(to, node, module).Run(); break;
            case var loss when LossLowering.IsLoss(loss): LossLowering.Lower(to, node, loss); break;
        }
    }

    private void Recurrent()
    {
        var settings = NativeSettings.Of(module);
        var (layers, hidden) = ((long)settings["numLayers"]!, (long)settings["hiddenSize"]!);
        var (batchFirst, both) = (settings["batchFirst"] is true, settings["bidirectional"] is true);
        Argument[] weights = [.. Enumerable.Range(0, (int)layers).SelectMany(layer
            => (both ? new[] { "", "_reverse" } : [""]).SelectMany(way
            => Kinds.Select(kind => Held($"{kind}_l{layer}{way}")))).OfType<Argument>()];
        var states = States(layers * (both ? 2 : 1), hidden, batchFirst ? 0 : 1);
        var (operation, count) = module switch
        {
            TorchSharp.Modules.LSTM => ("lstm.input", 3),
            TorchSharp.Modules.GRU => ("gru.input", 2),
            _ => (settings["nonLinearity"] is nn.NonLinearities.ReLU ? "rnn_relu.input" : "rnn_tanh.input", 2),
        };
        to.Replace(node, [.. to.CallMany(operation, count, node.args[0],
            module is TorchSharp.Modules.LSTM ? new ListArgument([.. states], typeof(Tensor)) : states[0],
                new ListArgument([.. weights], typeof(Tensor)),
            weights.Length > 2 * layers * (both ? 2 : 1), layers, 0.0, false, both, batchFirst).Select(part => (Argument)part)]);
    }

    /// <summary>The first states that the program gives, or zeros.</summary>
    private Argument[] States(long count, long hidden, int batch)
    {
        var zero = () => (Argument)to.Add((Tensor x) => x.new_zeros(new[] { count, x.shape[batch], hidden }), node.args[0]);
        return Given(1) switch
        {
            null => [zero(), zero()],
            TupleArgument { Items: [var one, var other] } => [one, other],
            NodeArgument { Node.type: var type } given when TensorTypes.IsTensor(type) => [given],
            _ => throw new NotSupportedException("its first states are no tensors of the graph"),
        };
    }

    private void Cell(string operation)
        => to.Replace(node, to.Call(operation, [node.args[0], Given(1) ?? NoState(),
            .. Kinds.Select(kind => Held(kind) ?? new Literal(null))]));

    private void LongCell()
    {
        ImmutableArray<Argument> states = Given(1) switch
        {
            null => [NoState(), NoState()],
            TupleArgument { Items: [var one, var other] } => [one, other],
            _ => throw new NotSupportedException("its states are no tensors of the graph"),
        };
        to.Replace(node, [.. to.CallMany("lstm_cell", 2, [node.args[0], new ListArgument(states, typeof(Tensor)),
            .. Kinds.Select(kind => Held(kind) ?? new Literal(null))])
            .Select(part => (Argument)part)]);
    }

    private Node NoState()
    {
        var width = module.get_parameter("weight_hh")!.shape[1];
        return to.Add((Tensor x) => x.new_zeros(new[] { x.shape[0], width }), node.args[0]);
    }

    /// <summary>Bags that are rows of a matrix are told by offsets, as PyTorch does it.</summary>
    private void Bag()
    {
        var settings = NativeSettings.Of(module);
        if (settings["max_norm"] is not null)
            throw new NotSupportedException("it scales its rows down to a largest norm");
        var (indices, offsets, weights) = (node.args[0], Given(1), Given(2));
        if (offsets is null)
        {
            offsets = to.Add((Tensor x) => arange(0, x.shape[0] * x.shape[1], x.shape[1]), indices);
            indices = to.Add((Tensor x) => x.reshape(new[] { -1L }), indices);
            weights = weights is null ? weights : to.Add((Tensor x) => x.reshape(new[] { -1L }), weights);
        }
        var mode = settings["mode"] switch { EmbeddingBagMode.Sum => 0L, EmbeddingBagMode.Mean => 1L, _ => 2L };
        var padding = (long)settings["padding_index"]!;
        to.Replace(node, to.CallMany("embedding_bag.padding_idx", 4, Held("weight")!, indices, offsets,
            settings["scale_grad_by_freq"] is true, mode,
            settings["sparse"] is true, weights ?? new Literal(null), settings["include_last_offset"] is true, padding < 0
                ? new Literal(null) : padding)[0]);
    }

    private void AdaptiveMaxPool(int dimensions, ImmutableArray<long> sizes)
        => to.Replace(node,
            to.CallMany($"adaptive_max_pool{dimensions}d", 2, node.args[0],
                FunctionLowering.Sizes(new ListArgument([.. sizes.Select(size => (Argument)size)], typeof(long)), dimensions))[0]);

    /// <summary>Layers that are a function of their input.</summary>
    private void Function() => to.Replace(node, module switch
    {
        TorchSharp.Modules.Upsample resize => Resizing.Resized(to, node.args[0], Upsampling(resize)),
        TorchSharp.Modules.LocalResponseNorm norm => FunctionLowering.LocalResponseNorm(to, node.args[0], new Dictionary<string, Argument>
            { ["size"] = norm.size, ["alpha"] = norm.alpha, ["beta"] = norm.beta, ["k"] = norm.k }),
        TorchSharp.Modules.CosineSimilarity likeness =>
            to.Call("cosine_similarity", node.args[0], node.args[1], likeness.dim, likeness.eps),
        TorchSharp.Modules.PairwiseDistance distance =>
            to.Call("pairwise_distance", node.args[0], node.args[1], distance.norm, distance.eps,
            distance.keepdim),
        TorchSharp.Modules.Bilinear => to.Call("bilinear", node.args[0], node.args[1], Held("weight")!, Held("bias") ?? new Literal(null)),
        TorchSharp.Modules.Softmin softmin => FunctionLowering.Softmin(to, node.args[0], softmin.dim),
        TorchSharp.Modules.Softsign => FunctionLowering.Softsign(to, node.args[0]),
        TorchSharp.Modules.Tanhshrink => FunctionLowering.Tanhshrink(to, node.args[0]),
        TorchSharp.Modules.RReLU relu when !module.training => to.Call("leaky_relu", node.args[0], (relu.lower + relu.upper) / 2),
        _ => throw new NotSupportedException(
            "it draws at random in training mode; call eval() on the model, and on layers that the model has but doesn't register"),
    });

    private static Dictionary<string, Argument> Upsampling(TorchSharp.Modules.Upsample resize) => new()
    {
        ["mode"] = new Literal(resize.mode), ["align_corners"] = new Literal(resize.align_corners),
            ["recompute_scale_factor"] = new Literal(resize.recompute_scale_factor),
        ["size"] = resize.size.IsEmpty ? new Literal(null)
            : new ListArgument([.. resize.size.ToArray().Select(size => (Argument)size)], typeof(long)),
        ["scale_factor"] = resize.scale_factor.IsEmpty ? new Literal(null)
            : new ListArgument([.. resize.scale_factor.ToArray().Select(factor => (Argument)factor)], typeof(double)),
    };

    /// <summary>A padding of another kind than zeros is an operation before the convolution; one with a name is another overload.</summary>
    private void Convolution(TorchSharp.Modules.Convolution layer)
    {
        var dimensions = layer.kernel_size.Length;
        var isSame = layer.padding_type == Padding.Same;
        Argument source = node.args[0];
        Argument padding = isSame ? "same" : List(Enumerable.Repeat(0L, dimensions));
        if (layer.padding_mode != PaddingModes.Zeros)
        {
            var around = Enumerable.Range(0, dimensions).Reverse().SelectMany(i => isSame
                ? [layer.dilation[i] * (layer.kernel_size[i] - 1) / 2, (layer.dilation[i] * (layer.kernel_size[i] - 1) + 1) / 2]
                : layer.padding_type is null ? new[] { layer.padding![i], layer.padding[i] } : [0L, 0L]);
            source = to.Call("pad", source, List(around), layer.padding_mode.ToString().ToLowerInvariant());
            padding = List(Enumerable.Repeat(0L, dimensions));
        }
        to.Replace(node,
            to.Call($"conv{dimensions}d{(padding is ListArgument ? "" : ".padding")}", source, Held("weight")!, Held("bias")
                ?? new Literal(null),
            List(layer.stride), padding, List(layer.dilation), layer.groups));

        static ListArgument List(IEnumerable<long> sizes) => new([.. sizes.Select(size => (Argument)size)], typeof(long));
    }

    /// <summary>An argument that is given and not null.</summary>
    private Argument? Given(int position) => node.args.Length > position && node.args[position] is not Literal { Value: null }
        ? node.args[position] : null;

    private Argument? Held(string name)
        => module.get_parameter(name) is null ? null : (Argument)to.Graph.get_attr($"{node.target.name}.{name}");
}

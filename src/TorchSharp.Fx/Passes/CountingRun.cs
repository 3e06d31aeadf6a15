using System.Reflection;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Passes;

/// <summary>Counts the multiplications of the nodes that it runs, those inside the user's leaves included.</summary>
internal sealed class CountingRun(nn.Module root, Graph graph, IReadOnlyDictionary<string, Tensor>? constants)
    : MetaRun(root, graph, constants)
{
    private readonly List<CountingRun> inside = [];
    private long macs;

    /// <summary>The count since the last time.</summary>
    internal long Taken()
    {
        var count = macs + inside.Sum(run => run.Taken());
        macs = 0;
        inside.Clear();
        return count;
    }

    public override object? run_node(Node node)
    {
        var value = IsUsers(node) && Follow(node, out var followed) ? followed : base.run_node(node);
        if (!IsUsers(node))
            macs += node.target switch
            {
                ModuleTarget target => OfModule(Hierarchy.Module(target.Path), fetch_args(node), value),
                FunctionTarget { Method: var function }
                    when function.DeclaringType!.Assembly == TensorTypes.TorchSharp => OfFunction(function, fetch_args(node), value),
                MethodTarget { Method: var method }
                    when method.DeclaringType == typeof(Tensor) => OfFunction(method, fetch_args(node), value),
                _ => 0,
            };
        return value;
    }

    protected override MetaRun Inner(nn.Module root, Graph graph, IReadOnlyDictionary<string, Tensor> constants)
    {
        var inner = new CountingRun(root, graph, constants);
        inside.Add(inner);
        return inner;
    }

    private static long OfModule(nn.Module module, object?[] args, object? value) => module switch
    {
        Convolution convolution => OfConvolution((Tensor)args[0]!, convolution.weight!, convolution.transposed, (Tensor)value!),
        Linear linear => ((Tensor)args[0]!).numel() * linear.weight!.shape[0],
        Bilinear bilinear => ((Tensor)value!).numel() * bilinear.weight!.shape[1] * bilinear.weight.shape[2],
        MultiheadAttention attention => OfAttentionModule(attention, args),
        RNN or LSTM or GRU => OfRecurrent(module, (Tensor)args[0]!),
        RNNCell or LSTMCell or GRUCell => OfRecurrent(module, (Tensor)args[0]!),
        _ => 0,
    };

    private static long OfFunction(MethodBase function, object?[] args, object? value)
    {
        if (args is [string equation, IEnumerable<Tensor> operands, ..])
            return OfEinsum(equation, [.. operands]);
        if (value is not Tensor result || args.OfType<Tensor>().ToArray() is not [var first, ..] tensors)
            return 0;
        return function.Name switch
        {
            // TorchSharp hands baddbmm's arguments on in an order of its own: what is added comes last.
            "matmul" or "mm" or "bmm" or "mv" or "dot" or "vdot" or "inner" or "baddbmm" or "baddbmm_" => result.numel() * first.shape[^1],
            "outer" or "ger" => result.numel(),
            "addmm" or "addmm_" or "addmv" or "addmv_" => result.numel() * tensors[1].shape[^1],
            "addbmm" or "addbmm_" => result.numel() * tensors[1].shape[0] * tensors[1].shape[^1],
            "linear" => first.numel() * tensors[1].shape[0],
            "bilinear" => result.numel() * tensors[2].shape[1] * tensors[2].shape[2],
            "scaled_dot_product_attention" => OfAttention(first, tensors[1], tensors[2]),
            var name when name.StartsWith("conv_transpose", StringComparison.Ordinal) => OfConvolution(first, tensors[1], true, result),
            "conv1d" or "conv2d" or "conv3d" or "conv1d_padding" or "conv2d_padding"
                or "conv3d_padding" => OfConvolution(first, tensors[1], false, result),
            _ => 0,
        };
    }

    /// <summary>
    /// Of two operands: each combination of all indices is one product. Of one there is nothing to multiply; of more, the order decides,
    /// and this is the dearest.
    /// </summary>
    private static long OfEinsum(string equation, Tensor[] operands)
    {
        var sizes = new Dictionary<char, long>();
        var broadcast = 1L;
        foreach (var (indices, operand) in equation.Replace(" ", "", StringComparison.Ordinal).Split("->")[0].Split(',').Zip(operands))
        {
            var letters = indices.Replace("...", "", StringComparison.Ordinal);
            var ellipsis = indices.IndexOf('.', StringComparison.Ordinal) is var at and >= 0 ? at : letters.Length;
            var spread = (int)operand.dim() - letters.Length;
            broadcast = Math.Max(broadcast, operand.shape.Skip(ellipsis).Take(spread).Aggregate(1L, (product, size) => product * size));
            for (var i = 0; i < letters.Length; i++)
                sizes[letters[i]] = operand.shape[i < ellipsis ? i : i + spread];
        }
        return operands.Length < 2 ? 0 : sizes.Values.Aggregate(broadcast, (product, size) => product * size);
    }

    /// <summary>Each element of the output, or where it is transposed of the input, meets one filter.</summary>
    private static long OfConvolution(Tensor input, Tensor weight, bool isTransposed, Tensor output)
        => (isTransposed ? input : output).numel() * (weight.numel() / weight.shape[0]);

    /// <summary>Queries [… L, E] against keys [… S, E], and what comes of it against values [… S, V].</summary>
    private static long OfAttention(Tensor query, Tensor key, Tensor value)
        => query.numel() / query.shape[^1] * key.shape[^2] * (query.shape[^1] + value.shape[^1]);

    /// <summary>Projections of query, key, value and result, and the attention between.</summary>
    private static long OfAttentionModule(MultiheadAttention module, object?[] args)
    {
        var (query, key, value) = ((Tensor)args[0]!, (Tensor)args[1]!, (Tensor)args[2]!);
        var embedding = query.shape[^1];
        var batch = query.dim() > 2 ? query.shape[1] : 1;
        return embedding * (2 * query.numel() + key.numel() + value.numel()) + 2 * batch * query.shape[0] * key.shape[0] * embedding;
    }

    /// <summary>Each step meets every matrix.</summary>
    private static long OfRecurrent(nn.Module module, Tensor input)
        => input.numel() / input.shape[^1] * module.parameters().Where(parameter => parameter.dim() == 2)
            .Sum(parameter => parameter.numel());
}

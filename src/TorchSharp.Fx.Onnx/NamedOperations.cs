using System.Globalization;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx;

/// <summary>
/// Puts TorchSharp's operations in the place of ATen's that are called by name. Programs that PyTorch exported call them so where
/// TorchSharp has no member of the same arguments.
/// </summary>
internal static partial class NamedOperations
{
    private static readonly Dictionary<string, Func<NamedCall, Node>> Table = new(StringComparer.Ordinal)
    {
        ["embedding"] = call => call.Add((Tensor w, Tensor i) => w.index(TensorIndex.Tensor(i)), call["weight"], call["indices"]),
        ["scaled_dot_product_attention"] = Attention,
        ["new_ones"] = call => Filled(call, 1),
        ["new_zeros"] = call => Filled(call, 0),
        ["movedim.int"] = call =>
        {
            var (source, destination) = (call.Long("source"), call.Long("destination"));
            return call.Add((Tensor x) => x.movedim([source], [destination]), call["self"]);
        },
        ["roll"] = call =>
        {
            var (shifts, dims) = (call.Longs("shifts"), call.Longs("dims"));
            return dims.Length == 0
                ? call.Add((Tensor x) => x.flatten().roll(shifts[0], 0L).reshape(x.shape), call["self"])
                : call.Add((Tensor x) => shifts.Zip(dims).Aggregate(x, (y, pair) => y.roll(pair.First, pair.Second)), call["self"]);
        },
        ["fliplr"] = call => call.Add((Tensor x) => x.flip(1), call["self"]),
        ["rot90"] = Turned,
        ["hardtanh"] = call => Clamped(call, call.Double("min_val"), call.Double("max_val")),
        ["lerp.Scalar"] = call =>
        {
            var weight = call.Double("weight");
            return call.Add((Tensor x, Tensor end) => x + ((end - x) * weight), call["self"], call["end"]);
        },
        ["rsub.Scalar"] = call =>
        {
            var (other, alpha) = (Number(call, "other"), Number(call, "alpha"));
            return call.Add((Tensor x) => (x * alpha * -1) + other, call["self"]);
        },
        ["pow.Scalar"] = call =>
        {
            var number = Number(call, "self");
            return call.Add((Tensor x) => x.new_full([], number).pow(x), call["exponent"]);
        },
        ["float_power.Tensor_Scalar"] = call =>
        {
            var exponent = call.Double("exponent");
            return call.Add((Tensor x) => x.to(ScalarType.Float64).pow(exponent), call["self"]);
        },
        ["where.Scalar"] = call =>
        {
            var (one, other) = (Number(call, "self"), Number(call, "other"));
            var type = call.Constant("self") is double || call.Constant("other") is double ? ScalarType.Float32 : ScalarType.Int64;
            return call.Add((Tensor condition) => where(condition, condition.new_full([], one, type), condition.new_full([], other, type)),
                call["condition"]);
        },
        ["where.ScalarOther"] = call =>
        {
            var other = Number(call, "other");
            return call.Add((Tensor condition, Tensor x) => where(condition, x, full_like(x, other)), call["condition"], call["self"]);
        },
        ["where.ScalarSelf"] = call =>
        {
            var one = Number(call, "self");
            return call.Add((Tensor condition, Tensor x) => where(condition, full_like(x, one), x), call["condition"], call["other"]);
        },
        ["scatter.value"] = call =>
        {
            var (dim, value) = (call.Long("dim"), Number(call, "value"));
            return call.Add((Tensor x, Tensor places) => x.scatter(dim, places, full_like(places, value, dtype: x.dtype)), call["self"],
                call["index"]);
        },
        ["addr"] = call =>
        {
            var (alpha, beta) = (Number(call, "alpha"), Number(call, "beta"));
            return call.Add((Tensor x, Tensor a, Tensor b) => (x * beta) + (a.unsqueeze(1) * b.unsqueeze(0) * alpha), call["self"],
                call["vec1"], call["vec2"]);
        },
        ["dist"] = call =>
        {
            var p = call.Double("p");
            return call.Add((Tensor x, Tensor y) => (x - y).abs().pow(p).sum().pow(1 / p), call["self"], call["other"]);
        },
        ["trapezoid.dx"] = call =>
        {
            var (dx, dim) = (call.Double("dx"), call.Long("dim"));
            return call.Add((Tensor y) => (y.narrow(dim, 0, y.size((int)dim) - 1) + y.narrow(dim, 1, y.size((int)dim) - 1)).sum(dim)
                * (dx / 2), call["y"]);
        },
        ["_weight_norm"] = call =>
        {
            var dim = call.Long("dim");
            return call.Add((Tensor v, Tensor g) => v * (g / v.movedim([dim], [0L]).flatten(1).pow(2).sum(1).sqrt().reshape(g.shape)),
                call["v"], call["g"]);
        },
        ["xlogy.Tensor"] = call => call.Add((Tensor x, Tensor y) => where(x.eq(0), zeros_like(x), x * y.log()), call["self"],
            call["other"]),
        ["sinc"] = call => call.Add((Tensor x) =>
        {
            var turned = x * Math.PI;
            return where(x.eq(0), ones_like(x), turned.sin() / turned);
        }, call["self"]),
        ["special_expit"] = call => call.Add((Tensor x) => x.sigmoid(), call["self"]),
        ["special_entr"] = call => call.Add((Tensor x) => where(x.gt(0), -x * x.log(),
            where(x.eq(0), zeros_like(x), full_like(x, double.NegativeInfinity))), call["self"]),
        ["cross"] = Cross,
        ["linalg_cross"] = Cross,
        ["baddbmm"] = call => Product(call, call["batch1"], call["batch2"]),
        ["addmv"] = call => Product(call, call["mat"], call["vec"]),
        ["chain_matmul"] = call =>
        {
            var matrices = ((ListArgument)call["matrices"]).Items;
            return matrices.Skip(1).Aggregate(call.Add((Tensor x) => x.alias(), matrices[0]),
                (product, next) => call.Add((Tensor x, Tensor y) => x.matmul(y), product, next));
        },
        ["diff"] = Differences,
        ["im2col"] = call =>
        {
            var (kernel, dilation) = (Two(call, "kernel_size"), Two(call, "dilation"));
            var (padding, stride) = (Two(call, "padding"), Two(call, "stride"));
            return call.Add((Tensor x) => nn.functional.unfold(x, kernel, dilation, padding, stride), call["self"]);
        },
        ["grid_sampler"] = call =>
        {
            var mode = call.Long("interpolation_mode") switch
            {
                0 => GridSampleMode.Bilinear,
                1 => GridSampleMode.Nearest,
                _ => throw new NotSupportedException("it samples by cubic curves, which TorchSharp does not"),
            };
            var padding = call.Long("padding_mode") switch
            {
                0 => GridSamplePaddingMode.Zeros,
                1 => GridSamplePaddingMode.Border,
                _ => GridSamplePaddingMode.Reflection,
            };
            var align = call.Bool("align_corners");
            return call.Add((Tensor x, Tensor grid) => nn.functional.grid_sample(x, grid, mode, padding, align), call["input"],
                call["grid"]);
        },
        ["rms_norm"] = RootMeanSquare,
        ["logsumexp"] = call =>
        {
            var (dims, keeps) = (call.Longs("dim"), call.Bool("keepdim"));
            return call.Add((Tensor x) =>
            {
                var most = x.amax(dims, keepdim: true);
                return ((x - most).exp().sum(dims, keepdim: true).log() + most).amax(dims, keepdim: keeps);
            }, call["self"]);
        },
        ["std.correction"] = call => call.Add((Tensor x) => x.sqrt(), Variance(call)),
        ["var.correction"] = Variance,
        ["count_nonzero"] = call =>
        {
            var dim = call.Has("dim") ? call.Long("dim") : (long?)null;
            return call.Add((Tensor x) => dim is { } along ? x.ne(0).sum(along) : x.ne(0).sum(), call["self"]);
        },
        ["nansum"] = call => Reduced(call, (x, dims, keeps) => Sum(where(x.isnan(), zeros_like(x), x), dims, keeps)),
        ["nanmean"] = call => Reduced(call, (x, dims, keeps) => Sum(where(x.isnan(), zeros_like(x), x), dims, keeps)
            / Sum(x.isnan().logical_not().to(x.dtype), dims, keeps)),
        ["pairwise_distance"] = call =>
        {
            var (p, eps, keeps) = (call.Double("p"), call.Double("eps"), call.Bool("keepdim"));
            return call.Add((Tensor x, Tensor y) => (x - y + eps).abs().pow(p).sum(-1, keepdim: keeps).pow(1 / p), call["x1"], call["x2"]);
        },
        ["fft_rfft"] = call => Spectrum(call, (x, n, dim, norm) => fft.rfft(x, n, dim, norm)),
        ["fft_irfft"] = call => Spectrum(call, (x, n, dim, norm) => fft.irfft(x, n, dim, norm)),
        ["fft_fft"] = call => Spectrum(call, (x, n, dim, norm) => fft.fft_(x, n, dim, norm)),
        ["fft_ifft"] = call => Spectrum(call, (x, n, dim, norm) => fft.ifft(x, n, dim, norm)),
        ["stft"] = ShortTime,
        ["gru_cell"] = call => call.Add(Cells.GatedState, Linear(call, "input", "ih"), Linear(call, "hx", "hh"), call["hx"]),
        ["rnn_tanh_cell"] = call => call.Add((Tensor a, Tensor b) => (a + b).tanh(), Linear(call, "input", "ih"), Linear(call, "hx", "hh")),
        ["rnn_relu_cell"] = call => call.Add((Tensor a, Tensor b) => (a + b).relu(), Linear(call, "input", "ih"), Linear(call, "hx", "hh")),
        ["l1_loss"] = call => Loss(call, (x, y, by) => nn.functional.l1_loss(x, y, by)),
        ["mse_loss"] = call => Loss(call, (x, y, by) => nn.functional.mse_loss(x, y, by)),
        ["soft_margin_loss"] = call => Loss(call, (x, y, by) => nn.functional.soft_margin_loss(x, y, by)),
        ["smooth_l1_loss"] = call =>
        {
            var beta = call.Double("beta");
            return Loss(call, (x, y, by) => nn.functional.smooth_l1_loss(x, y, by, beta));
        },
        ["huber_loss"] = call =>
        {
            var delta = call.Double("delta");
            return Loss(call, (x, y, by) => nn.functional.huber_loss(x, y, delta, by));
        },
        ["binary_cross_entropy_with_logits"] = call => call.Has("weight") || call.Has("pos_weight")
            ? throw new NotSupportedException("its classes have weights")
            : Loss(call, (x, y, by) => nn.functional.binary_cross_entropy_with_logits(x, y, reduction: by)),
        ["kl_div"] = call =>
        {
            var isLog = call.Bool("log_target");
            return Loss(call, (x, y, by) => nn.functional.kl_div(x, y, isLog, by));
        },
        ["cross_entropy_loss"] = call =>
        {
            var (ignored, smoothing) = (call.Long("ignore_index"), call.Double("label_smoothing"));
            return call.Has("weight") ? throw new NotSupportedException("its classes have weights")
                : Loss(call, (x, y, by) => nn.functional.cross_entropy(x, y, null, ignored, by, smoothing));
        },
        ["nll_loss_nd"] = call => call.Has("weight") ? throw new NotSupportedException("its classes have weights")
            : Loss(call, (x, y, by) => nn.functional.nll_loss(x, y, null, by)),
    };

    private static readonly Dictionary<string, Func<NamedCall, Node[]>> Several = new(StringComparer.Ordinal)
    {
        ["std_mean.correction"] = call => [call.Add((Tensor x) => x.sqrt(), Variance(call)), Mean(call)],
        ["var_mean.correction"] = call => [Variance(call), Mean(call)],
        ["aminmax"] = call => [Extreme(call, isLeast: true), Extreme(call, isLeast: false)],
        ["kthvalue"] = call => Kth(call, _ => call.Long("k")),
        ["median.dim"] = call => Kth(call, size => (size + 1) / 2),
        ["lstm_cell"] = call =>
        {
            var (h, c) = ((Argument)((ListArgument)call["hx"]).Items[0], ((ListArgument)call["hx"]).Items[1]);
            var gates = call.Add((Tensor a, Tensor b) => a + b, Linear(call, "input", "ih"), Linear(call, h, "hh"));
            var next = call.Add(Cells.LongState, gates, c);
            return [call.Add(Cells.LongResult, gates, next), next];
        },
    };

    /// <summary>The overloads that there is something for.</summary>
    internal static IEnumerable<string> Overloads => Table.Keys.Concat(Several.Keys);

    /// <summary>The graph with TorchSharp's operations in the place of such calls; itself where it has none.</summary>
    internal static Graph In(Graph graph)
    {
        if (!graph.nodes.Any(IsKnown))
            return graph;
        var written = graph.clone();
        foreach (var node in written.nodes.Where(IsKnown).ToArray())
            try
            {
                using var here = written.inserting_before(node);
                var call = NamedCall.Of(node)!;
                if (Several.TryGetValue(call.Overload, out var several))
                    Replace(written, node, several(call));
                else
                    Replace(written, node, Table[call.Overload](call));
            }
            catch (NotSupportedException error) when (error is not OnnxExportException)
            {
                throw new OnnxExportException(node, error.Message, []);
            }
        written.eliminate_dead_code();
        return written;
    }

    private static bool IsKnown(Node node) => NamedCall.Of(node)?.Overload is { } overload
        && (Table.ContainsKey(overload) || (Several.ContainsKey(overload)
            && node.users.All(user => user.target is BuiltinTarget { Operation: Builtin.getitem } && user.args[1] is Literal)));

    private static void Replace(Graph graph, Node node, Node instead)
    {
        instead.StandsFor(node);
        node.replace_all_uses_with(instead);
        graph.erase_node(node);
    }

    private static void Replace(Graph graph, Node node, Node[] parts)
    {
        foreach (var user in node.users.ToArray())
            Replace(graph, user, parts[Convert.ToInt32(((Literal)user.args[1]).Value, CultureInfo.InvariantCulture)]);
        graph.erase_node(node);
    }
}

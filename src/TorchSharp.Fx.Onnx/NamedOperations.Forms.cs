using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx;

/// <summary>What is longer than a line of the table.</summary>
internal static partial class NamedOperations
{
    private static Node Attention(NamedCall call)
    {
        var (q, k, v) = (call["query"], call["key"], call["value"]);
        if (call.Has("scale"))
        {
            // The operation divides by the root of the size.
            var scale = call.Double("scale");
            q = call.Add((Tensor x) => x * (scale * Math.Sqrt(x.shape[x.shape.Length - 1])), q);
        }
        if (call.Bool("enable_gqa"))
            (k, v) = (Repeated(k), Repeated(v));
        var isCausal = call.Bool("is_causal");
        if (call.Double("dropout_p") != 0)
            throw new NotSupportedException("it draws at random");
        return call.Has("attn_mask")
            ? call.Add((Tensor x, Tensor y, Tensor z, Tensor mask) => nn.functional.scaled_dot_product_attention(x, y, z, mask), q, k, v,
                call["attn_mask"])
            : call.Add((Tensor x, Tensor y, Tensor z) => nn.functional.scaled_dot_product_attention(x, y, z, is_casual: isCausal), q, k, v);

        Node Repeated(Argument heads) => call.Add((Tensor x, Tensor y)
            => x.repeat_interleave(y.shape[y.shape.Length - 3] / x.shape[x.shape.Length - 3], -3), heads, call["query"]);
    }

    private static Node Filled(NamedCall call, double value)
    {
        ScalarType? type = call.Constant("dtype") is ScalarType given ? given : null;
        return call.Add((Tensor x, long[] size) => full(size, value, dtype: type ?? x.dtype), call["self"], call["size"]);
    }

    private static Node Clamped(NamedCall call, double least, double most)
        => call.Add((Tensor x) => x.clamp(least, most), call["self"]);

    private static Node Turned(NamedCall call)
    {
        var (k, dims) = (((call.Long("k") % 4) + 4) % 4, call.Longs("dims"));
        return call.Add((Tensor x) => k switch
        {
            0 => x.alias(),
            1 => x.flip(dims[1]).transpose(dims[0], dims[1]),
            2 => x.flip(dims),
            _ => x.transpose(dims[0], dims[1]).flip(dims[1]),
        }, call["self"]);
    }

    private static Node Cross(NamedCall call)
    {
        if (!call.Has("dim"))
            throw new NotSupportedException("its dimension is not given");
        var dim = call.Long("dim");
        return call.Add((Tensor x, Tensor y) => (x.roll(-1L, dim) * y.roll(-2L, dim)) - (x.roll(-2L, dim) * y.roll(-1L, dim)), call["self"],
            call["other"]);
    }

    private static Node Product(NamedCall call, Argument one, Argument other)
    {
        var (alpha, beta) = (Number(call, "alpha"), Number(call, "beta"));
        return call.Add((Tensor x, Tensor a, Tensor b) => (x * beta) + (a.matmul(b) * alpha), call["self"], one, other);
    }

    private static Node Differences(NamedCall call)
    {
        if (call.Has("prepend") || call.Has("append"))
            throw new NotSupportedException("it has something put before or behind");
        var (n, dim) = (call.Long("n"), call.Long("dim"));
        return call.Add((Tensor x) =>
        {
            for (var i = 0; i < n; i++)
                x = x.narrow(dim, 1, x.size((int)dim) - 1) - x.narrow(dim, 0, x.size((int)dim) - 1);
            return x;
        }, call["self"]);
    }

    private static Node RootMeanSquare(NamedCall call)
    {
        long[] dims = [.. Enumerable.Range(1, call.Longs("normalized_shape").Length).Select(i => -(long)i)];
        var eps = call.Has("eps") ? call.Double("eps") : 1.1920928955078125e-7;
        var normal = call.Add((Tensor x) => x * (x.pow(2).mean(dims, keepdim: true) + eps).rsqrt(), call["input"]);
        return call.Has("weight") ? call.Add((Tensor x, Tensor by) => x * by, normal, call["weight"]) : normal;
    }

    private static Node Variance(NamedCall call)
    {
        var (dims, keeps) = (call.Longs("dim"), call.Bool("keepdim"));
        var correction = call.Has("correction") ? call.Double("correction") : 1;
        return call.Add((Tensor x) =>
        {
            var y = dims.Length == 0 ? x.flatten() : x;
            long[] along = dims.Length == 0 ? [0] : dims;
            var squares = (y - y.mean(along, keepdim: true)).pow(2);
            var count = along.Aggregate(1L, (product, dim) => product * y.size((int)dim));
            return squares.sum(along, keepdim: keeps) * (1.0 / (count - correction));
        }, call["self"]);
    }

    private static Node Mean(NamedCall call)
        => Reduced(call, (x, dims, keeps) => dims.Length == 0 ? x.mean() : x.mean(dims, keepdim: keeps));

    private static Node Extreme(NamedCall call, bool isLeast)
    {
        var (dim, keeps) = (call.Has("dim") ? call.Long("dim") : (long?)null, call.Bool("keepdim"));
        return call.Add((Tensor x) =>
        {
            var (y, along) = dim is { } given ? (x, given) : (x.flatten(), 0L);
            return isLeast ? y.amin([along], keepdim: keeps) : y.amax([along], keepdim: keeps);
        }, call["self"]);
    }

    private static Node[] Kth(NamedCall call, Func<long, long> k)
    {
        var (dim, keeps) = (call.Long("dim"), call.Bool("keepdim"));
        return [call.Add((Tensor x) => Last(x, x.topk((int)k(x.size((int)dim)), (int)dim, largest: false).values), call["self"]),
            call.Add((Tensor x) => Last(x, x.topk((int)k(x.size((int)dim)), (int)dim, largest: false).indexes), call["self"])];

        Tensor Last(Tensor x, Tensor sorted) => keeps ? sorted.narrow(dim, k(x.size((int)dim)) - 1, 1)
            : sorted.select(dim, k(x.size((int)dim)) - 1);
    }

    private static Node ShortTime(NamedCall call)
    {
        var (size, hop) = (call.Long("n_fft"), call.Has("hop_length") ? call.Long("hop_length") : call.Long("n_fft") / 4);
        var width = call.Has("win_length") ? call.Long("win_length") : size;
        var (normal, half) = (call.Bool("normalized"), !call.Has("onesided") || call.Bool("onesided"));
        var complex = call.Bool("return_complex");
        return call.Has("window")
            ? call.Add((Tensor x, Tensor window) => stft(x, size, hop, width, window, false, PaddingModes.Reflect, normal, half, complex),
                call["self"], call["window"])
            : call.Add((Tensor x) => stft(x, size, hop, width, null, false, PaddingModes.Reflect, normal, half, complex), call["self"]);
    }

    private static Node Spectrum(NamedCall call, Func<Tensor, long, long, FFTNormType, Tensor> transform)
    {
        var (n, dim) = (call.Has("n") ? call.Long("n") : -1, call.Long("dim"));
        var norm = call.Text("norm") switch
        {
            "ortho" => FFTNormType.Ortho,
            "forward" => FFTNormType.Forward,
            _ => FFTNormType.Backward,
        };
        return call.Add((Tensor x) => transform(x, n, dim, norm), call["self"]);
    }

    private static Node Reduced(NamedCall call, Func<Tensor, long[], bool, Tensor> function)
    {
        var (dims, keeps) = (call.Longs("dim"), call.Bool("keepdim"));
        return call.Add((Tensor x) => function(x, dims, keeps), call["self"]);
    }

    private static Tensor Sum(Tensor x, long[] dims, bool keeps) => dims.Length == 0 ? x.sum() : x.sum(dims, keepdim: keeps);

    private static Node Linear(NamedCall call, string input, string kind) => Linear(call, call[input], kind);

    private static Node Linear(NamedCall call, Argument input, string kind) => call.Has("b_" + kind)
        ? call.Add((Tensor x, Tensor by, Tensor offset) => nn.functional.linear(x, by, offset), input, call["w_" + kind], call["b_" + kind])
        : call.Add((Tensor x, Tensor by) => nn.functional.linear(x, by), input, call["w_" + kind]);

    private static Node Loss(NamedCall call, Func<Tensor, Tensor, nn.Reduction, Tensor> loss)
    {
        // PyTorch's numbers are TorchSharp's.
        var by = (nn.Reduction)call.Long("reduction");
        return call.Add((Tensor x, Tensor y) => loss(x, y, by), call["self"], call["target"]);
    }

    /// <summary>A number of the kind that it is.</summary>
    private static Scalar Number(NamedCall call, string name) => call.Constant(name) switch
    {
        long or int => call.Long(name),
        bool number => number,
        _ => call.Double(name),
    };

    private static (long, long) Two(NamedCall call, string name) => call.Longs(name) switch
    {
        [var both] => (both, both),
        [var height, var width] => (height, width),
        _ => throw new NotSupportedException($"its '{name}' is not for two dimensions"),
    };
}

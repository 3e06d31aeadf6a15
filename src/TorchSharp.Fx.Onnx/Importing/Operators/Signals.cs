using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx.Importing.Operators;

/// <summary>Fourier transforms and windows. A complex number is two floats, in a last dimension.</summary>
internal static class Signals
{
    internal static void AddTo(OperatorTable table)
    {
        table.Add("DFT", Transform);
        table.Add("STFT", ShortTime);
        table.Add("MelWeightMatrix", Mel);
        Window(table, "HannWindow", 0.5, 0.5, 0);
        Window(table, "HammingWindow", 25.0 / 46, 1 - 25.0 / 46, 0);
        Window(table, "BlackmanWindow", 0.42, 0.5, 0.08);
    }

    private static TensorValue Transform(OnnxNode node)
    {
        var (inverse, onesided) = (node.Attributes.Flag("inverse"), node.Attributes.Flag("onesided"));
        var axis = node.Version >= 20 ? (node.Optional(2) is null ? -2 : node.KnownNumbers(2)[0]) : node.Attributes.Int("axis", 1);
        var rank = node.Rank();
        var isReal = node.Shape()![^1] == 1;
        var at = axis < 0 ? axis + rank : axis;
        Argument length = node.Optional(1) is null ? -1L : node.Numbers(1)[0];
        return node.Make((Tensor x, long n) => Transformed(x, n, at, isReal, inverse, onesided), node.Type(),
            Sizes.With(Sizes.OfRank(rank), -1, 2), node.Tensor(), length);
    }

    private static Tensor Transformed(Tensor x, long length, long axis, bool isReal, bool inverse, bool onesided)
    {
        var numbers = isReal ? x.squeeze(-1) : x.contiguous().view_as_complex();
        if (onesided)
            return view_as_real(fft.rfft(numbers, length, axis));
        return view_as_real(inverse ? fft.ifft(numbers, length, axis) : fft.fft_(numbers, length, axis));
    }

    private static TensorValue ShortTime(OnnxNode node)
    {
        var onesided = node.Attributes.Flag("onesided", true);
        var isReal = node.Shape() is not [_, _, 2];
        var step = node.Numbers(1)[0];
        var rank = node.Rank();
        var length = node.Optional(3) is not null ? node.Numbers(3)[0] : node.Writer.Size(node[2], 0);
        long?[] shape = [node.Shape()?[0], null, null, 2];
        return node.Optional(2) is null
            ? node.Make((Tensor x, long by, long size) => Frames(x, null, by, size, rank, isReal, onesided), node.Type(), shape,
                node.Tensor(), step, length)
            : node.Make((Tensor x, Tensor window, long by, long size) => Frames(x, window, by, size, rank, isReal, onesided), node.Type(),
                shape, node.Tensor(), node.Tensor(2), step, length);
    }

    private static Tensor Frames(Tensor x, Tensor? window, long step, long size, int rank, bool isReal, bool onesided)
    {
        var frames = isReal ? (rank == 3 ? x.squeeze(-1) : x).unfold(1, size, step)
            : x.contiguous().view_as_complex().unfold(1, size, step);
        if (window is not null)
            frames = frames.mul(window);
        return view_as_real(onesided && isReal ? fft.rfft(frames, -1, -1) : fft.fft_(frames, -1, -1));
    }

    private static TensorValue Mel(OnnxNode node)
    {
        var type = Elements.Of((int)node.Attributes.Int("output_datatype", 1)).Type;
        return node.Make((long bands, long length, long rate, Tensor low, Tensor high) => Mel(bands, length, rate, low, high).to(type),
            type, [null, null],
            node.Numbers(0)[0], node.Numbers(1)[0], node.Numbers(2)[0], node.Tensor(3), node.Tensor(4));
    }

    /// <summary>Bands that lie evenly on the mel scale, each rising from the middle of the one before to its own and falling to that of
    /// the next.</summary>
    private static Tensor Mel(long bands, long length, long rate, Tensor low, Tensor high)
    {
        var (first, last) = (low.to(ScalarType.Float64).div(700).add(1).log10().mul(2595),
            high.to(ScalarType.Float64).div(700).add(1).log10().mul(2595));
        var scale = arange(bands + 2, ScalarType.Float64).mul(last.sub(first).div(bands + 2)).add(first);
        var bins = scale.div(2595).mul(Math.Log(10)).exp().sub(1).mul(700).mul(length + 1).div(rate).floor();
        var place = arange(length / 2 + 1, ScalarType.Float64).unsqueeze(1);
        var (from, middle, to) = (bins.narrow(0, 0, bands), bins.narrow(0, 1, bands), bins.narrow(0, 2, bands));
        var rising = place.ge(from).logical_and(place.le(middle)).to(ScalarType.Float64).mul(where(middle.eq(from), ones_like(middle),
            place.sub(from).div(middle.sub(from))));
        return where(place.ge(middle).logical_and(place.lt(to)), to.sub(place).div(to.sub(middle)), rising);
    }

    /// <summary>A constant less one wave and more another of twice its frequency.</summary>
    private static void Window(OperatorTable table, string name, double constant, double first, double second) => table.Add(name, node =>
    {
        var periodic = node.Attributes.Flag("periodic", true);
        var type = Elements.Of((int)node.Attributes.Int("output_datatype", 1)).Type;
        var count = node.Numbers(0)[0];
        return node.Make((long n) => Waves(n), type, [(count as Literal)?.Value as long?], count);

        Tensor Waves(long n)
        {
            var angle = arange(n, ScalarType.Float64).mul(2 * Math.PI).div(periodic ? n : n - 1);
            return angle.cos().mul(-first).add(angle.mul(2).cos().mul(second)).add(constant).to(type);
        }
    });
}

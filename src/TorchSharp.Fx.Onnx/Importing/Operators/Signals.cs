using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx.Importing.Operators;

/// <summary>Fourier transforms and windows. A complex number is two floats, in a last dimension.</summary>
internal static class Signals
{
    internal static void AddTo(OperatorTable table)
    {
        table.Add("DFT", Transform);
        table.Add("STFT", ShortTime);
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
        return node.Make((Tensor x, long n) => Transformed(x, n, at, isReal, inverse, onesided), node.Type(), Sizes.With(Sizes.OfRank(rank), -1, 2), node.Tensor(), length);
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
            ? node.Make((Tensor x, long by, long size) => Frames(x, null, by, size, rank, isReal, onesided), node.Type(), shape, node.Tensor(), step, length)
            : node.Make((Tensor x, Tensor window, long by, long size) => Frames(x, window, by, size, rank, isReal, onesided), node.Type(), shape, node.Tensor(), node.Tensor(2), step, length);
    }

    private static Tensor Frames(Tensor x, Tensor? window, long step, long size, int rank, bool isReal, bool onesided)
    {
        var frames = isReal ? (rank == 3 ? x.squeeze(-1) : x).unfold(1, size, step) : x.contiguous().view_as_complex().unfold(1, size, step);
        if (window is not null)
            frames = frames.mul(window);
        return view_as_real(onesided && isReal ? fft.rfft(frames, -1, -1) : fft.fft_(frames, -1, -1));
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

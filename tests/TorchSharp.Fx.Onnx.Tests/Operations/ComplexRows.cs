using static TorchSharp.torch;
using Tensor = TorchSharp.torch.Tensor;

namespace TorchSharp.Fx.Onnx.Tests.Operations;

/// <summary>Complex numbers, which are two tensors of reals in the file, and Fourier transforms.</summary>
internal static class ComplexRows
{
    private static readonly Tensor Turns = polar(ones(4), arange(4).to(float32) * 0.7f).DetachFromDisposeScope();

    internal static readonly Row[] All =
    [
        .. Pairs(z => z, z => z * Turns, z => z * 2, z => 3 * z, z => z + Turns, z => z - Turns, z => z + 1, z => torch.add(z, Turns, 2), z => z / Turns, z => z / 2, z => 2 / (z + 3), z => z.conj() * z, z => z.conj_physical(),
            z => z.neg(), z => z.exp(), z => z.square(), z => z.pow(2), z => (z + 3).reciprocal(), z => z.resolve_conj(), z => z.clone() + z.detach(),
            z => z.reshape(-1, 2, 2), z => z.flatten(), z => z.transpose(0, 1), z => z.unsqueeze(1), z => z[.., 1..3], z => z[.., 0], z => z.sum(1), z => z.mean([1]), cumulated => cumulated.cumsum(1), z => z.flip(1), z => z.roll(1, 1),
            z => cat([z, z * 2], 1), z => stack([z, Turns.expand(z.shape[0], 4)], 0), z => z.chunk(2, 1)[1], z => z.unbind(1)[2], z => z.expand(2, -1, -1), z => z.repeat(1, 2), z => where(z.real > 0, z, z * 2), z => zeros_like(z) + z,
            z => z.matmul(Turns.unsqueeze(1)), z => z.real.matmul(ones(4, 2)), z => z.mm(Turns.diag()), z => z.T, z => z.to(complex64), z => z.permute(1, 0)),
        new("real and imag", (Tensor x) => (x.view_as_complex().real, x.view_as_complex().imag, torch.real(x.view_as_complex()), torch.imag(x.view_as_complex())), "Nx4x2"),
        new("abs and angle", (Tensor x) => (x.view_as_complex().abs(), x.view_as_complex().angle(), x.view_as_complex().absolute()), "Nx4x2"),
        new("complex of two", (Tensor x, Tensor y) => torch.complex(x, y) * polar(x.abs(), y), "Nx4", "Nx4"),
        new("real by complex", (Tensor x, Tensor y) => x.sum(-1) * y.view_as_complex(), "Nx4x2", "Nx4x2"),
        new("to complex", (Tensor x) => x.to(complex64) * Turns, "Nx4"),
        new("complex beside reals in a list", (Tensor x) => (cat([x.view_as_complex(), x.sum(-1)], 1), stack([x.sum(-1), x.view_as_complex()], 0), hstack([x.view_as_complex(), x.sum(-1)])), "Nx4x2"),
        new("a choice of complex and real", (Tensor x) => (where(x.sum(-1) > 0, x.view_as_complex(), x.sum(-1)), where(x.sum(-1) > 0, x.view_as_complex(), 2.0), x.view_as_complex().where(x.sum(-1) > 0, x.sum(-1))), "Nx4x2"),
        new("matrices of complex numbers turned", (Tensor x) => x.reshape(x.shape[0], 2, 2, 2).view_as_complex().mT, "Nx4x2"),
        new("an imaginary factor", (Tensor x) => (x.view_as_complex() * new System.Numerics.Complex(0.5, 2), x.view_as_complex() + new System.Numerics.Complex(0.5, 2)), "Nx4x2"),
        new("a real by an imaginary factor", (Tensor x) => x * new System.Numerics.Complex(0.5, 2), "Nx4"),
        new("rotary embedding", (Tensor x) => view_as_real(x.reshape(x.shape[0], 3, -1, 2).view_as_complex() * Turns[..3].unsqueeze(1)).flatten(2), "Nx3x8"),
        .. Real(x => fft.rfft(x), x => fft.rfft(x, dim: 1), x => fft.rfft(x, 6), x => fft.rfft(x, 12, 1), x => fft.rfft(x, norm: FFTNormType.Ortho), x => fft.rfft(x, norm: FFTNormType.Forward), x => fft.fft_(x), x => fft.fft_(x, dim: 0),
            x => fft.ifft(x), x => fft.fft_(x, dim: 0, norm: FFTNormType.Ortho), x => fft.ifft(x, dim: 0, norm: FFTNormType.Forward), x => fft.ifft(fft.fft_(x)), x => fft.rfft2(x), x => fft.rfftn(x[0]), x => fft.fft2(x), x => fft.ifft2(x, norm: FFTNormType.Ortho), x => fft.fftn(x), x => fft.ifftn(x, dim: [1, 2]),
            x => fft.irfft(fft.rfft(x), 8), x => fft.irfft(fft.rfft(x)), x => fft.irfft(fft.rfft(x), 7), x => fft.irfft(fft.rfft(x), 5, norm: FFTNormType.Ortho), x => fft.irfft(fft.rfft(x), 12), x => fft.irfft2(fft.rfft2(x)), x => fft.irfftn(fft.rfftn(x, dim: [1, 2]), dim: [1, 2]), x => fft.irfft(x),
            x => fft.fftshift(x, [1, 2]), x => fft.ifftshift(x, [1]), x => fft.fftshift(fft.fft_(x), [2]), x => fft.rfft(x).abs().pow(2), x => fft.fft2(x).real),
        new("transforms of sizes that are no powers of two", (Tensor x) => (fft.rfft2(x), fft.irfftn(fft.rfftn(x, dim: [1, 2]), [6, 5], [1, 2]), fft.ifft(x, dim: 1), fft.fft2(x, norm: FFTNormType.Ortho)), "Nx6x5"),
        new("long transforms", (Tensor x) => (fft.rfft(x), fft.irfft(fft.rfft(x)), fft.ifft(fft.fft_(x))), "Nx500"),
        new("a longer signal than the frames have", (Tensor x) => istft(stft(x, 16, 4, window: hann_window(16), return_complex: true), 16, 4, window: hann_window(16), length: 60), "Nx48"),
        .. Signals(x => stft(x, 16, return_complex: true), x => stft(x, 16, 5, 12, hann_window(12), return_complex: true), x => stft(x, 16, 4, window: hann_window(16), center: false, return_complex: true), x => stft(x, 16, 4, normalized: true, return_complex: true).abs(),
            x => stft(x, 16, 4, onesided: false, return_complex: true), x => stft(x[0], 15, 5, return_complex: true), x => stft(x, 16, 4, pad_mode: PaddingModes.Constant, return_complex: true), x => view_as_real(stft(x, 16, return_complex: true)),
            x => istft(stft(x, 16, 4, window: hann_window(16), return_complex: true), 16, 4, window: hann_window(16)), x => istft(stft(x, 16, 4, 12, hann_window(12), return_complex: true) * 2, 16, 4, 12, hann_window(12), length: 40),
            x => istft(stft(x[0], 15, 5, normalized: true, return_complex: true), 15, 5, normalized: true), x => istft(stft(x, 16, 4, center: false, return_complex: true), 16, 4, center: false)),
        new("bincount", (Tensor x) => (x.bincount(null, 4), x.bincount(x.to(float32) + 1, 4)), "N:int64"),
    ];

    private static IEnumerable<Row> Pairs(params Func<Tensor, Tensor>[] functions)
        => functions.Select((function, i) => new Row($"complex {i}", (Tensor x) => view_as_real(function(x.view_as_complex()) is var z && z.is_complex() ? z.resolve_conj() : complex(z, z)), "Nx4x2"));

    private static IEnumerable<Row> Real(params Func<Tensor, Tensor>[] functions) => functions.Select((function, i) => new Row($"transform {i}", function, "Nx8x8"));

    private static IEnumerable<Row> Signals(params Func<Tensor, Tensor>[] functions) => functions.Select((function, i) => new Row($"signal {i}", function, "Nx48"));
}

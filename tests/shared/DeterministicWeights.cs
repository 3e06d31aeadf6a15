using static TorchSharp.torch;

namespace TorchSharp.Fx.Testing;

/// <summary>Weights and inputs that are a function of their names: any language computes the same numbers without a random generator.</summary>
internal static class DeterministicWeights
{
    /// <summary>Overwrites every parameter and running statistic as the golden features' generator does.</summary>
    public static TModule Fill<TModule>(TModule model) where TModule : nn.Module
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        foreach (var (name, parameter) in model.named_parameters())
        {
            var fan_in = parameter.numel() / Math.Max(1, parameter.dim() == 0 ? 1 : parameter.shape[0]);
            var (offset, scale) = parameter.dim() >= 2 ? (0.0, Math.Sqrt(3.0 / Math.Max(1, fan_in))) : (name.EndsWith("weight", StringComparison.Ordinal) ? 1.0 : 0.0, 0.1);
            Write(parameter, name, u => offset + scale * u);
        }
        foreach (var (name, buffer) in model.named_buffers())
            if (name.EndsWith("running_mean", StringComparison.Ordinal)) Write(buffer, name, u => 0.1 * u);
            else if (name.EndsWith("running_var", StringComparison.Ordinal)) Write(buffer, name, u => 1 + 0.5 * Math.Abs(u));
        return model;
    }

    /// <summary>The golden features' input: uniform in [-1, 1).</summary>
    public static Tensor Input(params long[] shape) => Named("input", shape);

    /// <summary>The same under another name.</summary>
    public static Tensor Named(string name, params long[] shape)
    {
        var tensor = torch.empty(shape);
        Write(tensor, name, u => u);
        return tensor;
    }

    /// <summary>An image of the golden detections: uniform in [0, 1).</summary>
    public static Tensor Image(string name, params long[] shape)
    {
        var tensor = torch.empty(shape);
        Write(tensor, name, u => (u + 1) / 2);
        return tensor;
    }

    private static unsafe void Write(Tensor tensor, string name, Func<double, double> value)
    {
        var seed = Crc32(name);
        fixed (byte* bytes = tensor.bytes)
        {
            var values = (float*)bytes;
            Parallel.For(0, (tensor.numel() + Chunk - 1) / Chunk, chunk =>
            {
                var end = Math.Min((chunk + 1) * Chunk, tensor.numel());
                for (var i = chunk * Chunk; i < end; i++) values[i] = (float)value(Uniform((ulong)i, seed));
            });
        }
    }

    private const long Chunk = 1 << 16;

    // MurmurHash3's finaliser of the element's index and the name's checksum.
    private static double Uniform(ulong index, uint seed)
    {
        var x = unchecked((uint)(index * 0x9E3779B1 + seed));
        unchecked
        {
            x = (x ^ x >> 16) * 0x85EBCA6B;
            x = (x ^ x >> 13) * 0xC2B2AE35;
        }
        return (x ^ x >> 16) / 2147483648.0 - 1.0;
    }

    private static uint Crc32(string text)
    {
        var crc = uint.MaxValue;
        foreach (var c in text)
        {
            crc ^= c;
            for (var bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ ((crc & 1) * 0xEDB88320);
        }
        return ~crc;
    }
}

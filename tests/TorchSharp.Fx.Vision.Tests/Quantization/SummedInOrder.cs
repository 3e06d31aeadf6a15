using System.Runtime.Intrinsics;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Vision.Tests.Quantization;

/// <summary>
/// Runs a graph with linear layers whose products are added one after another in single precision, as netlib's BLAS does, which the referee's PyTorch was built
/// with. Other libraries add in blocks: of 25,088 products the sums differ by three millionths, those added in order being the farther from the exact ones.
/// </summary>
internal sealed class SummedInOrder(IGraphModule module) : GraphInterpreter(module)
{
    protected override object? call_module(Node node)
        => Layers.GetValueOrDefault(node.target.name) is Linear layer ? Product((Tensor)env[node.all_input_nodes[0]]!, layer) : base.call_module(node);

    private Dictionary<string, nn.Module> Layers { get; } = ((nn.Module)module).named_modules().ToDictionary(entry => entry.name, entry => entry.module);

    private static Tensor Product(Tensor input, Linear layer)
    {
        using var scope = NewDisposeScope();
        var (rows, size, outputs) = (input.numel() / layer.in_features, (int)layer.in_features, (int)layer.out_features);
        var (values, weights) = (input.contiguous().data<float>().ToArray(), layer.weight!.t().contiguous().data<float>().ToArray());
        var sums = new float[rows * outputs];
        Parallel.For(0, (outputs + 63) / 64, block =>
        {
            for (var row = 0; row < rows; row++)
                Sums(values.AsSpan(row * size, size), weights, sums.AsSpan(row * outputs, outputs), 64 * block, Math.Min(64, outputs - 64 * block));
        });
        var result = tensor(sums).reshape([.. input.shape[..^1], outputs]);
        return (layer.bias is null ? result : result + layer.bias).MoveToOuterDisposeScope();
    }

    /// <summary>Some outputs of a row. The weight has a row for each input.</summary>
    private static void Sums(ReadOnlySpan<float> values, ReadOnlySpan<float> weights, Span<float> sums, int first, int count)
    {
        var i = first;
        for (; i <= first + count - 64; i += 64)
        {
            var (a, b, c, d) = (Vector512<float>.Zero, Vector512<float>.Zero, Vector512<float>.Zero, Vector512<float>.Zero);
            for (var k = 0; k < values.Length; k++)
            {
                var row = weights.Slice(k * sums.Length + i, 64);
                a += Vector512.Create(row) * values[k];
                b += Vector512.Create(row[16..]) * values[k];
                c += Vector512.Create(row[32..]) * values[k];
                d += Vector512.Create(row[48..]) * values[k];
            }
            a.CopyTo(sums[i..]);
            b.CopyTo(sums[(i + 16)..]);
            c.CopyTo(sums[(i + 32)..]);
            d.CopyTo(sums[(i + 48)..]);
        }
        for (; i < first + count; i++)
            for (var k = 0; k < values.Length; k++)
                sums[i] += weights[k * sums.Length + i] * values[k];
    }
}

using Xunit;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Vision.Tests;

/// <summary>
/// Deformable convolution and position-sensitive pooling, against loops over numbers, convolution itself, and finite differences.
/// </summary>
[Collection(nameof(Features.OneAtATime))]
public sealed class DeformTests : IDisposable
{
    private readonly DisposeScope scope = NewDisposeScope();

    public DeformTests() => torch.random.manual_seed(3);

    public void Dispose() => scope.Dispose();

    [Theory]
    [InlineData(1, 1, true)]
    [InlineData(2, 1, true)]
    [InlineData(2, 3, true)]
    [InlineData(1, 2, false)]
    public void Every_number_is_a_loop_s(long groups, long offset_groups, bool masked)
    {
        var (input, weight, bias) = (rand(2, 6, 5, 7, dtype: ScalarType.Float64), rand(4, 6 / groups, 3, 2, dtype: ScalarType.Float64), rand(4, dtype: ScalarType.Float64));
        ((long, long) stride, (long, long) padding, (long, long) dilation) = ((2, 1), (1, 2), (1, 2));
        // 3 rows and 9 columns; offsets lead out of the image too.
        var offset = (rand(2, 2 * offset_groups * 6, 3, 9, dtype: ScalarType.Float64) - 0.5) * 8;
        var mask = masked ? rand(2, offset_groups * 6, 3, 9, dtype: ScalarType.Float64) : null;
        var result = ops.deform_conv2d(input, offset, weight, bias, stride, padding, dilation, mask);
        Assert.Equal([2, 4, 3, 9], result.shape);
        for (var n = 0; n < 2; n++)
            for (var o = 0; o < 4; o++)
                for (var i = 0; i < 3; i++)
                    for (var j = 0; j < 9; j++)
                        Assert.Equal(One(n, o, i, j), result[n, o, i, j].item<double>(), 1e-9);

        double One(int n, int o, int i, int j)
        {
            var (sum, perGroup) = (bias[o].item<double>(), 6 / (int)groups);
            for (var c = 0; c < perGroup; c++)
                for (var p = 0; p < 6; p++)
                {
                    var channel = o / (4 / (int)groups) * perGroup + c;
                    var of = channel / (6 / (int)offset_groups) * 6 + p;
                    var y = i * 2 - 1 + p / 2 + offset[n, 2 * of, i, j].item<double>();
                    var x = j - 2 + p % 2 * 2 + offset[n, 2 * of + 1, i, j].item<double>();
                    sum += weight[o, c, p / 2, p % 2].item<double>() * (mask is null ? 1 : mask[n, of, i, j].item<double>()) * Pixel(n, channel, y, x);
                }
            return sum;
        }

        double Pixel(int n, int c, double y, double x)
        {
            var sum = 0.0;
            for (var row = 0; row < 5; row++)
                for (var column = 0; column < 7; column++)
                    sum += Math.Max(0, 1 - Math.Abs(y - row)) * Math.Max(0, 1 - Math.Abs(x - column)) * input[n, c, row, column].item<double>();
            return sum;
        }
    }

    [Fact]
    public void Without_offsets_it_is_the_convolution()
    {
        using var conv = new DeformConv2d(4, 6, (3, 3), stride: (2, 2), padding: (1, 1), groups: 2);
        var input = rand(2, 4, 9, 8);
        var result = conv.call(input, zeros(2, 18, 5, 4), null);
        var expected = nn.functional.conv2d(input, conv.get_parameter("weight")!, conv.get_parameter("bias"), strides: [2, 2], padding: [1, 1], groups: 2);
        Assert.True(result.allclose(expected, rtol: 1e-4, atol: 1e-5));
        Assert.Equal(["weight", "bias"], conv.state_dict().Keys);
    }

    [Fact]
    public void Gradients_are_those_of_finite_differences()
    {
        Tensor[] tensors = [Random(1, 2, 4, 4), Random(1, 8, 3, 3) * 1.3 + 0.17, Random(2, 2, 2, 2), Random(2), Random(1, 4, 3, 3)];
        foreach (var tensor in tensors) tensor.requires_grad_();
        var factors = Random(1, 2, 3, 3);
        Value().backward();
        using var _ = no_grad();
        foreach (var tensor in tensors)
        {
            var (flat, gradient) = (tensor.view(-1), tensor.grad!.reshape(-1));
            for (var i = 0; i < flat.shape[0]; i += 3)
            {
                const double Step = 1e-6;
                flat[i] = flat[i] + Step;
                var above = Value().item<double>();
                flat[i] = flat[i] - 2 * Step;
                var below = Value().item<double>();
                flat[i] = flat[i] + Step;
                Assert.Equal((above - below) / (2 * Step), gradient[i].item<double>(), 1e-5);
            }
        }

        Tensor Value() => (ops.deform_conv2d(tensors[0], tensors[1], tensors[2], tensors[3], mask: tensors[4]) * factors).sum();

        static Tensor Random(params long[] shape) => rand(shape, dtype: ScalarType.Float64).detach();
    }

    [Fact]
    public void Shapes_that_do_not_fit_are_refused()
    {
        var (input, weight) = (rand(1, 4, 6, 6), rand(2, 4, 3, 3));
        AssertRefused("The offsets must be [1, 18, 4, 4] for this input, kernel and stride, not [1, 18, 5, 4].", zeros(1, 18, 5, 4), null);
        AssertRefused("The offsets must be [1, 18, 4, 4] for this input, kernel and stride, not [1, 17, 4, 4].", zeros(1, 17, 4, 4), null);
        AssertRefused("The mask must be [1, 9, 4, 4] for this input, kernel and stride, not [1, 18, 4, 4].", zeros(1, 18, 4, 4), zeros(1, 18, 4, 4));
        AssertRefused("Weights [2, 4, 3, 3] and 3 groups of offsets don't divide 4 channels evenly.", zeros(1, 54, 4, 4), null);

        void AssertRefused(string message, Tensor offset, Tensor? mask) => Assert.StartsWith(message,
            Assert.Throws<ArgumentException>(() => ops.deform_conv2d(input, offset, weight, mask: mask)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_cell_of_position_sensitive_pooling_is_the_mean_of_its_own_channel()
    {
        var input = rand(2, 12, 8, 9, dtype: ScalarType.Float64);
        double[,] boxes = { { 0, 1, 2, 11, 13 }, { 1, -4, 3, 30, 40 }, { 1, 6.9, 6.9, 7, 7 }, { 0, 40, 40, 50, 50 } };
        var result = ops.ps_roi_pool(input, torch.tensor(boxes), (3, 2), spatial_scale: 0.5);
        Assert.Equal([4, 2, 3, 2], result.shape);
        for (var k = 0; k < 4; k++)
            for (var c = 0; c < 2; c++)
                for (var i = 0; i < 3; i++)
                    for (var j = 0; j < 2; j++)
                        Assert.Equal(Mean(k, (c * 3 + i) * 2 + j, i, j), result[k, c, i, j].item<double>(), 1e-12);
        Assert.True(new PSRoIPool((3, 2), 0.5).call(input, torch.tensor(boxes)).Equals(result));

        double Mean(int k, int channel, int i, int j)
        {
            var (rows, columns) = (Cell(boxes[k, 2], boxes[k, 4], i, 3, 8), Cell(boxes[k, 1], boxes[k, 3], j, 2, 9));
            var values = rows.SelectMany(y => columns.Select(x => input[(int)boxes[k, 0], channel, y, x].item<double>())).ToArray();
            return values.Length == 0 ? 0 : values.Average();
        }

        // The published kernel's bounds: the last row and column never count.
        static int[] Cell(double from, double to, int cell, int cells, int pixels)
        {
            var start = (int)Math.Round(from * 0.5, MidpointRounding.AwayFromZero);
            var size = Math.Max((int)Math.Round(to * 0.5, MidpointRounding.AwayFromZero) - start, 1) / (double)cells;
            var first = Math.Min(Math.Max((int)Math.Floor(cell * size) + start, 0), pixels - 1);
            var end = Math.Min(Math.Max((int)Math.Ceiling((cell + 1) * size) + start, 0), pixels - 1);
            return [.. Enumerable.Range(first, Math.Max(0, end - first))];
        }
    }
}

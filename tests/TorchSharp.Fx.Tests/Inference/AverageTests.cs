using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.Inference;

/// <summary>Averages over two dimensions: over all pixels of images, which has a kernel, and over others, which has none.</summary>
public sealed class AverageTests : KernelTests
{
    private static readonly Func<Tensor, Tensor>[] Averages =
    [
        x => x.mean([2, 3]),
        x => x.mean([2, 3], keepdim: true),
        x => x.mean([-2, -1]),
        x => x.mean([-2, -1], keepdim: true),
        x => mean(x, [2, 3]) * 2,
        x => x.mean([2, 3], false, ScalarType.Float64),
        x => x.mean([1, 2]),
        x => x.mean([-1, -2]),
        x => nn.functional.adaptive_avg_pool2d(x, 1),
    ];

    public static TheoryData<int> All => [.. Enumerable.Range(0, Averages.Length)];

    [Theory, MemberData(nameof(All))]
    public void An_average_is_that_of_the_program(int index)
    {
        var average = Averages[index];
        // A value before, so that the average isn't of an input, and one behind.
        using var traced = fx.symbolic_trace((Tensor x) => average(x + 1).exp());
        using var optimised = traced.optimize_for_inference();
        Tensor[] inputs = [rand(2, 5, 4, 6), rand(1, 8, 7, 7).permute(0, 1, 3, 2), rand([2, 3, 4, 5, 6]), rand(3, 4, 5),
            rand(2, 5, 4, 6).to(ScalarType.Float64)];
        var compared = 0;
        foreach (var x in inputs)
        {
            if (Eager(average, x) is not { } expected)
            {
                Assert.ThrowsAny<Exception>(() => optimised.call(x));
                continue;
            }
            var actual = optimised.call(x);
            Assert.Equal(expected.shape, actual.shape);
            Assert.Equal(expected.dtype, actual.dtype);
            Assert.True(expected.allclose(actual, 1e-5, 1e-6));
            compared++;
        }
        Assert.InRange(compared, 3, inputs.Length);
    }

    [Theory]
    [InlineData(0, true)]
    [InlineData(3, true)]
    [InlineData(5, false)]
    [InlineData(6, false)]
    [InlineData(8, true)]
    public void The_average_over_pixels_is_a_kernel(int index, bool isKernel)
    {
        using var traced = fx.symbolic_trace(Averages[index]);
        using var optimised = traced.optimize_for_inference();
        Assert.Equal(isKernel ? 1 : 0, optimised.modules().OfType<GlobalAverage>().Count());
    }

    private static Tensor? Eager(Func<Tensor, Tensor> average, Tensor x)
    {
        try
        {
            return average(x + 1).exp();
        }
        catch (System.Runtime.InteropServices.ExternalException)
        {
            return null;
        }
    }
}

using TorchSharp.Fx.Testing;
using Xunit;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Vision.Tests;

/// <summary>What is dropped are whole blocks, as many as asked for.</summary>
public sealed class DropBlockTests : IDisposable
{
    private readonly DisposeScope scope = NewDisposeScope();

    public void Dispose() => scope.Dispose();

    [Theory]
    [InlineData(2, 1)]
    [InlineData(2, 2)]
    [InlineData(2, 3)]
    [InlineData(3, 2)]
    [InlineData(3, 3)]
    public void Blocks_are_dropped_and_the_sum_stays(int dimensions, long block)
    {
        long[] shape = [200, 4, .. Enumerable.Repeat(9L, dimensions)];
        var x = torch.ones(shape);
        var y = dimensions == 2 ? ops.drop_block2d(x, 0.1, block) : ops.drop_block3d(x, 0.1, block);
        Assert.Equal(shape, y.shape);
        Assert.Equal(x.sum().item<float>(), y.sum().item<float>(), 1e-3 * x.numel());
        // Blocks overlap and so drop a little less than asked for.
        Assert.InRange(y.eq(0).to(ScalarType.Float32).mean().item<float>(), 0.08, 0.105);

        // Each dropped element is in a dropped block: opening the dropped ones with a block leaves all of them.
        var kept = y.ne(0).to(ScalarType.Float32).flatten(0, 1).unsqueeze(1);
        var whole = dimensions == 2 ? -nn.functional.max_pool2d(kept, [block, block], [1, 1]) + 1 : -nn.functional.max_pool3d(kept, [block, block, block], [1, 1, 1]) + 1;
        var kernel = torch.ones([1, 1, .. Enumerable.Repeat(block, dimensions)]);
        var opened = dimensions == 2 ? nn.functional.conv_transpose2d(whole, kernel) : nn.functional.conv_transpose3d(whole, kernel);
        Assert.True(opened.gt(0.5).Equals(kept.eq(0)));
    }

    [Fact]
    public void Outside_of_training_and_with_no_probability_nothing_is_dropped()
    {
        var x = torch.rand(1, 2, 4, 4);
        Assert.Same(x, ops.drop_block2d(x, 0, 3));
        using var module = new DropBlock2d(0.5, 3);
        module.eval();
        Assert.Same(x, module.call(x));
        using var cubes = new DropBlock3d(0.9, 1);
        Assert.Contains(0f, cubes.call(torch.ones([4, 2, 4, 4, 4])).data<float>().ToArray());
    }

    [Fact]
    public void In_place_overwrites_the_input()
    {
        var x = torch.ones(4, 2, 6, 6);
        using var module = new DropBlock2d(0.5, 2, inplace: true);
        Assert.Same(x, module.call(x));
        Assert.Contains(0f, x.data<float>().ToArray());
    }

    [Fact]
    public void Wrong_arguments_are_refused()
    {
        Assert.StartsWith("The probability of dropping an element is between 0 and 1.", Assert.Throws<ArgumentOutOfRangeException>(() => ops.drop_block2d(torch.rand(1, 1, 2, 2), 1.5, 2)).Message);
        Assert.StartsWith("DropBlock takes samples, channels and 2 dimensions, not [1, 2, 2].", Assert.Throws<ArgumentException>(() => ops.drop_block2d(torch.rand(1, 2, 2), 0.5, 2)).Message);
    }
}

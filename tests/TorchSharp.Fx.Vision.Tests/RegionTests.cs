using System.Text.Json;
using TorchSharp.Fx.Testing;
using Xunit;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Vision.Tests;

/// <summary>What is cut out of images is what torchvision cuts: its numbers are in data/ops.json.</summary>
public sealed class RegionTests : IDisposable
{
    private const double Scale = 0.5;

    private static readonly JsonElement golden = Golden.Json("ops.json");
    private readonly DisposeScope scope = NewDisposeScope();
    private readonly (long, long) size = (3, 2);

    public void Dispose() => scope.Dispose();

    [Theory]
    [InlineData("roi_align")]
    [InlineData("roi_align 2")]
    [InlineData("roi_align aligned")]
    [InlineData("roi_pool")]
    [InlineData("ps_roi_align")]
    [InlineData("ps_roi_align 2")]
    public void Regions_inside_beyond_and_smaller_than_a_pixel(string name)
    {
        var result = Cut(name, Images, Rois);
        // Of the others three channels are kept.
        AssertGolden(name, result[.., ..3]);
        Assert.Equal([9, name.StartsWith("ps", StringComparison.Ordinal) ? 3 : 18, 3, 2], result.shape);
        AssertGolden(name, Cut(name, Images.to(ScalarType.Float64), Rois.to(ScalarType.Float64))[.., ..3]);
        AssertGolden(name, Cut(name, Images.requires_grad_(), Rois)[.., ..3]);
    }

    [Theory]
    [InlineData("roi_align")]
    [InlineData("roi_pool")]
    [InlineData("ps_roi_align")]
    public void Gradients_go_to_the_images(string name)
    {
        var images = Images.requires_grad_();
        var result = Cut(name, images, Rois);
        var weights = torch.arange(result.numel()).reshape(result.shape).to(ScalarType.Float32).remainder(7) / 16;
        (result * weights).sum().backward();
        AssertGolden($"{name} gradient", images.grad!.sum(1));
    }

    [Theory]
    [InlineData(1, -1)]
    [InlineData(19, 2)]
    [InlineData(32, 3)]
    public void Aligned_regions_are_the_same_with_a_gradient_and_without_one(int channels, int sampling_ratio)
    {
        var images = torch.rand(2, channels, 23, 31);
        var corners = torch.rand(40, 4) * 60 - 12;
        var rois = torch.cat([torch.arange(40).remainder(2).unsqueeze(1).to(ScalarType.Float32), torch.minimum(corners[.., ..2], corners[.., 2..]),
            torch.maximum(corners[.., ..2], corners[.., 2..])], 1);
        var fast = ops.roi_align(images, rois, (7, 5), Scale, sampling_ratio, aligned: true);
        Assert.False(fast.requires_grad);
        var differentiable = ops.roi_align(images.requires_grad_(), rois, (7, 5), Scale, sampling_ratio, aligned: true);
        Assert.True(differentiable.requires_grad);
        Assert.True(fast.allclose(differentiable, rtol: 1e-5, atol: 1e-6));
        // However the images lie in memory.
        Assert.True(fast.Equals(ops.roi_align(images.detach().permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2), rois, (7, 5), Scale, sampling_ratio, aligned: true)));
    }

    [Fact]
    public void Boxes_can_come_in_a_list_of_one_tensor_for_each_image()
    {
        var second = Rois[.., 0].eq(1);
        var listed = new[] { Rois[~second][.., 1..], Rois[second][.., 1..] };
        var sorted = torch.cat([Rois[~second], Rois[second]]);
        Assert.True(ops.roi_align(Images, listed, size).Equals(ops.roi_align(Images, sorted, size)));
        Assert.True(ops.roi_pool(Images, listed, size).Equals(ops.roi_pool(Images, sorted, size)));
        Assert.True(ops.ps_roi_align(Images, listed, size).Equals(ops.ps_roi_align(Images, sorted, size)));
    }

    [Fact]
    public void A_box_that_is_turned_round_gives_the_mirrored_region()
    {
        var turned = Rois.index_select(1, torch.tensor(new long[] { 0, 3, 4, 1, 2 }));
        var mirrored = ops.roi_align(Images, Rois, size, Scale, sampling_ratio: 2, aligned: true).flip(2, 3);
        Assert.True(ops.roi_align(Images, turned, size, Scale, sampling_ratio: 2, aligned: true).allclose(mirrored, atol: 1e-5));
    }

    [Fact]
    public void No_regions_give_an_empty_result() => Assert.Equal([0, 18, 3, 2], ops.roi_align(Images, torch.zeros(0, 5), size).shape);

    [Fact]
    public void Modules_are_leaves_with_two_inputs()
    {
        using var pool = new RoIPool(size, Scale);
        using var align = new RoIAlign(size, Scale, sampling_ratio: 2);
        using var sensitive = new PSRoIAlign(size, Scale, sampling_ratio: 2);
        AssertGolden("roi_pool", pool.call(Images, Rois)[.., ..3]);
        AssertGolden("roi_align 2", align.call(Images, Rois)[.., ..3]);
        AssertGolden("ps_roi_align 2", sensitive.call(Images, Rois));
    }

    [Fact]
    public void Wrong_arguments_are_refused()
    {
        Assert.StartsWith("Boxes are [K, 5], the image's index first, or a list with a tensor [L, 4] for each image; not [9, 4].",
            Assert.Throws<ArgumentException>(() => ops.roi_align(Images, Rois[.., 1..], size)).Message);
        Assert.StartsWith("A box is in image 2, and there are 2, counted from 0.", Assert.Throws<ArgumentException>(() => ops.roi_align(Images, torch.full([1, 5], 2), size)).Message);
        Assert.StartsWith("A box has a coordinate that is no finite number.", Assert.Throws<ArgumentException>(() => ops.roi_pool(Images, torch.full([1, 5], double.PositiveInfinity), size)).Message);
        Assert.StartsWith("7 × 2 cells can't share 18 channels evenly.", Assert.Throws<ArgumentException>(() => ops.ps_roi_align(Images, Rois, (7, 2))).Message);
    }

    private Tensor Cut(string name, Tensor images, Tensor rois) => name switch
    {
        "roi_align" => ops.roi_align(images, rois, size, Scale),
        "roi_align 2" => ops.roi_align(images, rois, size, Scale, sampling_ratio: 2),
        "roi_align aligned" => ops.roi_align(images, rois, size, Scale, aligned: true),
        "roi_pool" => ops.roi_pool(images, rois, size, Scale),
        "ps_roi_align" => ops.ps_roi_align(images, rois, size, Scale),
        _ => ops.ps_roi_align(images, rois, size, Scale, sampling_ratio: 2),
    };

    private static Tensor Images => Numbers("images").reshape(2, 18, 11, 13);

    private static Tensor Rois => Numbers("rois").reshape(-1, 5);

    private static Tensor Numbers(string name) => torch.tensor(golden.GetProperty(name).EnumerateArray().Select(item => item.GetSingle()).ToArray());

    private static void AssertGolden(string name, Tensor actual)
    {
        var expected = Numbers(name);
        Assert.Equal(expected.numel(), actual.numel());
        Assert.True(actual.detach().to(ScalarType.Float32).flatten().allclose(expected, rtol: 1e-5, atol: 1e-5), name);
    }
}

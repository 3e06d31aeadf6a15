using static TorchSharp.torch;

namespace TorchSharp.Fx.Explain.Tests;

public sealed class PictureTests
{
    private static readonly byte[] Dark = [0x44, 0x01, 0x54], Bright = [0xFD, 0xE7, 0x25];

    [Fact]
    public void Tokens_lie_where_their_patches_do()
    {
        // The value of token i is i; the first is the class's.
        var map = feature_visualization.tokens_to_map(arange(0, 17).reshape(1, 17, 1));
        Assert.Equal(Enumerable.Range(1, 16).Select(i => (long)i), map.flatten().data<long>().ToArray());
        Assert.Equal([1, 1, 4, 4], map.shape);
        var wide = feature_visualization.tokens_to_map(arange(0, 12).reshape(1, 6, 2), (2, 3));
        Assert.Equal([1, 2, 2, 3], wide.shape);
        Assert.Equal(9, wide[0, 1, 1, 1].item<long>());
        Assert.StartsWith("A grid of 2 × 4 places needs 8 tokens, and there are 6.",
            Assert.Throws<ArgumentException>(() => feature_visualization.tokens_to_map(rand(1, 6, 2), (2, 4))).Message);
    }

    [Fact]
    public void Channels_that_vary_most_come_first_each_from_dark_to_bright()
    {
        var map = zeros(3, 2, 2);
        map[0, 0, 0] = 1;
        map[2, 1, 1] = -10;
        Assert.Equal([2, 0, 1], feature_visualization.channels_by_variance(map));
        var picture = feature_visualization.channel_grid(map, count: 2, tile: 4);
        // Two tiles of 4 × 4 with 2 pixels between.
        Assert.Equal([3, 4, 10], picture.shape);
        Assert.Equal(Dark, Pixel(picture, 3, 3));
        Assert.Equal(Bright, Pixel(picture, 0, 0));
        Assert.Equal(Bright, Pixel(picture, 0, 6));
        Assert.Equal(Dark, Pixel(picture, 3, 9));
        Assert.Equal([255, 255, 255], Pixel(picture, 0, 4));
    }

    [Fact]
    public void Colours_are_those_of_the_principal_components()
    {
        // Three patterns that are orthogonal over the places, each in two channels, the strongest last.
        var patterns = tensor(new[,] { { 1f, 1, -1, -1 }, { 1, -1, 1, -1 }, { 1, -1, -1, 1 } });
        var map = (patterns * tensor([1f, 2, 4]).unsqueeze(1)).repeat(2, 1).reshape(6, 2, 2);
        var colours = feature_visualization.principal_components(map).flatten(1).t();
        Assert.Equal([255, 255, 255, 0, 0, 255, 0, 255, 0, 255, 0, 0], colours.contiguous().data<byte>().ToArray());
    }

    [Fact]
    public void A_map_lies_over_its_image()
    {
        var image = full(3, 4, 4, 100, dtype: ScalarType.Byte);
        var map = tensor(new[,] { { 0f, 0 }, { 0, 7 } });
        Assert.Equal([.. image.data<byte>()], feature_visualization.show_cam_on_image(image, map, image_weight: 1).data<byte>().ToArray());
        var over = feature_visualization.show_cam_on_image(image, map);
        Assert.Equal(Mixed(Dark), Pixel(over, 0, 0));
        Assert.Equal(Mixed(Bright), Pixel(over, 3, 3));
        Assert.Equal(5, feature_visualization.norm_map(tensor([3f, 4]).reshape(2, 1, 1)).item<float>());

        static byte[] Mixed(byte[] colour) => [.. colour.Select(part => (byte)Math.Round(part * 0.5 + 50, MidpointRounding.ToEven))];
    }

    [Fact]
    public void Heads_are_maps_of_what_a_token_attends_to()
    {
        var weights = rand(2, 5, 5);
        var maps = feature_visualization.attention_map(weights);
        Assert.Equal([2, 2, 2], maps.shape);
        Assert.True(maps[1].flatten().allclose(weights[1, 0, 1..]));
    }

    [Fact]
    public void A_batch_is_no_map()
        => Assert.StartsWith("A map is [C, h, w], one image's: map[0] of a batch. This is [1, 2, 3, 3].",
            Assert.Throws<ArgumentException>(() => feature_visualization.channel_grid(rand(1, 2, 3, 3))).Message);

    private static byte[] Pixel(Tensor picture, int y, int x) => [.. picture[.., y, x].contiguous().data<byte>()];
}

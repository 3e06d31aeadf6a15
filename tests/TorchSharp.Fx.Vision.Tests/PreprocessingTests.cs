using System.Text.Json;
using TorchSharp.Fx.Testing;
using Xunit;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Vision.Tests;

/// <summary>Decoding and preprocessing against torchvision's tensor backend.</summary>
public sealed class PreprocessingTests : IDisposable
{
    private static readonly JsonElement golden = Golden.Json("preprocess.json");

    private readonly DisposeScope scope = NewDisposeScope();

    public static TheoryData<string> Cases => [.. golden.EnumerateObject().Select(item => item.Name)];

    public void Dispose() => scope.Dispose();

    [Theory]
    [MemberData(nameof(Cases))]
    public void Preprocessed_image_is_torchvisions(string name)
    {
        var (file, resize, crop, mode) = Parse(name);
        var actual = new ImageClassification(crop, resize, interpolation: mode).call(io.read_image(Golden.PathOf("images", file)));
        var expected = golden.GetProperty(name).GetProperty("tensor");

        Assert.Equal(expected.GetProperty("shape").EnumerateArray().Select(size => size.GetInt64()), actual.shape);
        Assert.Equal(ScalarType.Float32, actual.dtype);
        // One level of one pixel moves a mean by 3.4e-7. The golden means have seven digits; the JPEG's red is a level off in a pixel or two, presumably of another decoder.
        var tolerance = file.EndsWith(".jpg", StringComparison.Ordinal) ? 6e-7 : 1.2e-7;
        AssertClose(expected.GetProperty("mean"), actual.to(ScalarType.Float64).mean([1, 2]), tolerance);
        AssertClose(expected.GetProperty("std"), actual.to(ScalarType.Float64).std([1, 2], unbiased: false), tolerance);
        foreach (var sample in expected.GetProperty("at").EnumerateArray())
            Assert.Equal(sample[1].GetDouble(), actual.reshape(-1)[sample[0].GetInt64()].item<float>(), 1e-6);
    }

    [Fact]
    public void Batch_gives_what_its_images_give()
    {
        var preprocess = new ImageClassification(crop_size: 32, resize_size: 40);
        var images = torch.randint(0, 256, [2, 3, 50, 70], dtype: ScalarType.Byte);
        Assert.True(preprocess.call(images)[1].Equals(preprocess.call(images[1])));
    }

    /// <summary>Images of three channels are resized by code of their own, wherever they lie in memory.</summary>
    [Theory]
    [InlineData(480, 640, 256, 341)]
    [InlineData(13, 7, 5, 4)]
    [InlineData(4, 4, 9, 13)]
    [InlineData(37, 21, 37, 5)]
    [InlineData(9, 50, 1, 49)]
    public void Decoded_image_is_resized_as_its_numbers_are(int height, int width, int newHeight, int newWidth)
    {
        var images = torch.randint(0, 256, [2, height, width, 3], dtype: ScalarType.Byte).permute(0, 3, 1, 2);
        foreach (var mode in new[] { InterpolationMode.Bilinear, InterpolationMode.Bicubic })
        {
            var expected = transforms.resize(images.to(ScalarType.Float32), newHeight, newWidth, mode).clamp(0, 255).round().to(ScalarType.Byte);
            Assert.True(expected.Equals(transforms.resize(images, newHeight, newWidth, mode)));
            Assert.True(expected[1].Equals(transforms.resize(images[1], newHeight, newWidth, mode)));
        }
    }

    /// <summary>Only what stays after cropping is computed; it is what cropping the whole would leave.</summary>
    [Theory]
    [InlineData(480, 640, 256, 224)]
    [InlineData(640, 481, 256, 225)]
    [InlineData(37, 50, 90, 33)]
    [InlineData(50, 37, 20, 5)]
    [InlineData(50, 37, 20, 20)]
    [InlineData(30, 30, 20, 26)]
    [InlineData(40, 60, 40, 32)]
    [InlineData(9, 9, 5, 2)]
    public void Centre_of_a_resized_image_is_that_of_the_whole(int height, int width, int size, int crop)
    {
        var images = torch.randint(0, 256, [2, 3, height, width], dtype: ScalarType.Byte);
        foreach (var mode in new[] { InterpolationMode.Bilinear, InterpolationMode.Bicubic, InterpolationMode.Nearest })
        {
            var expected = transforms.normalize(transforms.convert_image_dtype(transforms.center_crop(transforms.resize(images, size, mode), crop)),
                [0.4, 0.5, 0.6], [0.2, 0.3, 0.25]);
            var preprocess = new ImageClassification(crop, size, [0.4, 0.5, 0.6], [0.2, 0.3, 0.25], mode);
            Assert.True(expected.Equals(preprocess.call(images)));
            Assert.True(expected[1].Equals(preprocess.call(images[1])));
        }
    }

    [Fact]
    public void Crop_larger_than_the_image_pads_with_zeros()
    {
        var image = torch.ones([3, 3, 6], dtype: ScalarType.Byte);
        byte[] padded = [0, 1, 1, 1, 0, 0];
        Assert.Equal(padded, transforms.center_crop(image, 6)[0, TensorIndex.Colon, 0].data<byte>().ToArray());
        Assert.Equal(padded, transforms.center_crop(image.mT, 6)[0, 0].data<byte>().ToArray());
    }

    [Fact]
    public void Half_pixels_are_rounded_to_even()
    {
        // Pixel (row, column) holds nine times the row plus the column.
        var image = torch.arange(81, dtype: ScalarType.Float32).reshape(1, 9, 9);
        Assert.Equal(9 * 2 + 2, transforms.center_crop(image, 4)[0, 0, 0].item<float>());
        Assert.Equal(9 * 4 + 4, transforms.center_crop(image, 2)[0, 0, 0].item<float>());
    }

    [Fact]
    public void Image_of_another_type_is_refused()
    {
        var error = Assert.Throws<ArgumentException>(() => transforms.convert_image_dtype(torch.zeros([3, 2, 2], dtype: ScalarType.Int32)));
        Assert.StartsWith("An image is uint8 or floating point, not Int32.", error.Message, StringComparison.Ordinal);
        error = Assert.Throws<ArgumentException>(() => transforms.resize(torch.zeros([2, 2]), 4));
        Assert.StartsWith("An image has the shape [C, H, W], or [N, C, H, W]; this has 2 dimensions.", error.Message, StringComparison.Ordinal);
    }

    private static (string file, long resize, long crop, InterpolationMode mode) Parse(string name)
    {
        var parts = name.Split(' ');
        return (parts[0], long.Parse(parts[1]["resize=".Length..]), long.Parse(parts[2]["crop=".Length..]), Enum.Parse<InterpolationMode>(parts[3], ignoreCase: true));
    }

    private static void AssertClose(JsonElement expected, Tensor actual, double tolerance)
    {
        foreach (var (value, index) in expected.EnumerateArray().Select((value, index) => (value.GetDouble(), index)))
            Assert.Equal(value, actual[index].item<double>(), tolerance * (Math.Abs(value) < 1 ? 1 : 5));
    }
}

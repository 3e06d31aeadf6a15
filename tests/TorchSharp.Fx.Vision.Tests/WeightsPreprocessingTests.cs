using System.Text.Json;
using TorchSharp.Fx.Testing;
using Xunit;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Vision.Tests;

/// <summary>
/// Every weight's transforms: those with settings that the golden numbers have against these, all against resampling by its definition in double precision, with torchvision's settings.
/// </summary>
public sealed class WeightsPreprocessingTests : IDisposable
{
    private const string Image = "chelsea.png";

    private static readonly JsonElement weights = Golden.Json("weights.json");
    private static readonly JsonElement golden = Golden.Json("preprocess.json");

    // By preset and settings, as torchvision has them, the weights that share them.
    private static readonly Dictionary<string, (JsonElement Row, Weights[] Weights)> settings = weights.EnumerateObject().Where(model => models.list_models(ModelInput.Batch).Contains(model.Name))
        .SelectMany(model => model.Value.EnumerateObject().Select(row => (row.Value, Weights: models.get_model_weights(model.Name).Single(weights => weights.name == row.Name))))
        .GroupBy(pair => $"{pair.Value.GetProperty("transforms")} {pair.Value.GetProperty("transform_args").GetRawText()}")
        .ToDictionary(group => group.Key, group => (group.First().Value, group.Select(pair => pair.Weights).ToArray()));

    private readonly DisposeScope scope = NewDisposeScope();

    public static TheoryData<string> Settings => [.. settings.Keys];

    public void Dispose() => scope.Dispose();

    [Theory]
    [MemberData(nameof(Settings))]
    public void Image_of_every_weight_is_resampled_cut_and_normalised_by_its_settings(string key)
    {
        var (row, sharing) = settings[key];
        var (preset, arguments) = (row.GetProperty("transforms").GetString()!, row.GetProperty("transform_args"));
        var image = io.read_image(Golden.PathOf("images", Image));
        var isVideo = preset == "VideoClassification";
        var input = isVideo ? torch.stack([image, image.flip(2)]) : image;
        var first = sharing[0].transforms().call(input);
        Assert.All(sharing[1..], weights => Assert.True(first.Equals(weights.transforms().call(input)), $"{weights} are prepared in another way than {sharing[0]}."));

        var (mean, std) = (Column(arguments, "mean"), Column(arguments, "std"));
        var expected = Levels(image, arguments, antialias: !isVideo);
        AssertLevels(expected, ((isVideo ? first[TensorIndex.Colon, 0] : first) * std + mean) * 255);
        if (isVideo)
            AssertLevels(Levels(image.flip(2), arguments, antialias: false), (first[TensorIndex.Colon, 1] * std + mean) * 255);
    }

    [Fact]
    public void Weights_with_golden_settings_give_the_golden_numbers()
    {
        var weightsChecked = 0;
        foreach (var (row, sharing) in settings.Values.Where(group => group.Row.GetProperty("transforms").GetString() == "ImageClassification"))
        {
            var arguments = row.GetProperty("transform_args");
            if (arguments.GetProperty("mean")[0].GetDouble() != 0.485 || !golden.TryGetProperty($"{Image} resize={arguments.GetProperty("resize_size")[0]} crop={arguments.GetProperty("crop_size")[0]} {Mode(arguments)}", out var numbers))
                continue;
            var actual = sharing[0].transforms().call(io.read_image(Golden.PathOf("images", Image)));
            foreach (var (expected, index) in numbers.GetProperty("tensor").GetProperty("mean").EnumerateArray().Select((value, index) => (value.GetDouble(), index)))
                Assert.Equal(expected, actual[index].to(ScalarType.Float64).mean().item<double>(), 1.2e-7);
            foreach (var sample in numbers.GetProperty("tensor").GetProperty("at").EnumerateArray())
                Assert.Equal(sample[1].GetDouble(), actual.reshape(-1)[sample[0].GetInt64()].item<float>(), 1e-6);
            weightsChecked += sharing.Length;
        }
        // The usual settings: most weights of the models here.
        Assert.Equal(96, weightsChecked);
    }

    private static string Mode(JsonElement arguments) => arguments.GetProperty("interpolation").GetString() == "InterpolationMode.BICUBIC" ? "bicubic" : "bilinear";

    private static Tensor Column(JsonElement arguments, string name) => torch.tensor(arguments.GetProperty(name).EnumerateArray().Select(value => value.GetDouble()).ToArray()).view(-1, 1, 1);

    /// <summary>One level of rounding apart at most, and that in few pixels.</summary>
    private static void AssertLevels(Tensor expected, Tensor actual)
    {
        Assert.Equal(expected.shape, actual.shape);
        var difference = (expected - actual).abs();
        Assert.InRange(difference.max().item<double>(), 0, 1.001);
        Assert.InRange(difference.gt(0.01).to(ScalarType.Float64).mean().item<double>(), 0, 0.002);
    }

    /// <summary>The pixels from 0 to 255 before they are scaled: each a weighted mean of its neighbours, rows after columns.</summary>
    private static Tensor Levels(Tensor image, JsonElement arguments, bool antialias)
    {
        var (height, width) = (image.shape[1], image.shape[2]);
        var resize = arguments.GetProperty("resize_size").EnumerateArray().Select(size => size.GetInt64()).ToArray();
        var (rows, columns) = resize is [var h, var w] ? (h, w) : height < width ? (resize[0], resize[0] * width / height) : (resize[0] * height / width, resize[0]);
        var cubic = Mode(arguments) == "bicubic";
        var resized = torch.matmul(torch.matmul(Resampling(height, rows, cubic, antialias), image.to(ScalarType.Float64)), Resampling(width, columns, cubic, antialias).t()).round().clamp(0, 255);
        if (!arguments.TryGetProperty("crop_size", out var crop))
            return resized;
        var side = crop[0].GetInt64();
        var (top, left) = ((long)Math.Round((rows - side) / 2.0), (long)Math.Round((columns - side) / 2.0));
        return resized[TensorIndex.Colon, TensorIndex.Slice(top, top + side), TensorIndex.Slice(left, left + side)];
    }

    /// <summary>[to, from]: how much of each pixel of a line is in each pixel of the resampled one. With antialiasing the kernel is as wide as what it stands for.</summary>
    private static Tensor Resampling(long from, long to, bool cubic, bool antialias)
    {
        var scale = from / (double)to;
        var stretch = antialias ? Math.Max(scale, 1) : 1;
        var kernel = new double[to, from];
        for (var i = 0; i < to; i++)
        {
            var center = (i + 0.5) * scale - 0.5;
            if (!antialias) center = Math.Clamp(center, 0, from - 1);
            for (var j = 0; j < from; j++) kernel[i, j] = (cubic ? Cubic : (Func<double, double>)Triangle)((j - center) / stretch);
        }
        var weights = torch.tensor(kernel);
        return weights / weights.sum(1, keepdim: true);
    }

    private static double Triangle(double x) => Math.Max(0, 1 - Math.Abs(x));

    /// <summary>Keys' cubic with a = −1/2, as PIL has it.</summary>
    private static double Cubic(double x) => Math.Abs(x) switch
    {
        < 1 and var d => (1.5 * d - 2.5) * d * d + 1,
        < 2 and var d => ((-0.5 * d + 2.5) * d - 4) * d + 2,
        _ => 0,
    };
}

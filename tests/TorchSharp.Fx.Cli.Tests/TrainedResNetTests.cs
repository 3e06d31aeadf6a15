using System.Globalization;
using Microsoft.ML.OnnxRuntime;
using SkiaSharp;
using TorchSharp.Fx.Testing;
using TorchSharp.Fx.Vision;
using static TorchSharp.torch;
using DenseTensor = Microsoft.ML.OnnxRuntime.Tensors.DenseTensor<float>;

namespace TorchSharp.Fx.Cli.Tests;

/// <summary>The README's first command: a trained network, whose features mean something.</summary>
public sealed class TrainedResNetTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly DisposeScope scope = NewDisposeScope();

    public void Dispose()
    {
        scope.Dispose();
        folder.Dispose();
    }

    [Fact]
    public void Its_features_are_those_that_ONNX_Runtime_computes()
    {
        foreach (var (photo, features) in Photographs.Paths.Zip(Embeddings(Photographs.Paths)))
        {
            var expected = InOnnxRuntime("resnet18.onnx", Prepared(photo));
            Assert.Equal([1, 512, 1, 1], features.shape);
            Assert.InRange(((expected - features).abs().max() / expected.std()).item<float>(), 0, 1e-4);
        }
    }

    [Fact]
    public void Photographs_and_crops_are_as_alike_as_the_README_says()
    {
        var told = File.ReadLines(Path.Combine(AppContext.BaseDirectory, "docs", "README.md"))
            .Where(line => line.StartsWith("| crop of ", StringComparison.Ordinal)).SelectMany(line => line.Split('|', StringSplitOptions.TrimEntries)[2..^1]).ToArray();
        var features = Embeddings([.. Photographs.Paths, .. Photographs.Paths.Select(CropOf)]);
        var cosines = (from crop in features[Photographs.Paths.Length..] from photo in features[..Photographs.Paths.Length]
                       select nn.functional.cosine_similarity(crop.flatten(), photo.flatten(), 0).item<float>()).ToArray();
        Assert.True(told.Length == cosines.Length && told.Zip(cosines).All(pair => Math.Abs(double.Parse(pair.First, CultureInfo.InvariantCulture) - pair.Second) < 0.0051),
            $"The README has {string.Join(" ", told)}, and they are {string.Join(" ", cosines.Select(cosine => cosine.ToString("F2", CultureInfo.InvariantCulture)))}.");
        foreach (var (i, cosine) in cosines.Index())
            Assert.True(i % (Photographs.Paths.Length + 1) == 0 ? cosine > 0.85 : cosine < 0.6, $"{i}: {cosine}");
    }

    [Fact]
    public void In_eight_bits_its_features_point_the_same_way_and_find_the_same_photographs()
    {
        using var mode = no_grad();
        using var network = fx.load<GraphModule<Tensor, Tensor>>(Path.Combine(AppContext.BaseDirectory, "trained", "resnet18.onnx"));
        var photographs = Array.ConvertAll(Photographs.Paths, Prepared);
        var mapping = QConfigMapping.default_mapping(QConfig.minmax_qconfig);
        // What costs most by itself stays in fp32, as the report has it.
        foreach (var costly in new[] { "Pooling395", "Convolution295", "ReLU261", "Convolution327", "Convolution359", "ReLU307", "ReLU275" })
            mapping.set_module_name(costly, null);
        using var reference = network.quantize(photographs, mapping);
        using var int8 = reference.optimize_for_inference();
        Tensor[] all = [.. photographs, .. Photographs.Paths.Select(photo => Prepared(CropOf(photo)))];
        var (exact, steps) = (Features(network, all), Features(int8, all));
        Assert.All(exact.Zip(steps), pair => Assert.InRange(nn.functional.cosine_similarity(pair.First, pair.Second, 0).item<float>(), 0.999f, 1.001f));
        Assert.Equal(Nearest(exact), Nearest(steps));

        static Tensor[] Features(GraphModule<Tensor, Tensor> network, Tensor[] inputs) => Array.ConvertAll(inputs, input => network.call(input).flatten());

        static int[] Nearest(Tensor[] features) => [.. features.Select((one, i) => Enumerable.Range(0, features.Length).Where(j => j != i)
            .MaxBy(j => nn.functional.cosine_similarity(one, features[j], 0).item<float>()))];
    }

    [Fact]
    public void It_is_a_model_like_any_other()
    {
        var stages = Torchfx.Run("extract", "resnet18-trained", Photographs.Paths[1], "--nodes", "stages,ReLU301=middle", "--optimised", "--out", folder["stages"]);
        Assert.True(stages.ExitCode == 0, stages.Error);
        Assert.Equal(["ReLU253 [1, 64, 112, 112]", "ReLU283 [1, 64, 56, 56]", "ReLU315 [1, 128, 28, 28]", "ReLU347 [1, 256, 14, 14]", "ReLU393 [1, 512, 7, 7]", "middle [1, 128, 28, 28]"],
            Safetensors.list(stages.Lines.Single()).Select(tensor => $"{tensor.name} [{string.Join(", ", tensor.shape)}]").Order(StringComparer.Ordinal));
        Assert.Contains("Pooling395", Torchfx.Run("nodes", "resnet18-trained", "--shapes").Out, StringComparison.Ordinal);
        Torchfx.Run("extract", "resnet18-trained", Photographs.Paths[1], "--nodes", "embedding", "--weights", "DEFAULT", "--out", folder["none"])
            .AssertFailed("'resnet18-trained' has its weights; --weights is for models without.", 2);
    }

    /// <summary>The README's command, on these images.</summary>
    private Tensor[] Embeddings(string[] images)
    {
        var run = Torchfx.Run(["extract", "resnet18-trained", .. images, "--nodes", "embedding", "--out", folder["features"]]);
        Assert.True(run.ExitCode == 0, run.Error);
        return [.. run.Lines.Select(file => Safetensors.load_file(file)["embedding"])];
    }

    /// <summary>What the network takes.</summary>
    private static Tensor Prepared(string photo)
        => InOnnxRuntime("resnet18-preprocessing.onnx", transforms.center_crop(transforms.resize(io.read_image(photo), 256), 224).to(ScalarType.Float32).unsqueeze(0));

    /// <summary>Three quarters of a photograph's height and width, the lower right ones.</summary>
    private string CropOf(string photo)
    {
        using var whole = SKBitmap.Decode(photo);
        using var crop = new SKBitmap();
        Assert.True(whole.ExtractSubset(crop, new SKRectI(whole.Width / 4, whole.Height / 4, whole.Width, whole.Height)));
        var path = folder[$"crop-of-{Path.GetFileNameWithoutExtension(photo)}.png"];
        using var file = File.Create(path);
        Assert.True(crop.Encode(file, SKEncodedImageFormat.Png, 100));
        return path;
    }

    private static Tensor InOnnxRuntime(string model, Tensor input)
    {
        using var session = new InferenceSession(Path.Combine(AppContext.BaseDirectory, "trained", model));
        var given = new DenseTensor(input.data<float>().ToArray(), input.shape.Select(size => (int)size).ToArray());
        using var results = session.Run([NamedOnnxValue.CreateFromTensor(session.InputNames.Single(), given)]);
        var result = results.Single().AsTensor<float>();
        return tensor(result.ToArray(), result.Dimensions.ToArray().Select(size => (long)size).ToArray());
    }
}

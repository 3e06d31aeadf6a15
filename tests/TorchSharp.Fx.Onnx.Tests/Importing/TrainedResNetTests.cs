using System.Reflection;
using System.Runtime.CompilerServices;
using TorchSharp.Fx.Vision;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx.Tests.Importing;

/// <summary>A residual network that was trained on ImageNet, with its preprocessing, as the package
/// Microsoft.ML.DnnImageFeaturizer.ResNet18 has it.</summary>
public sealed class TrainedResNetTests
{
    private static readonly string[] Photos = ["astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg"];

    private static string Models => typeof(TrainedResNetTests).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(entry =>
        entry.Key == "TrainedModels").Value!;

    private static string Preprocessing => Path.Combine(Models, "ResNetPrepOnnx", "ResNetPreprocess.onnx");

    private static string Network => Path.Combine(Models, "ResNet18Onnx", "ResNet18.onnx");

    [Fact]
    public void Preprocessing_and_network_give_what_they_give_in_ONNX_Runtime()
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var preprocessing = onnx.load<GraphModule<torch.Tensor, torch.Tensor>>(Preprocessing);
        using var network = onnx.load<GraphModule<torch.Tensor, torch.Tensor>>(Network);
        using var optimised = network.optimize_for_inference();
        var pixels = Crop(Photos[1], 0);
        var image = preprocessing.call(pixels);
        OnnxModel.AssertClose(OnnxModel.RunFile(Preprocessing, pixels), image, "preprocessing");
        var expected = OnnxModel.RunFile(Network, image);
        Assert.Equal([1, 512, 1, 1], expected.shape);
        OnnxModel.AssertClose(expected, network.call(image), "network");
        OnnxModel.AssertClose(expected, optimised.call(image), "optimised network");
    }

    [Fact]
    public void Crops_of_one_photograph_are_alike_and_those_of_others_are_not()
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var preprocessing = onnx.load<GraphModule<torch.Tensor, torch.Tensor>>(Preprocessing);
        using var network = onnx.load<GraphModule<torch.Tensor, torch.Tensor>>(Network);
        using var extractor = feature_extraction.create_feature_extractor(network, ["Pooling395"]);
        var features = Photos.SelectMany(photo => new[] { Crop(photo, 0), Crop(photo, 24) }).Select(pixels =>
            extractor.call(preprocessing.call(pixels))["Pooling395"].flatten()).ToArray();
        for (var i = 0; i < features.Length; i++)
            for (var j = 0; j < i; j++)
            {
                var cosine = nn.functional.cosine_similarity(features[i].unsqueeze(0), features[j].unsqueeze(0), 1).item<float>();
                Assert.True(i / 2 == j / 2 ? cosine > 0.85 : cosine < 0.6,
                    $"{Photos[i / 2]} and {Photos[j / 2]} have a cosine of {cosine}");
            }
    }

    /// <summary>224 by 224 pixels around the middle, or shifted from it, as the network takes them: floats of 0 to 255, red
    /// first.</summary>
    private static torch.Tensor Crop(string photo, int shift, [CallerFilePath] string source = "")
    {
        var image = io.read_image(Path.Combine(Path.GetDirectoryName(source)!, "../../../samples/images", photo));
        var resized = transforms.resize(image, 256);
        var (top, left) = ((resized.shape[1] - 224) / 2, (resized.shape[2] - 224) / 2);
        return resized.narrow(1, Math.Min(top + shift, resized.shape[1] - 224), 224).narrow(2,
            Math.Min(left + shift, resized.shape[2] - 224), 224).to(float32).unsqueeze(0);
    }
}

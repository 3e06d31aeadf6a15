using System.Xml.Linq;
using TorchSharp.Fx.Testing;
using TorchSharp.Fx.Vision;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Cli.Tests;

/// <summary>Pictures that explain and maps draw are those of the library.</summary>
public sealed class ExplainTests : IDisposable
{
    private static readonly string Cat = Golden.PathOf("images", "chelsea.png");

    private readonly TemporaryFolder folder = new();
    private readonly DisposeScope scope = NewDisposeScope();

    public void Dispose()
    {
        scope.Dispose();
        folder.Dispose();
    }

    [Fact]
    public void Explain_lays_the_map_of_a_class_over_what_the_model_sees()
    {
        using var model = DeterministicWeights.Fill(models.resnet18());
        Safetensors.save_file(model.state_dict(), folder["resnet18.safetensors"]);
        model.eval();
        var seen = transforms.center_crop(transforms.resize(io.read_image(Cat), 256), 224);
        using var prepare = new ImageClassification(224, 256);
        var input = prepare.call(io.read_image(Cat)).unsqueeze(0);

        string[] common = [Cat, "--weights", folder["resnet18.safetensors"], "--node", "layer2", "--class", "281", "--out", folder["out"]];
        var run = Torchfx.Run(["explain", "resnet18", .. common]);
        Assert.True(run.ExitCode == 0, run.Error);
        Assert.Equal([folder["out/chelsea.grad-cam.png"]], run.Lines);
        var expected = feature_visualization.show_cam_on_image(seen, explain.grad_cam(model, input, "layer2", 281)[0]);
        AssertAlike(expected, io.read_image(run.Lines[0]));

        var other = Torchfx.Run(["explain", "resnet18", .. common, "--method", "layer-cam", "--format", "svg"]);
        Assert.True(other.ExitCode == 0, other.Error);
        Assert.Equal([folder["out/chelsea.svg"]], other.Lines);
        var pictures = Pictures(other.Lines[0]);
        AssertAlike(seen, pictures[0]);
        AssertAlike(feature_visualization.show_cam_on_image(seen, explain.layer_cam(model, input, "layer2", 281)[0]), pictures[1]);
        Assert.Contains("layer-cam, layer2, class 281", File.ReadAllText(other.Lines[0]), StringComparison.Ordinal);
    }

    [Fact]
    public void Maps_draws_norm_components_and_channels_of_each_node()
    {
        var run = Torchfx.Run("maps", "resnet18", Cat, "--nodes", "stages", "--channels", "9", "--out", folder["out"]);
        Assert.True(run.ExitCode == 0, run.Error);
        string[] nodes = ["relu", "layer1", "layer2", "layer3", "layer4"];
        string[] kinds = ["norm", "components", "channels"];
        Assert.Equal([.. nodes.SelectMany(node => kinds.Select(kind => folder[$"out/chelsea.{node}.{kind}.png"]))], run.Lines);
        Assert.Equal([3, 224, 224], io.read_image(run.Lines[^3]).shape);
        // Three by three tiles of 7 × 7 places, each ten times as large, with gaps of 2.
        Assert.Equal([3, 214, 214], io.read_image(run.Lines[^1]).shape);

        var figure = Torchfx.Run("maps", "resnet18", Cat, "--nodes", "layer3,layer4", "--format", "svg", "--out", folder["out"]);
        Assert.Equal([folder["out/chelsea.svg"]], figure.Lines);
        Assert.Equal(6, Pictures(figure.Lines[0]).Length);
        Assert.Contains("layer4 [1, 512, 7, 7]", File.ReadAllText(figure.Lines[0]), StringComparison.Ordinal);
    }

    [Fact]
    public void A_transformers_attention_is_drawn()
    {
        var run = Torchfx.Run("explain", "vit_b_16", Cat, "--method", "attention-rollout", "--out", folder["out"]);
        Assert.True(run.ExitCode == 0, run.Error);
        Assert.Equal([3, 224, 224], io.read_image(run.Lines.Single()).shape);
    }

    [Theory]
    [InlineData("grad-cam shows the map of a node: name it with --node ('torchfx nodes' lists all).", 2)]
    [InlineData("occlusion explains the image itself: leave out --node.", 2, "--method", "occlusion", "--node", "layer4")]
    [InlineData("attention-rollout shows what attention moves, whatever the class: leave out --class.", 2,
        "--method", "attention-rollout", "--class", "1")]
    public void Wrong_usage_is_told(string sentence, int exitCode, params string[] options)
        => Torchfx.Run(["explain", "resnet18", Cat, .. options, "--out", folder["out"]]).AssertFailed(sentence, exitCode);

    [Theory]
    [InlineData("There is no class 1000: the model returns [1, 1000], so the classes are 0 to 999.", "--node", "layer4", "--class", "1000")]
    [InlineData("The value of 'flatten' is [1, 512], which is no map: name a node whose value is [N, C, h, w] or tokens [N, L, C].",
        "--node", "flatten")]
    [InlineData("node: 'layer5' is not in the graph. The nearest names are 'layer1', 'layer2', 'layer3'.", "--node", "layer5")]
    public void What_the_model_has_not_is_told(string sentence, params string[] options)
    {
        var run = Torchfx.Run(["explain", "resnet18", Cat, .. options, "--out", folder["out"]]);
        Assert.Equal($"torchfx: {sentence}", run.Error.TrimEnd().Split('\n')[^1]);
        Assert.Equal((1, ""), (run.ExitCode, run.Out));
        Assert.Empty(Directory.GetFiles(folder["out"]));
    }

    private static Tensor[] Pictures(string svg) => [.. XElement.Load(svg).Elements().Where(element => element.Name.LocalName == "image")
        .Select(image => io.decode_image(Convert.FromBase64String(image.Attribute("href")!.Value.Split(',')[1])))];

    /// <summary>Rounding apart: the tool runs with another number of threads, and its picture of the input is computed back.</summary>
    private static void AssertAlike(Tensor expected, Tensor actual)
    {
        Assert.Equal(expected.shape, actual.shape);
        var difference = (expected.to(ScalarType.Float32) - actual.to(ScalarType.Float32)).abs();
        Assert.InRange(difference.max().item<float>(), 0, 3);
        Assert.InRange(difference.mean().item<float>(), 0, 0.5);
    }
}

using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using TorchSharp.Fx.Testing;
using TorchSharp.Fx.Vision;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Cli.Tests;

/// <summary>Weights by name, in a folder of downloads that the test fills: nothing here goes to the network.</summary>
public sealed class NamedWeightsTests : IDisposable
{
    private static readonly string Image = Golden.PathOf("images", "chelsea.png");

    private readonly TemporaryFolder folder = new();
    private readonly DisposeScope scope = NewDisposeScope();

    public void Dispose()
    {
        scope.Dispose();
        folder.Dispose();
    }

    [Theory]
    [InlineData("DEFAULT")]
    [InlineData("IMAGENET1K_V1")]
    [InlineData("ResNet18_Weights.IMAGENET1K_V1")]
    public void A_name_is_the_published_file_with_its_own_preprocessing(string name)
    {
        using var model = Publish(models.resnet18(), ResNet18_Weights.IMAGENET1K_V1);
        var run = Run("extract", "resnet18", Image, "--nodes", "embedding", "--weights", name, "--out", folder["out"]);
        Assert.True(run.ExitCode == 0, run.Error);
        Assert.Equal("ResNet18_Weights.IMAGENET1K_V1", Safetensors.metadata(run.Lines.Single())["weights"]);
        var features = Safetensors.load_file(run.Lines.Single());
        using var extractor = feature_extraction.create_feature_extractor(model, ["flatten"]);
        Assert.True(torch.allclose(extractor.call(Input(ResNet18_Weights.IMAGENET1K_V1))["flatten"], features["embedding"], rtol: 1e-4, atol: 1e-5));
    }

    [Fact]
    public void Prediction_is_the_models_with_the_labels_of_the_weights()
    {
        using var model = Publish(models.resnet18(), ResNet18_Weights.DEFAULT);
        var expected = model.call(Input(ResNet18_Weights.DEFAULT))[0].softmax(0).topk(3);
        var run = Run("predict", "resnet18", Image, "--top", "3", "--format", "json");
        Assert.True(run.ExitCode == 0, run.Error);
        using var json = JsonDocument.Parse(run.Out);
        Assert.Equal("ResNet18_Weights.IMAGENET1K_V1", json.RootElement.GetProperty("weights").GetString());
        var image = json.RootElement.GetProperty("images").EnumerateArray().Single();
        Assert.Equal(Image, image.GetProperty("image").GetString());
        var predictions = image.GetProperty("predictions").EnumerateArray().ToArray();
        Assert.Equal(expected.indexes.data<long>().ToArray(), predictions.Select(entry => entry.GetProperty("class").GetInt64()));
        Assert.Equal(expected.indexes.data<long>().Select(index => ResNet18_Weights.DEFAULT.meta.categories[(int)index]), predictions.Select(entry => entry.GetProperty("label").GetString()));
        foreach (var (probability, entry) in expected.values.data<float>().Zip(predictions))
            Assert.Equal(probability, entry.GetProperty("probability").GetSingle(), 1e-4f);

        var table = Run("predict", "resnet18", Image, "--top", "1", "--weights", Downloads(ResNet18_Weights.DEFAULT));
        Assert.Contains(table.Lines, line => line.Contains(predictions[0].GetProperty("label").GetString()!, StringComparison.Ordinal) && line.Contains(" %", StringComparison.Ordinal));
    }

    [Fact]
    public void Offline_one_sentence_says_which_file_to_put_where()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var mirror = $"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}";
        var answer = Task.Run(async () =>
        {
            using var client = await listener.AcceptTcpClientAsync(TestContext.Current.CancellationToken);
            using var reader = new StreamReader(client.GetStream());
            while (await reader.ReadLineAsync(TestContext.Current.CancellationToken) is { Length: > 0 }) { }
            await client.GetStream().WriteAsync("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"u8.ToArray(), TestContext.Current.CancellationToken);
        }, TestContext.Current.CancellationToken);
        var run = Torchfx.Run(new Dictionary<string, string> { ["TORCH_HOME"] = folder.Root, ["TORCHFX_MIRROR"] = mirror }, "predict", "resnet18", Image);
        Assert.StartsWith($"torchfx: 'resnet18-f37072fd.pth' could not be downloaded from {mirror}/models/resnet18-f37072fd.pth (", run.Error);
        Assert.EndsWith($"Where there is no network, get that file in another way and put it at {Downloads(ResNet18_Weights.DEFAULT)}.\n", run.Error);
        Assert.Equal((1, ""), (run.ExitCode, run.Out));
    }

    [Fact]
    public void What_has_no_weights_or_labels_is_refused()
    {
        Run("extract", "resnet18", Image, "--nodes", "fc", "--out", folder["out"], "--weights", "IMAGENET1K_V3").AssertFailed(
            "There are no weights named 'ResNet18_Weights.IMAGENET1K_V3'. The nearest names are 'ResNet18_Weights.IMAGENET1K_V1'.");
        Run("extract", "resnet18", Image, "--nodes", "fc", "--out", folder["out"], "--weights", "ResNet50_Weights.DEFAULT").AssertFailed(
            "ResNet50_Weights.IMAGENET1K_V2 are weights of 'resnet50', not of 'resnet18'.");
        Run("predict", "fcn_resnet50", Image).AssertFailed("'fcn_resnet50' doesn't classify whole images, so there is no label to predict; 'torchfx extract' gives what it computes.");
        Run("predict", "r3d_18", Image).AssertFailed("'r3d_18' takes videos, and torchfx reads images only.");
    }

    private Torchfx Run(params string[] args) => Torchfx.Run(new Dictionary<string, string> { ["TORCH_HOME"] = folder.Root }, args);

    private string Downloads(Vision.Weights weights) => folder["hub", "checkpoints", Path.GetFileName(weights.url.AbsolutePath)];

    private static Tensor Input(Vision.Weights weights) => weights.transforms().call(io.read_image(Image)).unsqueeze(0);

    /// <summary>Files are told by their content, so that a published file may as well be a safetensors one.</summary>
    private ResNet Publish(ResNet model, Vision.Weights weights)
    {
        DeterministicWeights.Fill(model);
        Directory.CreateDirectory(folder["hub", "checkpoints"]);
        Safetensors.save_file(model.state_dict(), Downloads(weights));
        model.eval();
        return model;
    }
}

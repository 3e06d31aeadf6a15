using TorchSharp.Fx.Testing;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Cli.Tests;

/// <summary><c>torchfx quantize</c>: a smaller file that gives nearly the same features.</summary>
public sealed class QuantizeTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_quantised_extractor_is_a_quarter_of_the_size_and_gives_nearly_the_same_features()
    {
        var (image, int8, fp32) = (Golden.PathOf("images", "coffee.png"), folder["int8.safetensors"], folder["fp32.safetensors"]);
        string[] model = ["squeezenet1_1", "--seed", "1"];
        Assert.Equal(0, Torchfx.Run(["save", .. model, "--out", fp32]).ExitCode);
        var run = Torchfx.Run(["quantize", .. model, "--calibrate", image, "--observer", "minmax", "--report", folder["errors.svg"], "--out", int8]);
        Assert.True(run.ExitCode == 0, run.Error);
        Assert.Equal(int8, run.Lines.Single());
        Assert.Matches(@"features\.12\.cat +cat", run.Error);
        Assert.Contains("cosine of output: 0.99", run.Error, StringComparison.Ordinal);
        Assert.Contains(">features.12.cat</text>", File.ReadAllText(folder["errors.svg"]), StringComparison.Ordinal);
        Assert.InRange(new FileInfo(int8).Length, 0, new FileInfo(fp32).Length / 3);

        var (a, b) = (Features(fp32), Features(int8));
        Assert.InRange(nn.functional.cosine_similarity(a.reshape(1, -1), b.reshape(1, -1)).item<float>(), 0.995f, 1.001f);

        Tensor Features(string saved)
        {
            var extracted = Torchfx.Run("extract", saved, image, "--nodes", "flatten", "--out", folder[Path.GetFileNameWithoutExtension(saved)]);
            Assert.True(extracted.ExitCode == 0, extracted.Error);
            return Safetensors.load_file(extracted.Lines.Single())["flatten"];
        }
    }

    [Fact]
    public void What_makes_no_sense_is_refused()
    {
        var image = Golden.PathOf("images", "coffee.png");
        Torchfx.Run("quantize", "resnet18", "--calibrate", image, "--out", "int8.pth").AssertFailed("--out must end with .safetensors or .onnx, which say the format, but it is 'int8.pth'.", 2);
        Torchfx.Run("quantize", "resnet18", "--calibrate", image, "--out", "int8.onnx", "--report", "errors.pdf")
            .AssertFailed("--report draws an .svg file, and is given 'errors.pdf'.", 2);
        Torchfx.Run("quantize", "r3d_18", "--calibrate", image, "--out", "int8.onnx").AssertFailed("'r3d_18' takes videos, and torchfx reads images only.");
    }
}

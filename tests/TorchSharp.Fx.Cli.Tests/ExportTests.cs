namespace TorchSharp.Fx.Cli.Tests;

public sealed class ExportTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_model_of_the_catalogue_is_written()
    {
        var run = Torchfx.Run("export", "squeezenet1_1", "--nodes", "features.5=low", "--input", "Nx3x32x32", "--out", folder["model.onnx"]);
        Assert.Equal(folder["model.onnx"], run.Lines.Single());
        Assert.InRange(new FileInfo(folder["model.onnx"]).Length, 100_000, 1_000_000);
    }

    [Theory]
    [InlineData("model.pt")]
    [InlineData("model", "--format", "torchscript")]
    public void By_its_ending_or_the_format_the_file_is_an_archive_of_TorchScript(string file, params string[] more)
    {
        var run = Torchfx.Run(["export", "squeezenet1_1", "--nodes", "features.5=low", "--out", folder[file], .. more]);
        Assert.Equal(folder[file], run.Lines.Single());
        using var loaded = torch.jit.load(folder[file]);
        using var image = torch.rand(2, 3, 40, 48);
        using var low = ((torch.Tensor[])loaded.invoke("values", image)).Single();
        Assert.Equal([2, 128, 4, 5], low.shape);
    }

    [Fact]
    public void A_file_whose_ending_says_no_format_is_refused()
        => Torchfx.Run("export", "squeezenet1_1", "--out", "model.bin").AssertFailed("The ending of --out says no format: 'model.bin' ends neither with .onnx nor with .pt. Give it one, or --format onnx or --format torchscript.", 2);

    [Fact]
    public void A_folder_that_does_not_exist_is_told_before_the_model_is_made()
        => Torchfx.Run("export", "squeezenet1_1", "--weights", "random", "--out", folder["none/model.pt"]).AssertFailed($"There is no folder '{folder["none"]}' to write 'model.pt' to; make it first.");

    [Theory]
    [InlineData("model.onnx", "ONNX")]
    [InlineData("model.pt", "TorchScript")]
    public void What_has_no_form_is_told(string file, string format)
    {
        var run = Torchfx.Run("export", "TestModels.dll:Spectrum", "--input", "4x4", "--out", folder[file]);
        Assert.Matches(@"torchfx: Node 'hfft2' \(Failing\.cs:[0-9]+\) can't be exported to " + format + ": ", run.Error);
        Assert.Equal(1, run.ExitCode);
        Assert.False(File.Exists(folder[file]));
    }
}

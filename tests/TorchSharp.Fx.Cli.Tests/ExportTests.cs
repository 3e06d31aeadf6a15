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

    [Fact]
    public void What_has_no_form_in_ONNX_is_told()
    {
        var run = Torchfx.Run("export", "swin_t", "--input", "Nx3x64x64", "--out", folder["swin.onnx"]);
        Assert.Matches(@"torchfx: Node '[a-z_0-9]+' \(\w+\.cs:[0-9]+\) can't be exported to ONNX: ", run.Error);
        Assert.Equal(1, run.ExitCode);
        Assert.False(File.Exists(folder["swin.onnx"]));
    }
}
